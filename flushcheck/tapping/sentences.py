"""The words of a TapReport."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from flushcheck.model import Observation, Verdict
from flushcheck.tapping.notes import VIEW, Fault, TapNotes
from flushcheck.tapping.report import TapCause, TapReport, TapRung

NO_PLACES = "the response passed no tap; call flushcheck.taps.install last, around the whole app"

FIX_SYNC = (
    "make the view's iterator asynchronous (`async def` with `yield`): under ASGI Django reads a synchronous "
    "one to its end before it sends the first byte"
)
FIX_ASYNC = (
    "make the view's iterator synchronous (`def` with `yield`), or serve the app over ASGI: under WSGI an "
    "asynchronous one is read to its end before the first byte is sent"
)
FIX_LOOP = (
    "find the call that blocks the event loop in this view or in another request, for example time.sleep() "
    "or requests.get(): await an asynchronous one, or run it in a thread (asyncio.to_thread)"
)
FIX_VIEW = (
    "yield each part when it is ready; a decorator of the view, or a layer that has no tap, may join the "
    "parts, too"
)

FIX_COMPRESSING_VIEW = (
    "take the decorator that compresses off this view, for example gzip_page, or give the response the "
    "header Content-Encoding: identity"
)

# The first byte of a view is worth a note from here on.
SLOW_FIRST_S = 1.0
NOTED_QUEUE_S = 0.4
NOTED_BLOCK_S = 0.3


def layer(report: TapReport, rung: TapRung, cause: TapCause) -> str:
    """The headline of a hold in the app."""
    before = report.rungs[report.rungs.index(rung) - 1]
    name = f"{rung.name} {rung.version}".strip()
    if rung.deliveries < before.deliveries:
        did = f"{name} took {_deliveries(before)} and passed on {rung.deliveries}"
    else:
        did = f"{name} delayed each delivery"
    sentence = f"held in the app: {did}, up to {rung.waited_s:.2f} s late"
    if cause is TapCause.SYNC_ITERATOR:
        return f"{sentence}; the view returns a synchronous iterator under ASGI"
    if cause is TapCause.ASYNC_ITERATOR:
        return f"{sentence}; the view returns an asynchronous iterator under WSGI"
    return sentence


def event_loop(report: TapReport) -> str:
    """The headline of a blocked event loop."""
    return (
        f"held in the app: its event loop was blocked for {report.loop_blocked_s:.1f} s of this response, "
        "and nothing is sent meanwhile"
    )


def path(report: TapReport) -> str:
    """The headline of a hold on the path."""
    outermost, reader = report.rungs[-2:]
    return (
        f"held on the path: the app handed {_deliveries(outermost)} to its server, and {_deliveries(reader)} "
        f"arrived, up to {reader.waited_s:.2f} s late; the app and its layers pass the stream on"
    )


def error(report: TapReport, fault: Fault) -> str:
    """The headline of a response that ends where a layer raises an error."""
    name = "the view" if fault.name == VIEW else fault.name
    return (
        f"broken in the app: {name} {fault.what} after the header had left, and the response ends "
        f"there; {_deliveries(report.rungs[-2])} came to the server"
    )


def queue(report: TapReport) -> str:
    """The headline of a request that waited before the app had it."""
    return (
        f"held before the app: the request waited {report.queued_s:.1f} s before the app got it, and then "
        "the stream flowed. All workers of the server were busy, or a hop waited"
    )


def view(rung: TapRung, *, whole: bool) -> str:
    """The headline of a view that makes its response at once."""
    made = "makes its response as a whole" if whole else f"makes all its {rung.chunks} chunks at once"
    return f"the view itself {made}, after {rung.times_s[0]:.2f} s: no layer holds it"


def compressing_view(rung: TapRung, encoding: str) -> str:
    """The headline of a view that compresses, without a flush."""
    return (
        f"held in the view: what it returns is {encoding} already, its header after {rung.times_s[0]:.2f} s "
        f"and all the rest after {rung.times_s[-1]:.2f} s; no layer outside of the view holds it"
    )


def too_few(rung: TapRung) -> str:
    """Why this says nothing of holds."""
    if not rung.chunks:
        return "the view made no chunk"
    if rung.deliveries == 1 and rung.chunks > 1:
        return (
            f"the view made all its {rung.chunks} chunks within {rung.times_s[-1] - rung.times_s[0]:.3f} s; "
            "ask for a stream that takes longer"
        )
    return f"the view made {_deliveries(rung)}; ask for a longer stream"


def members(name: str) -> str:
    """The headline of a gzip body that browsers do not read to its end."""
    return (
        f"broken: {name} writes a gzip member of its own for each chunk; browsers and curl read the first "
        "one only"
    )


def flowing(report: TapReport) -> str:
    """The headline of a stream that flows."""
    first, reader = report.rungs[0], report.rungs[-1]
    return (
        f"flowing: the view made {_deliveries(first)}, and {_deliveries(reader)} arrived; no layer "
        "and no hop holds them"
    )


def all_left(report: TapReport) -> str:
    """What the app did with a response that was cut."""
    return f"the app handed {_deliveries(report.rungs[-2])} to its server"


def evidence(report: TapReport) -> Iterator[str]:
    """What each layer that holds did."""
    for number, rung in enumerate(report.rungs):
        if rung.holds:
            before = report.rungs[number - 1]
            yield (
                f"between {before.name} and {rung.name}: {_deliveries(before)} in, {_deliveries(rung)} out, "
                f"the longest wait {rung.waited_s:.2f} s"
            )


def notes(report: TapReport, app: TapNotes, seen: Observation) -> Iterator[str]:
    """What else the taps show."""
    if report.rungs and report.rungs[0].times_s and report.rungs[0].times_s[0] >= SLOW_FIRST_S:
        yield f"the view made its first chunk after {report.rungs[0].times_s[0]:.1f} s: the app's own time"
    if report.cause is not TapCause.QUEUE and report.queued_s >= NOTED_QUEUE_S:
        yield (
            f"the request waited {report.queued_s:.1f} s before the app got it: workers were busy, or the "
            "network is slow"
        )
    if report.cause is not TapCause.EVENT_LOOP and report.loop_blocked_s >= NOTED_BLOCK_S:
        longest = max(block.for_s for block in app.blocks)
        yield (
            f"the event loop was blocked for {report.loop_blocked_s:.1f} s during this response (once for "
            f"{longest:.2f} s): other requests wait meanwhile. {FIX_LOOP}"
        )
    if seen.status and report.verdict is Verdict.HELD and _had_length(app):
        yield "the response has a Content-Length: something had all of it before it sent the header"
    if any(place.truncated for place in app.places):
        yield "the response has more chunks than the taps note: the last ones are not shown"


def _had_length(app: TapNotes) -> bool:
    return any(outer.content_length and not inner.content_length for inner, outer in pairwise(app.places))


def _deliveries(rung: TapRung) -> str:
    return "1 delivery" if rung.deliveries == 1 else f"{rung.deliveries} deliveries"
