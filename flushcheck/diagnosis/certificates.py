"""Whether the certificate that arrives is the site's own, or that of a proxy that intercepts TLS.

A proxy that opens TLS has to present a certificate of its own, signed by an authority that the network's
machines trust. What the site's own is, only two things tell: the caller (`--pin`), and the same address
looked at past the proxy. Without either of them the issuer is all that can be said. Who opens the stream
need not hold it: nothing here names a culprit.
"""

from __future__ import annotations

from flushcheck.model import (
    Certificate,
    CertificateMatch,
    CertificateReport,
    Evidence,
    Hop,
    Run,
)

MAX_SHOWN = 200  # characters of a name that the far side wrote


def certificate_report(run: Run) -> CertificateReport | None:
    """Compare the certificate of a run with what is known of the site's own; None if there is none."""
    if run.certificate is None:
        return None
    match = compare(run.certificate, run.site_certificate, run.pins)
    return CertificateReport(run.certificate, run.site_certificate, match)


def compare(presented: Certificate, site: Certificate | None, pins: tuple[str, ...]) -> CertificateMatch:
    """Say whether a certificate is the site's own.

    Args:
        presented: the one that arrives.
        site: what the same address presents past the proxy; None if that is not known.
        pins: what the caller knows of the site's own; they decide where there are any.
    """
    if pins:
        own = {presented.public_key, presented.sha256}
        return CertificateMatch.OTHER if own.isdisjoint(pins) else CertificateMatch.SAME
    if site is None:
        return CertificateMatch.NOT_COMPARED
    # A renewed certificate may keep its key.
    if presented.sha256 == site.sha256 or (presented.public_key and presented.public_key == site.public_key):
        return CertificateMatch.SAME
    return CertificateMatch.OTHER if presented.issuer != site.issuer else CertificateMatch.UNCLEAR


def certificate_sentence(found: CertificateReport, pins: tuple[str, ...]) -> str:
    """Say who issued the certificate that arrives, and whether it is the site's own."""
    issuer = _issuer(found.presented)
    match found.match:
        case CertificateMatch.SAME:
            by = "it matches --pin" if pins else "it is the same past the proxy"
            return f"the certificate is the site's own: {by}; its issuer is {issuer}"
        case CertificateMatch.OTHER:
            return (
                f"the certificate that your network presents is not the site's: its issuer is {issuer}; "
                f"{_difference(found, pins)}"
            )
        case CertificateMatch.UNCLEAR:
            return (
                f"the site presents another certificate past the proxy, of the same issuer, {issuer}: two "
                "servers of the site may do that"
            )
    return f"the issuer of the certificate is {issuer}"


def interceptor(run: Run) -> tuple[Hop, ...]:
    """The proxy that presents a certificate of its own, as a hop; none if there is no sign of one."""
    found = certificate_report(run)
    if found is None or found.match is not CertificateMatch.OTHER:
        return ()
    what = "an intercepting proxy, which opens TLS and encrypts anew"
    sentence = f"the issuer of its certificate is {_issuer(found.presented)}; {_difference(found, run.pins)}"
    return (Hop(what, Evidence(sentence)),)


def _difference(found: CertificateReport, pins: tuple[str, ...]) -> str:
    """What the certificate that arrives differs from."""
    if found.site is not None and not pins:
        return f"past the proxy it is {_issuer(found.site)}"
    return f"--pin does not match its key, {found.presented.public_key or 'which cannot be read'}"


def _issuer(certificate: Certificate) -> str:
    return certificate.issuer[:MAX_SHOWN] or "not named in it"
