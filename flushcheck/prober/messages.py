"""What a far side did, in plain words. Its own text is hostile: cut, and every odd character made visible."""

from __future__ import annotations

import socket
import ssl
from http.client import IncompleteRead, LineTooLong

MAX_DETAIL = 300  # characters of an Observation's detail
SHOWN = 80  # characters of a body that is not ours


def printable(text: str | bytes, most: int = SHOWN) -> str:
    """The beginning of a stranger's text on one line, with every odd character escaped.

    Args:
        text: bytes are read as UTF-8.
        most: characters to show; an ellipsis says that there was more.
    """
    whole = text.decode(errors="replace") if isinstance(text, bytes) else text
    line = " ".join(whole.split())
    shown = "".join(char if char.isprintable() else ascii(char)[1:-1] for char in line[: most + 1])
    return shown if len(shown) <= most else f"{shown[:most]}…"


def no_connection(error: OSError, host: str, port: int, timeout_s: float) -> str:
    """Why there is no connection to `host`."""
    where = f"{host}:{port}"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate of {where} is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return (
            f"{where} does not speak TLS as expected ({printable(error.reason or str(error))}); "
            f"if it speaks plain HTTP, write http://"
        )
    if isinstance(error, socket.gaierror):
        return f"the name {host} has no address (DNS: {error.strerror})"
    if isinstance(error, TimeoutError):
        return f"no connection to {where} within {timeout_s:.1f} s"
    if isinstance(error, ConnectionRefusedError):
        return f"nothing listens on {where} (connection refused)"
    return f"no connection to {where}: {error.strerror or error}"


def no_http(error: Exception) -> str:
    """What came instead of HTTP, from the exception that http.client or the socket raised."""
    if isinstance(error, IncompleteRead):
        return "the body broke off"
    if isinstance(error, LineTooLong):
        return f"a line that never ends ({printable(str(error.args[0]).rpartition(' reading ')[2])})"
    text = printable(error.strerror or str(error)) if isinstance(error, OSError) else printable(str(error))
    return text or type(error).__name__


def say_answer(status: int, kind: str, body: bytes) -> str:
    """An answer that is not ours, in a few words: status, content type, how it begins."""
    begins = f", begins {printable(body)!r}" if body.strip() else ", without a body"
    return f"status {status}, {printable(kind) or 'no content type'}{begins}"


def seconds(duration_s: float) -> str:
    """A duration as a person reads it."""
    return f"{duration_s:.1f} s"
