"""A server that processes only a few streams of one HTTP/2 connection at once."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.measurement.observations import Observations
from flushcheck.model import (
    Client,
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

FIXES = {
    Server.APACHE: Fix(where="Apache, the virtual host", change="H2MaxSessionStreams 100", by=Owner.SERVER),
    Server.HAPROXY: Fix(
        where="HAProxy, the global section", change="tune.h2.max-concurrent-streams 100", by=Owner.SERVER
    ),
    Server.NGINX: Fix(
        where="nginx, the http or server block, where the limit was lowered",
        change="http2_max_concurrent_streams 128;",
        by=Owner.SERVER,
        server=Server.NGINX,
        place=Place.SITE,
        note="the default; HAProxy, Caddy, Traefik and Envoy serve 12 and more by default",
    ),
}

CULPRIT = Culprit(
    id="http2-stream-limit",
    title="the server processes too few streams of one HTTP/2 connection at once, so the others wait",
    why=(
        "A browser opens all streams of a page on one HTTP/2 connection. Apache's mod_http2 processes 6 of "
        "them at once on a new connection, more after responses that ended well, and fewer after the page "
        "closed streams: 2 after it closed four of them (measured on 2.4.71). The others wait, headers "
        "included. No directive raises that number: H2MinWorkers and H2MaxWorkers had no effect. Other "
        "servers have a limit that they announce, 100 and more by default (http2_max_concurrent_streams of "
        "nginx); a browser keeps the streams beyond it waiting."
    ),
    symptoms=(
        "Of many streams on one HTTP/2 connection some begin only when others end. On connections of their "
        "own, over HTTP/1.1, the same number begins at once. It looks like an app server that serves too few "
        "streams."
    ),
    detection=(
        "Streams of a shared HTTP/2 connection begin when others end, and as many HTTP/1.1 clients at once "
        "are all served. A file shows a limit that was lowered."
    ),
    fixes=(
        Fix(
            where="the page",
            change="// one EventSource for all subscriptions of the page, with an event name for each",
            by=Owner.CLIENT,
            note="the app has to send several subscriptions over one stream",
        ),
        FIXES[Server.NGINX],
    ),
    references=(
        "https://httpd.apache.org/docs/2.4/mod/mod_http2.html",
        "https://github.com/icing/mod_h2/issues/259",
    ),
    looks_like=("gunicorn-sync-worker",),
    shown_by=frozenset({Source.PATH, Source.FILE}),
    holds=False,
    shows=(Symptom(Flow.LATE),),
    measured_on=("nginx 1.22.1",),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """A baseline waited for other streams of its connection, and over HTTP/1.1 none waited."""
    held = seen.held_baseline(transport)
    if held is None:
        return None
    baseline, timing = seen[held]
    if not timing.queued_s or not baseline.shares_connection:
        return None
    waited = Evidence(
        f"{transport}: on the HTTP/{baseline.http_version} connection that it shares with others, the stream "
        f"began {timing.queued_s:.1f} s after the first of them, and then flowed",
        (baseline.probe.id,),
    )
    http1 = seen.beside(Client.HTTP1)
    if http1 is None or http1.flow(transport) is None:
        return Detection(CULPRIT, Confidence.POSSIBLE, (waited,))  # the app may serve no more at once
    if http1.queued(transport):
        return None  # the app keeps them waiting, whatever the connection
    apart = Evidence(f"{transport}: over HTTP/1.1, each on a connection of its own, no stream waited")
    return Detection(CULPRIT, Confidence.LIKELY, (waited, apart))


def waiting_note(seen: Observations, transport: Transport) -> str:
    """What many streams asked for at once show, where each baseline flows; "" if all began at once."""
    together = seen.together(transport)
    waited = [(observation, timing.queued_s) for observation, timing in together if timing.queued_s]
    if not waited:
        return ""
    last, longest_s = max(waited, key=lambda pair: pair[1])
    if not last.shares_connection:
        return ""
    http1 = seen.beside(Client.HTTP1)
    apart = http1.together(transport) if http1 else ()
    if any(timing.queued_s for _, timing in apart):
        return ""
    elsewhere = f"; {len(apart)} at once over HTTP/1.1 were all served" if apart else ""
    return (
        f"{transport}: of {len(together)} streams at once on one HTTP/{last.http_version} connection "
        f"{len(together) - len(waited)} were served, the others waited up to {longest_s:.1f} s"
        f"{elsewhere} (see {CULPRIT.id})"
    )


# Streams that one page may have at once: a dozen subscriptions, and what it loads beside them.
PAGE_STREAMS = 16

SERVERS = (Server.NGINX, Server.APACHE, Server.HAPROXY)

# Documented defaults: 128, 100 and 100.
_LIMITS = {
    Server.NGINX: ("http2_max_concurrent_streams", "http3_max_concurrent_streams"),
    Server.APACHE: ("H2MaxSessionStreams",),
    Server.HAPROXY: ("tune.h2.fe.max-concurrent-streams", "tune.h2.max-concurrent-streams"),
}


def lint(block: Block) -> Iterator[Finding]:
    """A limit that was lowered below what one page may open; the defaults are above it."""
    for name in _LIMITS[block.server]:
        value = block.params.get(name) or block.value(name, "")
        number = value.first
        if number.isdecimal() and len(number) < 10 and 0 < int(number) < PAGE_STREAMS:
            count = "1 stream is" if number == "1" else f"{number} streams are"
            yield block.finding(
                CULPRIT,
                Level.NOTE,
                f"{block.say(value)}: {count} served at once on one connection; a page that opens more waits "
                "until one ends",
                value=value,
                fix=FIXES.get(block.server),
            )
            return
