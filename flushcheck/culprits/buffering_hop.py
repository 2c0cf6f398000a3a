"""Some program between the app's own port and the reader: shown by asking at both."""

from __future__ import annotations

from collections.abc import Mapping

from flushcheck.culprits import own_stream, x_accel
from flushcheck.culprits.evidence import hold_evidence
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
    Server,
    Source,
    Symptom,
    Transport,
)

# What switches buffering off in products that name themselves in Server or Via: a name alone accuses none.
BY_NAME: Mapping[str, Fix] = {
    "nginx": Fix(
        where="nginx, the location block of the stream",
        change="proxy_buffering off;",
        by=Owner.SERVER,
        server=Server.NGINX,
        place=Place.ADDRESS,
        per_gateway=True,
    ),
    "caddy": Fix(
        where="Caddyfile, inside reverse_proxy",
        change="remove buffer_responses, or response_buffers",
        by=Owner.SERVER,
        removes=("buffer_responses", "response_buffers"),
        server=Server.CADDY,
    ),
    "apache": Fix(
        where="Apache, the ProxyPass line of the stream",
        change="flushpackets=on",
        by=Owner.SERVER,
        server=Server.APACHE,
        note="with mod_security2 also SecResponseBodyAccess Off for the stream's address",
    ),
    "varnish": Fix(
        where="VCL, vcl_backend_response",
        change="set beresp.do_stream = true;",
        by=Owner.SERVER,
        server=Server.VARNISH,
        place=Place.RESPONSE,
        note="and no beresp.do_esi for the stream's address",
    ),
}

CULPRIT = Culprit(
    id="buffering-hop",
    title="a proxy in front of the app holds the response",
    why=(
        "A program between the app's port and the reader collects the response before it sends it on: a "
        "web server, a gateway, a CDN. Most proxies do so by default."
    ),
    symptoms="At the app's own port the stream flows; at the public address it arrives later and together.",
    detection="The same stream flows at the app's own port and is held at the public address.",
    fixes=(
        Fix(
            where="the proxy in front of the app",
            change="switch off response buffering for the stream's address",
            by=Owner.SERVER,
            note="the directive depends on the product: see the headers Via and Server in the evidence",
        ),
        *BY_NAME.values(),
        x_accel.APP_FIX,
    ),
    shown_by=frozenset({Source.PATH}),
    generic=True,
    shows=(Symptom(Flow.HELD),),
)


def detect(seen: Observations, transport: Transport) -> Detection | None:
    """The user's own stream flows at the app's own port."""
    if not own_stream.flows_at_port(seen, transport):
        return None
    names = f"{seen.header(transport, 'server')} {seen.header(transport, 'via')}".lower()
    refuted = {fix for name, fix in BY_NAME.items() if name not in names}
    hint: tuple[Evidence, ...] = ()
    if own_stream.app_sends_hint(seen, transport):
        refuted.add(x_accel.APP_FIX)
        hint = (
            Evidence(f"{transport}: the app sends X-Accel-Buffering: no already, and that frees nothing"),
        )
    facts = (
        hold_evidence(seen, transport),
        *own_stream.length_evidence(seen, transport),
        *hint,
        *own_stream.server_evidence(seen, transport),
    )
    return Detection(CULPRIT, Confidence.LIKELY, facts, frozenset(refuted))
