"""What a peer did, in plain words. Its own text is hostile: it is cut, and odd characters are escaped."""

from __future__ import annotations

import socket
import ssl

MAX_DETAIL = 300  # characters of an observation's detail
SHOWN = 80  # characters shown of a body that is not a flushcheck stream


def printable(text: str | bytes, max_chars: int = SHOWN) -> str:
    """Return the beginning of a peer's text on one line, with every odd character escaped.

    Args:
        text: bytes are read as UTF-8.
        max_chars: how much to show; an ellipsis stands for the rest.
    """
    whole = text.decode(errors="replace") if isinstance(text, bytes) else text
    line = " ".join(whole.split())
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line[: max_chars + 1])
    return shown if len(shown) <= max_chars else f"{shown[:max_chars]}…"


def describe_connect_error(error: OSError, host: str, port: int, timeout_s: float, family: str = "") -> str:
    """Say why there is no connection to `host`.

    Args:
        error: what was raised.
        host: where the connection goes.
        port: the same.
        timeout_s: how long it took.
        family: the only kind of address that was allowed, for example "IPv6"; "" for any.
    """
    where = f"{host}:{port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return _untrusted(where, error)
    if isinstance(error, ssl.SSLError):
        return (
            f"{where} does not speak TLS as expected ({printable(error.reason or str(error))}); "
            f"if it speaks plain HTTP, write http://"
        )
    if isinstance(error, socket.gaierror) and family:
        option = f"-{family[-1]}"
        return f"{host} has no {family} address, and {option} allows no other (DNS: {error.strerror})"
    if isinstance(error, socket.gaierror):
        return f"the name {host} has no address (DNS: {error.strerror})"
    if isinstance(error, TimeoutError):
        return f"no connection to {where} within {format_seconds(timeout_s)}"
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens on {where} (connection refused)"
    return f"no connection to {where}: {error.strerror or error}"


# What OpenSSL found, by its number (x509_vfy.h), with what to do about it.
_LOOK_ANYWAY = "pass -k to test it anyway"
_CERTIFICATES = {
    9: ("it is not valid yet", f"check the clock of this machine, or {_LOOK_ANYWAY}"),
    10: ("it has expired", f"renew it, or {_LOOK_ANYWAY}"),
    18: ("it is self-signed", f"pass --cacert FILE with this certificate, or {_LOOK_ANYWAY}"),
    62: ("it is for another host name", f"use a name that it is for, or {_LOOK_ANYWAY}"),
    64: ("it is for another address", f"use the host name that it is for, or {_LOOK_ANYWAY}"),
}
_NO_ISSUER = (
    "its authority is not trusted here",
    f"pass --cacert FILE with the certificate of that authority, or {_LOOK_ANYWAY}",
)
_CERTIFICATES |= {2: _NO_ISSUER, 19: _NO_ISSUER, 20: _NO_ISSUER, 21: _NO_ISSUER}


def _untrusted(where: str, error: ssl.SSLCertVerificationError) -> str:
    reason, step = _CERTIFICATES.get(error.verify_code, (error.verify_message, _LOOK_ANYWAY))
    return f"the certificate of {where} is not trusted: {reason}; {step}"


def describe_error(error: Exception) -> str:
    """Say what an exception of the socket or of a protocol says."""
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return printable(text) or type(error).__name__


def describe_response(status: int, content_type: str, body: str) -> str:
    """Describe a response that is not a flushcheck stream: status, content type, how it begins."""
    begins = f", begins {printable(body)!r}" if body.strip() else ", without a body"
    return f"status {status}, {printable(content_type) or 'no content type'}{begins}"


def format_seconds(duration_s: float) -> str:
    """Return a duration as a person reads it."""
    return f"{duration_s:.1f} s"
