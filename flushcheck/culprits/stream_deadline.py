"""A proxy that ends a response at an age, silent or not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flushcheck.configs import envoy, hosting, kubernetes, traefik
from flushcheck.configs.envoy.blocks import is_refused
from flushcheck.configs.findings import Action, Edit, Finding, Level, Server
from flushcheck.configs.tree import Block, Directive, Value, edit
from flushcheck.configs.yaml_nodes import at, child, scalar
from flushcheck.model import Culprit, Fix, Flow, Owner, Place, Source, Symptom

_COST = "a request to an app that hangs takes as long as its client waits"
ENVOY_FIX = Fix(
    where="Envoy, the route of the stream",
    change="timeout: 0s",
    by=Owner.SERVER,
    server=Server.ENVOY,
    place=Place.ADDRESS,
    cost=_COST,
    note="idle_timeout of the route still ends a stream that is silent",
)
ISTIO_FIX = Fix(
    where="Istio, the http entry of the VirtualService",
    change="timeout: 0s",
    by=Owner.SERVER,
    cost=_COST,
)
DURATION_FIX = Fix(
    where="Envoy, the route of the stream",
    change="# remove max_stream_duration, or set it to 0s",
    by=Owner.SERVER,
    server=Server.ENVOY,
    cost=_COST,
)
TRAEFIK_FIX = Fix(
    where="Traefik, static configuration: transport.respondingTimeouts of the entry point",
    change="writeTimeout: 0s",
    by=Owner.SERVER,
    server=Server.TRAEFIK,
    cost="a client that reads nothing keeps its connection",
    note="0s is the default",
)
GATEWAY_FIX = Fix(
    where="Gateway API, the rule of the HTTPRoute",
    change="timeouts:\n  request: 0s",
    by=Owner.SERVER,
    cost=_COST,
    note="0s switches the timeout off; a gateway may have one of its own",
)
VERCEL_FIX = Fix(
    where="vercel.json, the function",
    change='"maxDuration": 800',
    by=Owner.SERVER,
    cost="a function that hangs is paid for longer",
    note="the longest duration depends on the plan: let the client resume the stream where it ends",
)

CULPRIT = Culprit(
    id="stream-deadline",
    title="a proxy ends every response at a certain age",
    why=(
        "Some timeouts count from the request to the end of the response: route timeouts of Envoy (15 s by "
        "default) and Istio, writeTimeout of Traefik, timeouts of an HTTPRoute, maxDuration of Vercel. A "
        "stream is cut at that age, although it never paused, and a heartbeat does not help. Measured on "
        "Envoy 1.40.0 and Traefik 3.7.15; the others are from documentation."
    ),
    symptoms="Streams end before their end, always at the same age. Short responses are complete.",
    detection=(
        "A run that lasts longer than the deadline is cut; --idle tells such a cut from one by silence. "
        "Which setting it is, only the configuration says."
    ),
    fixes=(ENVOY_FIX, DURATION_FIX, ISTIO_FIX, TRAEFIK_FIX, GATEWAY_FIX, VERCEL_FIX),
    references=(
        "https://www.envoyproxy.io/docs/envoy/latest/faq/configuration/timeouts",
        "https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRoute",
        "https://doc.traefik.io/traefik/routing/entrypoints/#respondingtimeouts",
        "https://gateway-api.sigs.k8s.io/api-types/httproute/#timeouts-optional",
        "https://vercel.com/docs/functions/configuring-functions/duration",
    ),
    looks_like=("idle-timeout",),
    shown_by=frozenset({Source.FILE}),
    holds=False,
    shows=(Symptom(Flow.CUT),),
)

# Longer than this a deadline was set with streams in mind.
LONG_S = 3600
ENVOY_DEFAULT = "15s"


SERVERS = (Server.ENVOY, Server.TRAEFIK, Server.KUBERNETES, Server.HOSTING)


def lint(block: Block) -> Iterator[Finding]:
    """A warning: what is shorter than the deadline is complete."""
    if block.server is Server.ENVOY:
        yield from _envoy(block)
    if block.server is Server.KUBERNETES:
        for line in kubernetes.deadlines(block):
            yield from _of_line(block, line, f"timeouts.{line.name}", GATEWAY_FIX, f"{line.name}: 0s")
    if block.server is Server.HOSTING and (longest := hosting.max_duration(block)) is not None:
        yield from _of_line(block, longest, "maxDuration", VERCEL_FIX, "")
    if block.server is Server.TRAEFIK:
        for point in traefik.entry_points_of(block):
            deadline_s = traefik.seconds(point.write_timeout_text)
            if point.write_timeout is not None and deadline_s is not None and 0 < deadline_s < LONG_S:
                name = f"writeTimeout of entry point {point.name}"
                value = Value(name, (point.write_timeout_text,), point.write_timeout)
                yield _finding(block, value, deadline_s, TRAEFIK_FIX, "writeTimeout: 0s")


def _of_line(block: Block, line: Directive, name: str, fix: Fix, written: str) -> Iterator[Finding]:
    """The finding of a line whose text is a duration, as its document states it."""
    deadline_s = traefik.seconds(scalar(line))
    if deadline_s is not None and 0 < deadline_s < LONG_S:
        value = Value(name, (scalar(line),), line)
        yield _finding(block, value, deadline_s, fix, written)


def _envoy(block: Block) -> Iterator[Finding]:
    place = envoy.place_of(block)
    if place.action is None:
        return
    line = child(place.action, "timeout")
    is_istio = place.istio == "VirtualService"
    if line is not None:
        deadline_s = envoy.seconds(line)
        value = Value("timeout", (_text(line),), line)
    elif is_istio or is_refused(block):
        value, deadline_s = Value("timeout", ()), None
    else:
        value = Value("timeout", (ENVOY_DEFAULT,), None, "Envoy's default")
        deadline_s = 15.0
    fix = ISTIO_FIX if is_istio else ENVOY_FIX
    if deadline_s and deadline_s < LONG_S:
        yield _finding(block, value, deadline_s, fix, "timeout: 0s")
    places = (
        at(place.action, "max_stream_duration", "max_stream_duration"),
        at(place.manager.at, "common_http_protocol_options", "max_stream_duration"),
    )
    longest = next((entry for entry in places if entry is not None), None)
    longest_s = envoy.seconds(longest)
    if longest is not None and longest_s and longest_s < LONG_S:
        value = Value("max_stream_duration", (_text(longest),), longest)
        yield _finding(block, value, longest_s, DURATION_FIX, "max_stream_duration: 0s")


def _finding(block: Block, value: Value, deadline_s: float, fix: Fix, written: str) -> Finding:
    line = value.at
    edits: tuple[Edit, ...] = ()
    # An argument of the program is a part of a list, or of a longer text.
    if written and line is not None and line.block is None and line.name == written.partition(":")[0]:
        edits = (edit(Action.REPLACE, line, _written(line, written)),)
    # None of what was not read sets a timeout.
    return replace(block, unread_includes=()).finding(
        CULPRIT,
        Level.WARNING,
        f"{block.say(value)}: a stream that lasts longer than {deadline_s:g} s is cut, with a heartbeat too",
        value=value,
        fix=fix,
        edits=edits,
    )


def _text(line: Directive) -> str:
    """The duration for a sentence, where it is written as seconds and nanos too."""
    return scalar(line) or f"{envoy.seconds(line) or 0:g}s"


def _written(line: Directive, yaml: str) -> str:
    """The entry as the language of the file writes it."""
    if line.file.endswith(".toml"):
        name, _, text = yaml.partition(": ")
        return f'{name} = "{text}"'
    return yaml
