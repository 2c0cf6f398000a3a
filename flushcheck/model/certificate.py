"""The certificate that a server presents over TLS, as far as it tells whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Certificate:
    """One certificate. Its names are text of the far side: escape them where they are rendered."""

    subject: str = ""  # for example "example.org"; "": it has no name there, or cannot be read
    issuer: str = ""  # for example "Let's Encrypt, R11"
    expires: str = ""  # in UTC, for example "2027-06-01 12:00:00"
    sha256: str = ""  # the fingerprint, in hexadecimal
    public_key: str = ""  # its SHA-256 as curl writes a pin: "sha256//" and Base64


class CertificateMatch(StrEnum):
    """Whether the certificate that arrives is the site's own."""

    SAME = "same"
    OTHER = "other"  # something on the path presents its own
    UNCLEAR = "unclear"  # another key of the same issuer: the site may have several
    NOT_COMPARED = "not_compared"  # nothing gave the site's own


@dataclass(frozen=True, slots=True)
class CertificateReport:
    """The certificate that the path presents, beside what is known of the site's own."""

    presented: Certificate
    site: Certificate | None  # that was presented past the proxy; None: it was not looked at
    match: CertificateMatch
