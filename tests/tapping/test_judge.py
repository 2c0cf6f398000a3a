"""What notes and the reader's look show together: a guilty run and an innocent one of each cause."""

from __future__ import annotations

from typing import Any

import pytest

from flushcheck.model import Arrival, Observation, Outcome, Probe, Scenario, Transport, Verdict
from flushcheck.tapping.judge import judge_tap, without_notes
from flushcheck.tapping.notes import Block, Chunk, Fault, Place, TapNotes
from flushcheck.tapping.report import TapCause, TapPlace, TapReport

HELD, FLOWING, BROKEN, UNKNOWN = Verdict.HELD, Verdict.FLOWING, Verdict.BROKEN, Verdict.UNKNOWN
DJANGO = "django.core.handlers.asgi.ASGIHandler"

Pairs = list[tuple[float, int]]


def steady(count: int = 10, size: int = 50, gap_s: float = 0.1, late_s: float = 0.0) -> Pairs:
    return [(gap_s * (number + 1) + late_s, size) for number in range(count)]


END: Pairs = [(1.0, 500)]


def place(name: str, chunks: Pairs, **more: Any) -> Place:
    return Place(name, tuple(Chunk(at_s, size) for at_s, size in chunks), **more)


def reader(chunks: Pairs, **more: Any) -> Observation:
    fields: dict[str, Any] = {"outcome": Outcome.COMPLETE, "status": 200} | more
    return Observation(
        Probe(Transport.CHUNKED, Scenario.OWN),
        arrivals=tuple(Arrival(at_s, size, size) for at_s, size in chunks),
        **fields,
    )


def judged(places: list[Place], seen: Observation, **more: Any) -> TapReport:
    return judge_tap(
        "http://a/chat",
        TapNotes(tuple(places), **more),
        seen,
        advice=lambda name, path, version: f"fix {name} {path}",
    )


VIEW = place("view", steady(), body="sync")
GZIP = place("GZip", END, layer="g.GZip", version="2.1", content_encoding="gzip")
GOOD = place("Common", steady())
BUSY = (Block(0.1, 0.5), Block(0.7, 0.3))
SOON = steady(late_s=0.01)

# Three chunks alone, then three that waited together.
PILE: Pairs = [(0.05, 50), (0.1, 50), (0.15, 50), (1.0, 50), (1.005, 50), (1.019, 50)]
SPREAD: Pairs = [*PILE[:-1], (1.021, 50)]
CLOSE: Pairs = [(0.05, 50), (0.1, 50), (0.71, 50), (1.0, 50), (1.005, 50), (1.019, 50)]


def gzip_view(
    head: tuple[float, int], rest: tuple[float, int], *more: tuple[float, int], encoding: str = "gzip"
) -> Place:
    return place("view", [head, rest, *more], body="sync", content_encoding=encoding)


TABLE: list[tuple[str, list[Place], Observation, dict[str, Any], Verdict, str, str, str]] = [
    # name,                            places, reader, notes, verdict, place, cause, among headline, fix and notes
    ("all pass it on", [VIEW, GOOD], reader(SOON), {}, FLOWING, "", "", "10 deliveries arrived"),
    ("a layer joins", [VIEW, GZIP, place("Common", END)], reader([(1.01, 500)]), {}, HELD, "app", "layer",
     "held in the app: GZip 2.1 took 10 deliveries and passed on 1, up to 0.90 s late"),
    ("a layer delays", [VIEW, place("Slow", steady(late_s=0.08))], reader(steady(late_s=0.09)), {}, HELD, "app", "layer",
     "Slow delayed each delivery, up to 0.08 s late"),
    ("its fix", [VIEW, GZIP], reader([(1.01, 500)]), {}, HELD, "app", "layer", "fix GZip g.GZip"),
    ("the path joins", [VIEW, GOOD], reader([(1.01, 500)]), {}, HELD, "path", "path",
     "held on the path: the app handed 10 deliveries to its server, and 1 delivery arrived, up to 0.90 s late"),
    ("the reader itself stood still", [VIEW, GOOD], reader([(1.01, 500)], stall_s=0.95), {}, FLOWING, "", "", ""),
    ("... for less", [VIEW, GOOD], reader([(1.01, 500)], stall_s=0.85), {}, HELD, "path", "path", ""),
    ("nothing arrived in time", [VIEW, GOOD], reader([], outcome=Outcome.STOPPED, ended_s=5.0), {}, HELD, "path", "path", "up to 4.90 s late"),
    ("stopped meanwhile", [VIEW, GOOD], reader(steady(5, late_s=0.01), outcome=Outcome.STOPPED), {}, FLOWING, "", "", ""),
    ("compressed on the path, and flushed", [VIEW, GOOD], reader(steady(size=20, late_s=0.01), headers=(("content-encoding", "br"),)), {}, FLOWING, "", "", ""),
    ("compressed on the path, and held", [VIEW, GOOD], reader([(1.01, 70)], headers=(("content-encoding", "br"),)), {}, HELD, "path", "path", ""),
    ("the path cuts", [VIEW, GOOD], reader(steady(5, late_s=0.01), outcome=Outcome.CUT, detail="reset"), {}, BROKEN, "path", "path",
     "the response was cut: reset"),
    ("the view raises", [VIEW, GOOD], reader(steady(5, late_s=0.01), outcome=Outcome.CUT), {"fault": Fault("view", "raised ValueError")}, BROKEN,
     "view", "error", "broken in the app: the view raised ValueError after the header had left, and the response ends there; 10 deliveries came"),
    ("a layer raises, and the server ends it well", [VIEW, GOOD], reader(SOON), {"fault": Fault("Common", "raised KeyError", escaped=True)}, BROKEN,
     "app", "error", "Common raised KeyError"),
    ("a layer raises, and another one takes it", [VIEW, GOOD], reader(SOON), {"fault": Fault("Common", "raised KeyError")}, FLOWING, "", "", ""),
    ("a synchronous iterator under ASGI", [VIEW, place("ASGIHandler", END, layer=DJANGO)], reader([(1.01, 500)]), {"protocol": "asgi"},
     HELD, "app", "sync-iterator", "the view returns a synchronous iterator under ASGI"),
    ("an asynchronous one there", [place("view", steady(), body="async"), place("ASGIHandler", END, layer=DJANGO)], reader([(1.01, 500)]),
     {"protocol": "asgi"}, HELD, "app", "layer", "ASGIHandler took 10"),
    ("a synchronous one of another framework", [VIEW, place("Joiner", END, layer="app.Joiner")], reader([(1.01, 500)]), {"protocol": "asgi"},
     HELD, "app", "layer", "Joiner took 10"),
    ("a package with Django in its name", [VIEW, place("Joiner", END, layer="my.django_apps.Joiner")], reader([(1.01, 500)]), {"protocol": "asgi"},
     HELD, "app", "layer", "Joiner took 10"),
    ("a middleware of Django", [VIEW, place("GZip", END, layer="django.middleware.gzip.GZip")], reader([(1.01, 500)]), {"protocol": "asgi"},
     HELD, "app", "layer", "GZip took 10"),
    ("an asynchronous iterator under WSGI", [place("view", steady(), body="async"), place("WSGIHandler", END)], reader([(1.01, 500)]),
     {"protocol": "wsgi"}, HELD, "app", "async-iterator", "the view returns an asynchronous iterator under WSGI"),
    ("the event loop, seen by a layer", [VIEW, place("Base", END)], reader([(1.01, 500)]), {"blocks": BUSY}, HELD, "app", "event-loop",
     "its event loop was blocked for 0.8 s"),
    ("the event loop, seen by the reader", [VIEW, GOOD], reader([(1.01, 500)]), {"blocks": BUSY}, HELD, "app", "event-loop", "asyncio.to_thread"),
    ("the event loop, seen by the view", [place("view", [(1.0, 50), (1.001, 50)])], reader([(1.01, 100)]), {"blocks": BUSY}, HELD, "app",
     "event-loop", ""),
    ("the event loop, less than half of it", [VIEW, GOOD], reader([(1.01, 500)]), {"blocks": (Block(0.1, 0.49),)}, HELD, "path", "path",
     "the event loop was blocked for 0.5 s during this response (once for 0.49 s)"),
    ("the event loop, and it flows", [VIEW, GOOD], reader(SOON), {"blocks": BUSY}, FLOWING, "", "", "other requests wait meanwhile"),
    ("the event loop, and chunks pile up", [place("view", PILE)], reader(PILE), {"blocks": (Block(0.2, 0.8),)}, HELD, "app", "event-loop",
     "its event loop was blocked for 0.8 s"),
    ("two chunks are no pile", [place("view", PILE[:-1])], reader(PILE[:-1]), {"blocks": (Block(0.2, 0.8),)}, FLOWING, "", "", ""),
    ("a pile that is spread out", [place("view", SPREAD)], reader(SPREAD), {"blocks": (Block(0.2, 0.8),)}, FLOWING, "", "", ""),
    ("a pile after a short wait", [place("view", CLOSE)], reader(CLOSE), {"blocks": (Block(0.2, 0.8),)}, FLOWING, "", "", ""),
    ("a pile before the block", [place("view", PILE)], reader(PILE), {"blocks": (Block(1.03, 0.8),)}, FLOWING, "", "", ""),
    ("a pile after short blocks", [place("view", PILE)], reader(PILE), {"blocks": (Block(0.3, 0.29), Block(0.6, 0.29), Block(0.9, 0.1))},
     FLOWING, "", "", ""),
    ("the event loop, too short for a note", [VIEW, GOOD], reader(SOON), {"blocks": (Block(0.1, 0.29),)}, FLOWING, "", "", ""),
    ("a queue", [VIEW, GOOD], reader(steady(late_s=1.001)), {}, HELD, "server", "queue", "the request waited 1.0 s before the app got it"),
    ("a short one", [VIEW, GOOD], reader(steady(late_s=0.99)), {}, FLOWING, "", "", "the request waited 1.0 s before the app got it: workers"),
    ("too short for a note", [VIEW, GOOD], reader(steady(late_s=0.39)), {}, FLOWING, "", "", ""),
    ("a view that makes a whole", [place("view", [(0.3, 500)], body="whole")], reader([(0.31, 500)]), {}, HELD, "view", "view",
     "the view itself makes its response as a whole, after 0.30 s"),
    ("a quick whole", [place("view", [(0.29, 500)], body="whole")], reader([(0.31, 500)]), {}, UNKNOWN, "", "", "ask for a longer stream"),
    ("a view that makes all at once", [place("view", [(1.0, 9), (1.001, 9)])], reader([(1.01, 18)]), {}, HELD, "view", "view",
     "makes all its 2 chunks at once, after 1.00 s"),
    ("a view that makes all nearly at once", [place("view", [(1.0, 9), (1.099, 9)])], reader([(1.11, 18)]), {}, HELD, "view", "view",
     "makes all its 2 chunks at once, after 1.00 s"),
    ("a view that makes two", [place("view", [(1.0, 9), (1.101, 9)])], reader([(1.11, 18)]), {}, UNKNOWN, "", "", "made 2 deliveries"),
    ("a blocked loop and two deliveries", [place("view", [(1.0, 9), (1.5, 9)])], reader([(1.51, 18)]), {"blocks": BUSY}, HELD, "app", "event-loop", ""),
    ("a quick one", [place("view", [(0.1, 9), (0.102, 9)])], reader([(0.12, 18)]), {}, UNKNOWN, "", "", "made all its 2 chunks within 0.002 s"),
    ("a view that compresses without a flush", [gzip_view((0.1, 111), (0.4, 112))], reader([(0.1, 111), (0.41, 112)]), {}, HELD, "view", "view",
     "held in the view: what it returns is gzip already, its header after 0.10 s and all the rest after 0.40 s"),
    ("... its fix", [gzip_view((0.1, 10), (1.0, 400))], reader([(0.1, 10), (1.01, 400)]), {}, HELD, "view", "view", "for example gzip_page"),
    ("more than the header first", [gzip_view((0.1, 112), (0.4, 113))], reader([(0.1, 112), (0.41, 113)]), {}, UNKNOWN, "", "", "made 2 deliveries"),
    ("little after it", [gzip_view((0.1, 111), (0.4, 111))], reader([(0.1, 111), (0.41, 111)]), {}, UNKNOWN, "", "", "made 2 deliveries"),
    ("soon after it", [gzip_view((0.1, 10), (0.39, 400))], reader([(0.1, 10), (0.4, 400)]), {}, UNKNOWN, "", "", "made 2 deliveries"),
    ("another compression", [gzip_view((0.1, 10), (1.0, 400), encoding="br")], reader([(0.1, 10), (1.01, 400)]), {}, UNKNOWN, "", "", "made 2 deliveries"),
    ("two deliveries", [place("view", [(1.0, 9), (2.0, 9)])], reader([(2.01, 18)]), {}, UNKNOWN, "", "", "made 2 deliveries"),
    ("no chunk", [place("view", [])], reader([]), {}, UNKNOWN, "", "", "the view made no chunk"),
    ("no tap", [], reader(SOON), {}, UNKNOWN, "", "", "the response passed no tap"),
    ("a refusal", [VIEW, GOOD], reader([], status=401, detail="status 401: log in"), {}, UNKNOWN, "", "", "status 401: log in"),
    ("a refusal without words", [VIEW, GOOD], reader([], status=500), {}, UNKNOWN, "", "", "could not tell: status 500"),
    ("a slow first chunk", [place("view", steady(late_s=0.9))], reader(steady(late_s=0.91)), {}, FLOWING, "", "",
     "the view made its first chunk after 1.0 s: the app's own time"),
    ("gzip members", [VIEW, place("GZip", steady(), content_encoding="gzip")], reader(SOON, unread_bytes=450), {}, BROKEN, "app", "gzip-members",
     "broken: GZip writes a gzip member of its own for each chunk"),
    ("gzip members of the path", [VIEW, GOOD], reader(SOON, unread_bytes=450), {}, BROKEN, "path", "gzip-members", "something on the path"),
    ("a length", [VIEW, place("Log", END, content_length="500")], reader([(1.01, 500)]), {}, HELD, "app", "layer", "has a Content-Length"),
    ("more chunks than fit", [place("view", steady(), truncated=True)], reader(SOON), {}, FLOWING, "", "", "more chunks than the taps note"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "places", "seen", "more", "verdict", "at", "cause", "words"),
    TABLE,
    ids=[row[0] for row in TABLE],
)
def test_what_is_concluded(name, places, seen, more, verdict, at, cause, words):
    report = judged(places, seen, **more)
    assert (report.verdict, report.place, report.cause) == (verdict, TapPlace(at), TapCause(cause)), (
        report.headline
    )
    assert words in "\n".join((report.headline, report.fix, *report.notes))


QUIET = ["all pass it on", "the event loop, too short for a note", "too short for a note"]


@pytest.mark.parametrize("name", QUIET)
def test_a_clean_app_gets_no_note(name):
    ((_, places, seen, more, *_),) = (row for row in TABLE if row[0] == name)
    report = judged(places, seen, **more)
    assert (report.notes, report.evidence, report.fix) == ((), (), "")


def test_the_rungs_are_from_the_view_to_the_reader():
    report = judged([VIEW, GZIP, place("Common", END, content_encoding="gzip")], reader([(1.01, 500)]))
    assert [(rung.name, rung.deliveries, rung.content_encoding, rung.holds) for rung in report.rungs] == [
        ("view", 10, "", False),
        ("GZip", 1, "gzip", True),
        ("Common", 1, "", False),
        ("reader", 1, "", False),
    ]
    assert report.evidence == (
        "between view and GZip: 10 deliveries in, 1 delivery out, the longest wait 0.90 s",
    )


def test_two_layers_that_hold_are_both_told():
    halves = [(0.2 * n, 100) for n in range(1, 6)]
    report = judged([VIEW, place("Two", halves), place("All", END)], reader([(1.01, 500)]))
    assert [rung.name for rung in report.guilty] == ["Two", "All"]
    assert report.headline.startswith("held in the app: Two took 10 deliveries and passed on 5")
    assert len(report.evidence) == 2


def test_a_request_without_notes_is_not_judged():
    report = without_notes("http://a/chat", "no tap noted the request")
    assert (report.verdict, report.headline) == (UNKNOWN, "could not tell: no tap noted the request")
