"""What a peer did, in plain words. Its own text is hostile: it is cut, and odd characters are escaped."""

from __future__ import annotations

import socket
import ssl

from flushcheck.prober.tls import NotTls

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
    if isinstance(error, NotTls):
        return f"{where} {_describe_not_tls(error.sent)}"
    if isinstance(error, ssl.SSLError):
        return f"{where} {_describe_tls_error(error)}"
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


_PASS_CERT = "pass --cert client.pem --key client.key"
_OTHER_CERT = (
    "does not accept the client certificate",
    "pass another one: --cert client.pem --key client.key",
)
_NO_VERSION = (
    "speaks no version of TLS that is allowed here",
    "update that server: TLS 1.2 and 1.3 are safe",
)

# How the reasons of OpenSSL end (ssl.h, sslerr.h: their beginnings differ between versions), with what to do.
_TLS_REASONS = {
    "CERTIFICATE_REQUIRED": ("asks for a client certificate", _PASS_CERT),
    "HANDSHAKE_FAILURE": ("refuses the TLS handshake", f"if it asks for a client certificate, {_PASS_CERT}"),
    "BAD_CERTIFICATE": _OTHER_CERT,
    "CERTIFICATE_EXPIRED": _OTHER_CERT,
    "CERTIFICATE_REVOKED": _OTHER_CERT,
    "CERTIFICATE_UNKNOWN": _OTHER_CERT,
    "UNSUPPORTED_CERTIFICATE": _OTHER_CERT,
    "UNKNOWN_CA": _OTHER_CERT,
    "ACCESS_DENIED": _OTHER_CERT,
    "PROTOCOL_VERSION": _NO_VERSION,
    "UNSUPPORTED_PROTOCOL": _NO_VERSION,
    "UNRECOGNIZED_NAME": ("has no site of this name", "check the host name"),
    "NO_APPLICATION_PROTOCOL": (
        "speaks none of the versions of HTTP that were offered",
        "offer HTTP/2 too: leave out --http1.1",
    ),
    "UNEXPECTED_EOF_WHILE_READING": (
        "closes the connection in the TLS handshake",
        "check the port; if it speaks plain HTTP, write http://",
    ),
}


def _describe_tls_error(error: ssl.SSLError) -> str:
    # Python knows no reason for those that are newer than itself: OpenSSL's own words say the same.
    reason = error.reason or str(error).partition("(")[0].rpartition("]")[2].strip()
    name = reason.upper().replace(" ", "_")
    for end, (sentence, step) in _TLS_REASONS.items():
        if name.endswith(end):
            return f"{sentence} ({printable(name)}); {step}"
    return f"does not speak TLS as expected ({printable(reason)})"


def _describe_not_tls(sent: bytes) -> str:
    if sent.startswith(b"HTTP/"):
        return "speaks plain HTTP, without TLS; write http://"
    return f"does not speak TLS: it sent {printable(sent)!r}; check the port"


def describe_not_http(sent: bytes) -> str:
    """Say what a peer sent in place of a response of HTTP/1.1."""
    if sent[:1] in (b"\x15", b"\x16") and sent[1:2] == b"\x03":
        return "it speaks TLS; write https://"
    if sent[:2] == b"\0\0" and sent[3:4] in (b"\x04", b"\x07"):  # SETTINGS, GOAWAY (RFC 9113, section 6)
        return "it speaks HTTP/2 without TLS, as no browser does"
    return printable(sent)


def describe_error(error: Exception, max_chars: int = SHOWN) -> str:
    """Say what an exception of the socket or of a protocol says."""
    if isinstance(error, ssl.SSLError):
        return f"the server {_describe_tls_error(error)}"
    text = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return printable(text, max_chars) or type(error).__name__


def describe_response(status: int, content_type: str, body: str) -> str:
    """Describe a response that is not a flushcheck stream: status, content type, how it begins."""
    begins = f", begins {printable(body)!r}" if body.strip() else ", without a body"
    return f"status {status}, {printable(content_type) or 'no content type'}{begins}"


def format_seconds(duration_s: float) -> str:
    """Return a duration as a person reads it."""
    return f"{duration_s:.1f} s"
