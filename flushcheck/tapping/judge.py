"""The rules: from the notes and the reader's observation to a TapReport."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

from flushcheck.measurement.patterns import SAME_DELIVERY_S
from flushcheck.model import Observation, Outcome, Verdict
from flushcheck.tapping import sentences
from flushcheck.tapping.ladder import MIN_DELIVERIES, Step, groups, layer_step, path_step
from flushcheck.tapping.notes import VIEW, Chunk, Place, TapNotes
from flushcheck.tapping.report import TapCause, TapPlace, TapReport, TapRung

# A view that makes its first byte this late, and all of it then, is slow; a quicker one has nothing to
# stream.
SLOW_S = 0.3

# ... within this share of the time that it took for the first one.
AT_ONCE_SHARE = 0.1

# The request waited before the app had it: worth a note, and worth the verdict.
NOTED_QUEUE_S = 0.4
QUEUE_S = 1.0

# The event loop stood still for this long, all times together, or for this share of the response.
BLOCKED_S = 0.3
BLOCKED_SHARE = 0.5

# Chunks that waited for the event loop pass within this time when it runs again.
PILE_S = 0.02

READER = "reader"

# The layer that reads a synchronous iterator to its end. A middleware of Django or of the app is another.
DJANGO_HANDLERS = "django.core.handlers."

# A header of gzip with the file name that Django writes into it; a first delivery of this size has no text.
MAX_GZIP_HEAD_BYTES = 111

# What lets a person know the fix of a layer: its name, where it is defined, and the version of its package.
Advice = Callable[[str, str, str], str]


def judge_tap(url: str, notes: TapNotes, seen: Observation, *, advice: Advice) -> TapReport:
    """Return what the notes of the app and the look of the reader show together.

    Args:
        url: as it is shown.
        notes: of the app.
        seen: the same request, as the reader saw it.
        advice: the fix of a layer.
    """
    reader = [Chunk(arrival.at_s, arrival.size_bytes) for arrival in seen.arrivals]
    steps = [layer_step(inner, outer) for inner, outer in pairwise(notes.places)]
    path = _path(notes, reader, seen)
    if path.waited_s <= seen.stall_s:  # the observer itself did not run meanwhile
        path = replace(path, holds=False)
    base = TapReport(
        url,
        Verdict.UNKNOWN,
        "",
        rungs=_rungs(notes, steps, reader, path),
        queued_s=max(0.0, path.before_s),
        loop_blocked_s=sum(block.for_s for block in notes.blocks),
        protocol=notes.protocol,
        server=notes.server,
    )
    concluded = _conclude(base, notes, seen, advice)
    return replace(concluded, notes=tuple(sentences.notes(concluded, notes, seen)))


def without_notes(url: str, why: str) -> TapReport:
    """Return the report of a request that no tap noted."""
    return TapReport(url, Verdict.UNKNOWN, f"could not tell: {why}")


def _conclude(base: TapReport, notes: TapNotes, seen: Observation, advice: Advice) -> TapReport:
    if not 200 <= seen.status < 300:
        return replace(base, headline=f"could not tell: {seen.detail or f'status {seen.status}'}")
    if not notes.places:
        return replace(base, headline=f"could not tell: {sentences.NO_PLACES}")
    if notes.fault.name and (notes.fault.escaped or seen.outcome is Outcome.CUT):
        place = TapPlace.VIEW if notes.fault.name == VIEW else TapPlace.APP
        return replace(
            base,
            verdict=Verdict.BROKEN,
            place=place,
            cause=TapCause.ERROR,
            headline=sentences.error(base, notes.fault),
        )
    if seen.unread_bytes:
        return _gzip_members(base, advice)
    if base.guilty and base.guilty[0].name != READER:
        return _in_app(base, notes, advice)
    if base.rungs[0].deliveries < MIN_DELIVERIES:
        return _few(base, notes)
    if seen.outcome is Outcome.CUT:
        headline = f"broken on its way: {sentences.all_left(base)}, and the response was cut: {seen.detail}"
        return replace(
            base, verdict=Verdict.BROKEN, place=TapPlace.PATH, cause=TapCause.PATH, headline=headline
        )
    if _loop_blocked(base, notes) and (base.guilty or _piled_up(base, notes)):
        return _blocked(base)
    if base.guilty:
        return _held(base, TapPlace.PATH, TapCause.PATH, sentences.path(base))
    if base.queued_s >= QUEUE_S:
        return _held(base, TapPlace.SERVER, TapCause.QUEUE, sentences.queue(base))
    return replace(base, verdict=Verdict.FLOWING, headline=sentences.flowing(base))


def _held(base: TapReport, place: TapPlace, cause: TapCause, headline: str, fix: str = "") -> TapReport:
    return replace(base, verdict=Verdict.HELD, place=place, cause=cause, headline=headline, fix=fix)


def _in_app(base: TapReport, notes: TapNotes, advice: Advice) -> TapReport:
    rung = base.guilty[0]
    place = notes.places[base.rungs.index(rung) - 1]  # the tap inside of the layer
    evidence = tuple(sentences.evidence(base))
    if notes.protocol == "asgi" and place.body == "sync" and rung.layer.startswith(DJANGO_HANDLERS):
        cause, fix = TapCause.SYNC_ITERATOR, sentences.FIX_SYNC
    elif notes.protocol == "wsgi" and place.body == "async":
        cause, fix = TapCause.ASYNC_ITERATOR, sentences.FIX_ASYNC
    elif _loop_blocked(base, notes):
        return replace(_blocked(base), evidence=evidence)
    else:
        cause, fix = TapCause.LAYER, advice(rung.name, rung.layer, rung.version)
    held = _held(base, TapPlace.APP, cause, sentences.layer(base, rung, cause), fix)
    return replace(held, evidence=evidence)


def _blocked(base: TapReport) -> TapReport:
    return _held(base, TapPlace.APP, TapCause.EVENT_LOOP, sentences.event_loop(base), sentences.FIX_LOOP)


def _loop_blocked(base: TapReport, notes: TapNotes) -> bool:
    """Whether the event loop stood still for most of the response."""
    lasted_s = max((place.chunks[-1].at_s for place in notes.places if place.chunks), default=0.0)
    return base.loop_blocked_s >= max(BLOCKED_S, BLOCKED_SHARE * lasted_s)


def _piled_up(base: TapReport, notes: TapNotes) -> bool:
    """Whether chunks came to the view's tap together after a block: something had made them meanwhile."""
    times_s = base.rungs[0].times_s
    return any(
        following - before >= BLOCKED_S
        and sum(0 <= at_s - following <= PILE_S for at_s in times_s) >= MIN_DELIVERIES
        and any(
            block.for_s >= BLOCKED_S and before < block.at_s + block.for_s <= following + PILE_S
            for block in notes.blocks
        )
        for before, following in pairwise(times_s)
    )


def _few(base: TapReport, notes: TapNotes) -> TapReport:
    """The view made too little, or all of it at once."""
    view = base.rungs[0]
    first_s = view.times_s[0] if view.times_s else 0.0
    if view.chunks and _loop_blocked(base, notes):
        return _blocked(base)
    if view.chunks and first_s >= SLOW_S and view.times_s[-1] - first_s <= AT_ONCE_SHARE * first_s:
        whole = notes.places[0].body == "whole" or view.chunks == 1
        return _held(
            base, TapPlace.VIEW, TapCause.VIEW, sentences.view(view, whole=whole), sentences.FIX_VIEW
        )
    if _compresses_at_the_end(notes.places[0]):
        headline = sentences.compressing_view(view, notes.places[0].content_encoding)
        return _held(base, TapPlace.VIEW, TapCause.VIEW, headline, sentences.FIX_COMPRESSING_VIEW)
    return replace(base, headline=f"could not tell: {sentences.too_few(view)}")


def _compresses_at_the_end(view: Place) -> bool:
    """Whether a view hands out the header of gzip, and all the rest later: a decorator compresses it."""
    deliveries = groups(view.chunks)
    return (
        "gzip" in view.content_encoding
        and len(deliveries) == 2
        and deliveries[0].size_bytes <= MAX_GZIP_HEAD_BYTES < deliveries[1].size_bytes
        and deliveries[1].at_s - deliveries[0].at_s >= SLOW_S
    )


def _gzip_members(base: TapReport, advice: Advice) -> TapReport:
    rung = next((rung for rung in base.rungs if "gzip" in rung.content_encoding), None)
    if rung is None:
        return replace(
            base,
            verdict=Verdict.BROKEN,
            place=TapPlace.PATH,
            cause=TapCause.GZIP_MEMBERS,
            headline=sentences.members("something on the path"),
        )
    rungs = tuple(replace(each, holds=each is rung) for each in base.rungs)
    return replace(
        base,
        verdict=Verdict.BROKEN,
        place=TapPlace.APP,
        cause=TapCause.GZIP_MEMBERS,
        headline=sentences.members(rung.name),
        rungs=rungs,
        fix=advice(rung.name, rung.layer, rung.version),
    )


def _path(notes: TapNotes, reader: list[Chunk], seen: Observation) -> Step:
    """What lies between app and reader did."""
    if not notes.places:
        return Step(0.0, holds=False)
    outermost = notes.places[-1]
    if not reader and len(groups(outermost.chunks, SAME_DELIVERY_S)) >= MIN_DELIVERIES:
        # The request was stopped before the first byte arrived, and the app had sent more.
        return Step(max(0.0, seen.ended_s - outermost.chunks[0].at_s), holds=True)
    encoding = seen.header("content-encoding").strip().lower()
    return path_step(outermost, reader, same_bytes=encoding == outermost.content_encoding.strip())


def _rungs(notes: TapNotes, steps: list[Step], reader: list[Chunk], path: Step) -> tuple[TapRung, ...]:
    rungs = []
    encoding = ""
    for number, place in enumerate(notes.places):
        step = steps[number - 1] if number else Step(0.0, holds=False)
        added = place.content_encoding if place.content_encoding != encoding else ""
        encoding = place.content_encoding
        rungs.append(_rung(place, step, added))
    return (
        *rungs,
        TapRung(
            READER,
            len(reader),
            len(groups(reader, SAME_DELIVERY_S)),
            sum(chunk.size_bytes for chunk in reader),
            tuple(chunk.at_s for chunk in reader),
            waited_s=path.waited_s,
            holds=path.holds,
        ),
    )


def _rung(place: Place, step: Step, added: str) -> TapRung:
    return TapRung(
        place.name,
        len(place.chunks),
        len(groups(place.chunks)),
        sum(chunk.size_bytes for chunk in place.chunks),
        tuple(chunk.at_s for chunk in place.chunks),
        layer=place.layer,
        version=place.version,
        content_encoding=added,
        waited_s=step.waited_s,
        holds=step.holds,
    )
