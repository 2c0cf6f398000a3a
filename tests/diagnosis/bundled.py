"""Reports whose culprits need lines in one server: what bundles are made of."""

from __future__ import annotations

from flushcheck.culprits import CULPRITS
from flushcheck.diagnosis.bundle_formats import Site
from flushcheck.diagnosis.bundles import bundles
from flushcheck.model import (
    Bundle,
    Confidence,
    Culprit,
    CulpritReport,
    Fix,
    OfferedFix,
    Owner,
    Place,
    Server,
    Transport,
)

CHAT = Site("/chat/", "http://example.org:8080")


def needs(*fixes: Fix, name: str = "an-id", confidence: Confidence = Confidence.CERTAIN) -> CulpritReport:
    """A culprit with these fixes left."""
    return CulpritReport(
        Culprit(name, "", "", "", "", fixes),
        confidence,
        (Transport.CHUNKED,),
        (),
        chosen=tuple(OfferedFix(fix) for fix in fixes),
    )


def line(change: str, server: Server = Server.NGINX, place: Place | None = Place.ADDRESS, **fields) -> Fix:
    """A fix that can be pasted."""
    return Fix("here", change, Owner.SERVER, server=server, place=place, **fields)


def text(*reports: CulpritReport, site: Site = CHAT) -> str:
    """The text of the one server that these culprits need."""
    (bundle,) = bundles(reports, site)
    return bundle.change


def of_catalogue(server: Server) -> tuple[CulpritReport, ...]:
    """Every culprit with a fix for this server, as a run leaves it where this server is the one on the path."""
    own = ((culprit, [fix for fix in culprit.fixes if fix.server is server]) for culprit in CULPRITS.values())
    return tuple(needs(*fixes, name=culprit.id) for culprit, fixes in own if fixes)


def every_bundle(server: Server, site: Site = CHAT) -> dict[str, Bundle]:
    """One bundle for each culprit of the catalogue, and one for all of them together."""
    reports = of_catalogue(server)
    made = {report.id: bundles([report], site) for report in reports}
    made["all together"] = bundles(reports, site)
    return {name: found[0] for name, found in made.items() if found}
