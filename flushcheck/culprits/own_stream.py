"""What a stream of the user's own app shows of a hold, and the evidence that several detectors put forward.

The app cannot be asked to send X-Accel-Buffering, so no experiment names an nginx here. What is left:
requests in other ways or at another address, the bytes of a compressor, and the headers with which servers
name themselves.
"""

from __future__ import annotations

from dataclasses import replace

from flushcheck.culprits import x_accel
from flushcheck.culprits.evidence import (
    MAX_HEADER,
    compressor_header_evidence,
    header_evidence,
    hold_evidence,
    variant_evidence,
)
from flushcheck.measurement.answer import Answer
from flushcheck.measurement.observations import XAB, Observations
from flushcheck.measurement.repeats import ALONE
from flushcheck.model import Client, Confidence, Culprit, Detection, Evidence, Flow, Transport, Variant

# A header that arrives so much before the first record was not held with it.
EARLY_S = 0.3

# One of nginx's proxy_buffers, uwsgi_buffers or scgi_buffers, on most machines.
NGINX_BUFFER_BYTES = 4096

# What it collects for an HTTP/1.1 client over TLS: the default, and other sizes that were measured.
TLS_BUFFERS = frozenset({1024, 4096, 16_384})

# Names under which servers send Server, for rules.
NGINX, CADDY, APACHE, LIGHTTPD = "nginx", "caddy", "apache", "lighttpd"


def is_held(seen: Observations, transport: Transport) -> bool:
    """Whether this is a stream of the user's own app, and held."""
    return seen.is_own(transport) and seen.is_held(transport)


def by_compressor(seen: Observations, transport: Transport) -> bool:
    """Whether a compressor holds it: compressed it is held, and without compression it flows."""
    return (
        is_held(seen, transport)
        and bool(seen.compressed(transport))
        and _tried_without(seen, transport).frees(transport, Variant.IDENTITY) is Answer.YES
    )


def _tried_without(seen: Observations, transport: Transport) -> Observations:
    """The view on which the request without compression was made: the browser's, for every client.

    It stands for another client that got the same encoding, and was held as the browser was.
    """
    browser = seen.beside(Client.BROWSER)
    if browser is None or seen.tried(transport, Variant.IDENTITY):
        return seen
    same = browser.is_held(transport) and browser.compressed(transport) == seen.compressed(transport)
    return browser if same else seen


def without_compressor(seen: Observations, transport: Transport) -> bool:
    """Whether it is held, and not by a compressor, as far as that was tried."""
    if not is_held(seen, transport):
        return False
    observation, _ = seen[seen.baseline(transport)]
    may_be_compressed = bool(seen.compressed(transport)) or observation.hidden_headers
    return not may_be_compressed or seen.frees(transport, Variant.IDENTITY) is Answer.NO


def serves(seen: Observations, transport: Transport, name: str) -> bool:
    """Whether the outermost server that names itself is this one."""
    return seen.header(transport, "server").lower().startswith(name)


def is_php(seen: Observations, transport: Transport) -> bool:
    """Whether the app names PHP."""
    return "php/" in seen.header(transport, "x-powered-by").lower()


def held_by_nginx(seen: Observations, transport: Transport) -> bool:
    """Whether it is held, not by a compressor, and the outermost server calls itself nginx."""
    return serves(seen, transport, NGINX) and without_compressor(seen, transport)


def flows_over_http2(seen: Observations, transport: Transport) -> bool:
    """Whether an HTTP/1.1 client over TLS looks, and a browser got the same over HTTP/2 piece by piece."""
    browser = seen.beside(Client.BROWSER)
    if browser is None or seen.over_tls(transport) != "1.1":
        return False
    return browser.flow(transport) is Flow.FLOWING and browser.over_tls(transport) == "2"


def detect_nginx_buffer(seen: Observations, transport: Transport, culprit: Culprit) -> Detection | None:
    """What speaks for nginx's buffering of one gateway, and as much for that of the others.

    proxy_pass, uwsgi_pass and scgi_pass fill the same buffers; for an HTTP/1.1 client over TLS all fill that
    of ssl_buffer_size. From outside nothing tells them apart, unless it flows over HTTP/2: see
    nginx_proxy_buffering.
    """
    if not held_by_nginx(seen, transport) or flows_over_http2(seen, transport):
        return None
    if app_sends_hint(seen, transport) or seen.record_threshold(transport) is not None:
        return None  # nginx obeys the one, and its buffers cut records
    size = seen.hold_bytes(transport)
    if seen.over_tls(transport) == "1.1":
        size = seen.record_buffer_bytes(transport) or size
        words = f"over TLS it collects {size} bytes, nginx's ssl_buffer_size" if size in TLS_BUFFERS else ""
    else:
        words = "the blocks have the size of one of nginx's buffers" if size == NGINX_BUFFER_BYTES else ""
    if not words:
        return None
    facts = (
        hold_evidence(seen, transport),
        Evidence(f"{transport}: {words}"),
        *server_evidence(seen, transport),
    )
    return Detection(culprit, Confidence.POSSIBLE, facts)


def fills_whole_records(seen: Observations, transport: Transport, size_bytes: int) -> bool:
    """Whether it is held, and let go in whole records whenever this many bytes are full."""
    return without_compressor(seen, transport) and seen.record_threshold(transport) == size_bytes


def flows_at_port(seen: Observations, transport: Transport) -> bool:
    """Whether it is held, not by a compressor, and flows at the app's own port."""
    return without_compressor(seen, transport) and seen.control(transport) is Flow.FLOWING


def removed_hint(seen: Observations, transport: Transport) -> bool:
    """Whether the app sends X-Accel-Buffering: no, as its own port shows, and it does not reach the reader.

    Of all proxies measured only nginx removes it, and that nginx does not hold the stream then.
    """
    return app_sends_hint(seen, transport) and not seen.header(transport, XAB)


def app_sends_hint(seen: Observations, transport: Transport) -> bool:
    """Whether the response has X-Accel-Buffering: no at the app's own port."""
    control = seen.get(seen.control_probe(transport))
    return control is not None and control.header(XAB).lower() == "no"


def detect_without_effect(seen: Observations, transport: Transport, culprit: Culprit) -> Detection | None:
    """What speaks for an nginx that ignores X-Accel-Buffering, and for one in front of one that obeys."""
    if not flows_at_port(seen, transport) or not removed_hint(seen, transport):
        return None
    if seen.header(transport, "content-length") or not nginx_like(seen, transport):
        return None
    removed = Evidence(
        f"{transport}: the app sends X-Accel-Buffering: no, and it does not arrive; of all proxies tested, "
        "only nginx removes it"
    )
    facts = (hold_evidence(seen, transport), removed, *server_evidence(seen, transport), x_accel.SEPARATE)
    return Detection(culprit, Confidence.POSSIBLE, facts)


def nginx_like(seen: Observations, transport: Transport) -> bool:
    """Whether the blocks are those of nginx's buffers: of 4096 bytes, or a little less over FastCGI."""
    size = seen.size_bytes(transport)
    return size is not None and NGINX_BUFFER_BYTES - 8 <= size <= NGINX_BUFFER_BYTES


def header_is_early(seen: Observations, transport: Transport) -> bool:
    """Whether the response's header arrived well before the first record."""
    observation, _ = seen[seen.baseline(transport)]
    first_s = next(arrival.at_s for arrival in observation.arrivals if arrival.records)
    return first_s - observation.headers_s >= EARLY_S


def compressor_evidence(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """The hold, that it is gone without compression, and what the bytes and the other encodings show."""
    return (
        hold_evidence(seen, transport),
        variant_evidence(_tried_without(seen, transport), transport, Variant.IDENTITY),
        *compressor_header_evidence(seen, transport),
        *_by_encoding(seen, transport),
        *server_evidence(seen, transport),
    )


def server_evidence(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """How the servers of the response name themselves, and how it flows at the app's own port."""
    headers: list[Evidence] = []
    for name in ("Via", "Server", "X-Powered-By"):
        headers += header_evidence(transport, name, seen.header(transport, name.lower()))
    if seen.control(transport) is Flow.FLOWING:
        headers.append(Evidence(f"{transport}: {seen.control_place(transport)} the same stream flows"))
    return tuple(headers)


def length_evidence(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """The length that something knew before it sent the header; nothing if there is none."""
    length = seen.header(transport, "content-length")
    if not length:
        return ()
    return (
        Evidence(
            f"{transport}: the response has Content-Length: {length[:MAX_HEADER]}, so something had all of "
            "it before it sent the header"
        ),
    )


def _by_encoding(seen: Observations, transport: Transport) -> tuple[Evidence, ...]:
    """Which encodings hold when each is offered alone; nothing if none was tried so."""
    baseline = seen.baseline(transport)
    words = []
    for variant, encoding in ALONE.items():
        answer, observation = seen.frees(transport, variant), seen.get(replace(baseline, variant=variant))
        if observation is None or answer is Answer.NOT_TRIED:
            continue
        sent = observation.header("content-encoding")[:MAX_HEADER] or "uncompressed"
        words.append(f"{encoding} gets it {sent}, {'flowing' if answer is Answer.YES else 'held'}")
    if not words:
        return ()
    return (Evidence(f"{transport}: a client that offers one encoding: {'; '.join(words)}"),)
