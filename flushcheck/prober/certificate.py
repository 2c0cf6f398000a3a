"""What a certificate says of itself, from its DER, also where it was not verified.

`ssl` shows the names of a verified certificate only, and a public key never. Four fields are needed, and the
structure in front of them is fixed (RFC 5280, section 4.1), so they are read here: asn1crypto reads all of
ASN.1 and had its last release in 2022, cryptography is a compiled library of 4 MB. The bytes are the far
side's: every length is checked, nothing recurses, and what cannot be read stays empty.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import NamedTuple

from flushcheck.model import Certificate, UsageError
from flushcheck.prober.messages import printable

MAX_NAME = 200  # characters shown of a name
MAX_PINS = 20

_VERSION, _UTC_TIME, _TIME = 0xA0, 0x17, 0x18
# The strings of names (RFC 5280, section 4.1.2.4), with how each is written.
_ENCODINGS = {
    0x0C: "utf-8",
    0x13: "ascii",
    0x14: "latin-1",
    0x16: "ascii",
    0x1C: "utf-32-be",
    0x1E: "utf-16-be",
}

_PIN = re.compile(r"sha256//([A-Za-z0-9+/]{43}=)")
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class _Malformed(ValueError):
    """It is not the DER of a certificate."""


class _Element(NamedTuple):
    tag: int
    content: bytes
    whole: bytes  # with tag and length


def certificate(der: bytes) -> Certificate:
    """Return what a certificate says; of one that cannot be read, the fingerprint alone.

    Args:
        der: as `ssl` returns it.
    """
    fingerprint = hashlib.sha256(der).hexdigest()
    try:
        outer, *_ = _elements(der)
        body, *_ = _elements(outer.content)
        fields = _elements(body.content)
        if fields and fields[0].tag == _VERSION:
            del fields[0]
        _, _, issuer, validity, subject, key, *_ = fields  # after the serial number and the algorithm
        return Certificate(
            subject=_name(subject.content),
            issuer=_name(issuer.content),
            expires=_expires(validity.content),
            sha256=fingerprint,
            public_key=pin_of(key.whole),
        )
    except ValueError:  # also of unpacking
        return Certificate(sha256=fingerprint)


def pin_of(public_key: bytes) -> str:
    """Return the pin of a SubjectPublicKeyInfo in DER, as `curl --pinnedpubkey` takes it."""
    return f"sha256//{base64.b64encode(hashlib.sha256(public_key).digest()).decode('ascii')}"


def parse_pins(given: str) -> tuple[str, ...]:
    """Read pins: `sha256//BASE64` of a public key, or the SHA-256 fingerprint of a certificate.

    Args:
        given: one, or several with a semicolon between them, as curl has it. A fingerprint may have colons
            and a label, as openssl writes it.

    Raises:
        UsageError: it is something else.
    """
    pins = tuple(_pin(part.strip()) for part in given.split(";")[: MAX_PINS + 1])
    if len(pins) > MAX_PINS:
        raise UsageError(f"--pin: expected at most {MAX_PINS} pins, for example --pin 'sha256//…;sha256//…'")
    return pins


def _pin(given: str) -> str:
    if _PIN.fullmatch(given):
        return given
    fingerprint = given.rpartition("=")[2].replace(":", "").lower()
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise UsageError(
            f"--pin {printable(given)}: expected sha256// and the Base64 of a public key's SHA-256, or a "
            f"certificate's SHA-256 in 64 hexadecimal digits, for example --pin {pin_of(b'')}"
        )
    return fingerprint


def _elements(data: bytes) -> list[_Element]:
    """The elements that lie one behind the other.

    Raises:
        _Malformed: a length is longer than what follows, or is not one.
    """
    elements, position = [], 0
    while position < len(data):
        start, tag = position, data[position]
        if position + 1 >= len(data):
            raise _Malformed
        size, position = data[position + 1], position + 2
        if size >= 0x80:
            count = size & 0x7F
            if not 1 <= count <= 4 or position + count > len(data):
                raise _Malformed
            size, position = int.from_bytes(data[position : position + count], "big"), position + count
        if position + size > len(data):
            raise _Malformed
        elements.append(_Element(tag, data[position : position + size], data[start : position + size]))
        position += size
    return elements


def _name(content: bytes) -> str:
    """A Name on one line, for example "Example Inc, example.org"."""
    values = []
    for part in _elements(content):
        for attribute in _elements(part.content):
            _, value = _elements(attribute.content)
            values.append(value.content.decode(_ENCODINGS.get(value.tag, "latin-1"), errors="replace"))
    return printable(", ".join(values), MAX_NAME)


def _expires(content: bytes) -> str:
    """The end of a Validity (RFC 5280, section 4.1.2.5), for example "2027-06-01 12:00:00"."""
    _, end = _elements(content)
    text = end.content.decode("ascii")
    if end.tag == _UTC_TIME:
        text = ("19" if text >= "50" else "20") + text
    if end.tag not in (_UTC_TIME, _TIME) or not re.fullmatch(r"\d{14}Z", text):
        raise _Malformed
    return f"{text[:4]}-{text[4:6]}-{text[6:8]} {text[8:10]}:{text[10:12]}:{text[12:14]}"
