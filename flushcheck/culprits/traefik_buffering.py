"""Traefik's `buffering` middleware."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import traefik
from flushcheck.configs.findings import Action, Edit, Finding, Level, Server
from flushcheck.configs.traefik import Middleware, Reference
from flushcheck.configs.tree import Block, Directive, edit, ellipsize
from flushcheck.configs.yaml_nodes import ITEM, items, scalar
from flushcheck.culprits import x_accel
from flushcheck.culprits.evidence import content_length_evidence
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Flow,
    Owner,
    Place,
    Source,
    Symptom,
    Transport,
)

CULPRIT = Culprit(
    id="traefik-buffering",
    title="Traefik's buffering middleware reads the whole response first",
    why=(
        "The buffering middleware reads the response to its end, into memory and then into a file, before it "
        "sends the first byte on. It has no exception for event streams. Measured on Traefik 3.7."
    ),
    symptoms=(
        "Held to the end at any size, headers included, and the response has a Content-Length that the app "
        "did not send. A WebSocket is not affected."
    ),
    detection=(
        "The whole stream is held and then has a Content-Length, a WebSocket flows, X-Accel-Buffering: no "
        "reaches the reader, and the app received X-Forwarded-Server, X-Forwarded-Port and X-Real-Ip, "
        "which Traefik adds together."
    ),
    fixes=(
        Fix(
            where="Traefik, dynamic configuration: a router of their own for streams",
            change=(
                "http:\n"
                "  routers:\n"
                "    streams:\n"
                "      rule: PathPrefix(`/stream`)\n"
                "      priority: 1000   # without it the longest rule is asked first\n"
                "      service: app   # your own\n"
                "      middlewares: []   # those of the other router, without buffering"
            ),
            by=Owner.SERVER,
            server=Server.TRAEFIK,
            place=Place.FILE,
            note="write the path of your own streams",
        ),
    ),
    references=("https://doc.traefik.io/traefik/middlewares/http/buffering/",),
    shown_by=frozenset({Source.PATH, Source.FILE}),
    shows=(Symptom(Flow.HELD),),
    measured_on=("Traefik 3.7.15",),
)

# What Traefik adds to each request; no other program measured adds all of them by itself.
ADDED = frozenset({"x-forwarded-server", "x-forwarded-port", "x-real-ip"})


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """Stored whole, a WebSocket that flows, and requests that Traefik has passed on."""
    request = seen.request_at_app(transport)
    held = seen.held_timing(transport)
    if (
        request is None
        or not set(request.forwarded) >= ADDED
        or held is None
        or held.flow is not Flow.HELD
        or not seen.has_content_length(transport)
        or not x_accel.passed_through(seen, transport)
        or seen.flow(Transport.WEBSOCKET) is not Flow.FLOWING
        or request.via
        or seen.header(transport, "via")  # another hop names itself, and may be the one that stores
    ):
        return None
    facts = (
        *x_accel.passed_through_evidence(seen, transport),
        content_length_evidence(transport),
        Evidence(f"{transport}: the app received {', '.join(sorted(ADDED))}, which Traefik adds"),
    )
    return Detection(CULPRIT, Confidence.LIKELY, facts)


SERVERS = (Server.TRAEFIK,)


def lint(block: Block) -> Iterator[Finding]:
    """In the chain of a router. A note for one that no router of the text uses."""
    for middleware in traefik.unused(block):
        if middleware.kind == "buffering":
            name = ellipsize(middleware.name, 40)
            message = f"middleware {name} (buffering): a router that uses it sends no response before its end"
            yield block.finding(CULPRIT, Level.NOTE, message, at=middleware.at)
    for middleware, reference in traefik.chain_of(block).known:
        if middleware.kind == "buffering":
            name = ellipsize(middleware.name, 40)
            used = "" if reference.at is middleware.at else f", used at line {reference.at.line}"
            yield block.finding(
                CULPRIT,
                Level.ERROR,
                f"middleware {name} (buffering{used}): Traefik reads the whole response before it sends any; "
                "a WebSocket passes",
                at=middleware.at,
                fix=_fix(block, middleware, reference),
                edits=_edits(reference),
                override=NO_OVERRIDE,
            )


def _fix(block: Block, middleware: Middleware, reference: Reference) -> Fix:
    """Take the middleware out of the list that names it."""
    name = ellipsize(reference.name, 40)
    return Fix(
        where=f"Traefik, {block.name}",
        change=f"# remove {name} from middlewares, or give streams a router of their own without it",
        by=Owner.SERVER,
        cost=f"the limits of {ellipsize(middleware.name, 40)} no longer apply to these requests",
    )


def _edits(reference: Reference) -> tuple[Edit, ...]:
    """The list without the name; () where it is written in a way that no single line shows."""
    within, line = reference.within, reference.at
    if within.block is None:
        return _label_edits(reference)
    if any(item.block is not None for item in items(within)):
        return ()
    names = [scalar(item) for item in items(within)]
    if any(name != name.strip() or not name or set(name) & set("\"',[]{}#:") for name in names):
        return ()
    rest = [name for name in names if name != reference.name]
    on_one_line = all(item.line == within.line for item in items(within))
    if on_one_line and within.end_line == within.line:
        return (edit(Action.REPLACE, within, _list(within, rest)),)
    if on_one_line or (within.line != line.line and line.file.endswith(".toml")):
        return ()
    gone = edit(Action.REPLACE, line)
    return (gone,) if rest else (edit(Action.REPLACE, within, f"{within.name}: []"), gone)


def _list(within: Directive, names: list[str]) -> str:
    """A list on one line, in the language of its file."""
    if within.file.endswith(".toml"):
        quoted = ", ".join(f'"{name}"' for name in names)
        return f"{within.name} = [{quoted}]"
    return f"{within.name}: [{', '.join(names)}]"


def _label_edits(reference: Reference) -> tuple[Edit, ...]:
    """A label with the other names, or none."""
    line = reference.at
    text = scalar(line)
    value = text.partition("=")[2] if line.name == ITEM else text
    rest = ",".join(name for part in value.split(",") if (name := part.strip()) != reference.name)
    if not rest or text.startswith("--") or set(text) & set("\"'#"):
        return (edit(Action.REPLACE, line),) if not rest and not text.startswith("--") else ()
    if line.name == ITEM:
        return (edit(Action.REPLACE, line, f'- "{text.partition("=")[0]}={rest}"'),)
    return (edit(Action.REPLACE, line, f"{line.name}: {rest}"),)
