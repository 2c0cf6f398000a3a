"""Two mounts of one origin in one app: which layers lie between them, and what a comparison allows to say.

Both mounts share the app's server and the path. What is wrong at the innermost one alone is the fault of the
layers between the two; what is wrong at both has its cause further out. The other way round cannot be: then
the addresses are not what the caller took them for, and nothing is concluded.

The names of the layers are what the origins say (`layers` of their capabilities): each the dotted name of a
layer, and behind a space its program and version, for example "django.middleware.gzip.GZipMiddleware
Django/5.2". They convict no layer: a known one is named if it compresses, if the stream is compressed at the
innermost mount only, and if it flows without compression.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flushcheck.culprits import CULPRITS, app_layer
from flushcheck.culprits.evidence import variant_evidence
from flushcheck.diagnosis.fault_location import wrong_at_outermost_only
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Run,
    Side,
    Source,
    Transport,
    Vantage,
    Variant,
    Version,
    VersionChange,
)
from flushcheck.model.versions import version_named

MAX_NAMES = 12  # in one sentence


def layers_between(run: Run) -> tuple[str, ...]:
    """The layers between the two mounts, from the outermost to the innermost, as the origins name them."""
    if not run.outer or run.capabilities is None:
        return ()
    outside = run.outer_capabilities.layers if run.outer_capabilities else ()
    inside = run.capabilities.layers
    return inside[len(outside) :] if inside[: len(outside)] == outside else inside


def layer_name(layer: str) -> str:
    """A layer in a sentence, for example "GZipMiddleware (Django/5.2)"."""
    path, _, program = layer.partition(" ")
    name = path.rpartition(".")[2] or path
    return f"{name} ({program})" if program else name


def layers_evidence(layers: Sequence[str]) -> tuple[Evidence, ...]:
    """The names of the layers; nothing where no origin says them."""
    if not layers:
        return ()
    names = ", ".join(map(layer_name, layers[:MAX_NAMES]))
    more = f" and {len(layers) - MAX_NAMES} more" if len(layers) > MAX_NAMES else ""
    return (Evidence(f"between the two mounts, from the outermost: {names}{more}"),)


def mounts_fault(run: Run, seen: Observations) -> str:
    """Why two mounts show nothing that can be true; "" if they do, or if there is only one."""
    if not run.outer:
        return ""
    inner, outer = (
        caps.place if caps is not None else "" for caps in (run.capabilities, run.outer_capabilities)
    )
    if (inner, outer) == ("outer", "inner"):
        return (
            f"the origins say that {run.target} is the outermost mount and {run.outer} the innermost one; "
            f"exchange the two: flushcheck diagnose {run.outer} --outer {run.target}"
        )
    if found := wrong_at_outermost_only(run, seen):
        return (
            f"{found}. All that passes the innermost mount passes the outermost one's place too, so the two "
            "addresses are in the wrong order, or they take different ways through what stands in front"
        )
    return ""


def of_the_app(
    detections: Sequence[Detection], seen: Observations, transport: Transport, layers: Sequence[str]
) -> list[Detection]:
    """The detections of a Transport, where two mounts show the app's own layers at fault.

    Then no other program is: of the culprits found, those of an app remain.

    Args:
        detections: what all detectors found.
        seen: what one Client saw.
        transport: of the detections.
        layers: between the two mounts.
    """
    mounts = next((found for found in detections if found.culprit is app_layer.CULPRIT), None)
    if mounts is None:
        return list(detections)
    others = [
        found
        for found in detections
        if found is not mounts and Source.APP in found.culprit.shown_by and not found.culprit.generic
    ]
    known = _known_compressor(seen, transport, layers)
    evidence = (*mounts.evidence, *layers_evidence(layers))
    if known is None:
        return [replace(mounts, evidence=evidence), *others]
    encoding = seen.compressed(transport)
    facts = (
        *evidence,
        Evidence(f"{transport}: at the innermost mount it comes as {encoding}, at the outermost one plain"),
        variant_evidence(seen, transport, Variant.IDENTITY),
    )
    return [
        Detection(known, Confidence.LIKELY, facts),
        *(found for found in others if found.culprit is not known),
    ]


def _known_compressor(seen: Observations, transport: Transport, layers: Sequence[str]) -> Culprit | None:
    """The one layer of the catalogue between the mounts, if the hold is that of a compressor there."""
    outermost = seen.get(replace(seen.baseline(transport), vantage=Vantage.OUTER))
    if outermost is None or outermost.header("content-encoding") or not seen.compressed(transport):
        return None
    if seen.frees(transport, Variant.IDENTITY) is not Answer.YES:
        return None
    paths = {layer.partition(" ")[0] for layer in layers}
    known = [culprit for culprit in CULPRITS.values() if paths.intersection(culprit.layers)]
    guilty = [culprit for culprit in known if not _is_mended(culprit, layers)]
    return guilty[0] if len(guilty) == 1 else None


def _is_mended(culprit: Culprit, layers: Sequence[str]) -> bool:
    """Whether the version of the layer is one that does not hold: a fix that says so names the change."""

    def version_of(change: VersionChange) -> Version:
        return version_named(change.program, layers)

    return any(
        fix.until is not None and fix.until.side(version_of(fix.until)) is Side.SINCE for fix in culprit.fixes
    )
