"""The page: its files, its settings, and the two requests that it makes during a diagnosis.

The page observes, the service decides. `POST /diagnostics/plan` takes what the page has observed so far
and returns the next probes, from `measurement.plan`; `POST /diagnostics/report` returns a report to keep,
from `reports`. So no rule of either exists a second time in JavaScript. The thresholds and bounds that the
page does need come with its settings, so that each number is written once.

The files are read once, when the blueprint is made, and no others are served: no path in a request ever
becomes a path on disk.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, render_template, request
from werkzeug.exceptions import NotFound

from flushcheck.configs.findings import Server
from flushcheck.diagnosis.inference import judge
from flushcheck.measurement import plan
from flushcheck.measurement.patterns import SAME_DELIVERY_S
from flushcheck.measurement.plan import ROUTES
from flushcheck.measurement.repeats import repeat_s, repeats_of_page
from flushcheck.measurement.timing import KEPT_SHARE, flow
from flushcheck.model import Probe, Run, Transport, UsageError, Vantage, Variant
from flushcheck.model.codec import from_json, to_json
from flushcheck.model.run_schema import run_from_json
from flushcheck.prober.capture import MAX_ARRIVALS, MAX_HEADERS, MAX_VALUE
from flushcheck.prober.redaction import SECRET_NAMES
from flushcheck.prober.tool import TOOL
from flushcheck.prober.watching import DEFAULT_WATCH_S, MAX_WATCH_S, flows
from flushcheck.reports.html import HELD_S, LATE_S, html
from flushcheck.reports.oneliner import oneliner
from flushcheck.reports.terminal import terminal
from flushcheck.reports.ticket import ticket
from flushcheck.service.own_address import visitor_url
from flushcheck.service.page_capture import PageBounds
from flushcheck.service.page_files import CLIENT, FOLDER, TYPES, join_client, read_page_files
from flushcheck.service.preview import preview
from flushcheck.service.responses import allow_cors, bounded_body, html_response, json_response
from flushcheck.service.routes import check, origin, streams
from flushcheck.service.service import Service
from flushcheck.service.serving import handshake
from flushcheck.streaming.params import TEXTS
from flushcheck.streaming.pretend import CLASSICS, pretend_transports
from flushcheck.streaming.transports.records import MAX_PENDING_BYTES

EVENT_STREAM, HTML, TEXT = "text/event-stream", "text/html", "text/plain"
TEXT_WIDTH = 80  # columns of a report as text, to be pasted elsewhere

# Content from this service only, nothing inline, and no string becomes markup: a browser with Trusted
# Types raises an error where innerHTML is set. Source: CSP Level 3. 'self' covers ws: and wss: too.
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types flushcheck-worker",
    )
)

# The one script that may ask other hosts: a worker, which takes the policy of its own response (CSP Level 3,
# "Policy applicability"). The page itself reaches this service only.
WATCHER = "watch-worker.js"
WATCHER_POLICY = "default-src 'none'; script-src 'self'; connect-src http: https:"

# The choices in the form of the configuration check.
SERVER_NAMES = {server: server.display_name for server in Server} | {Server.APACHE: "Apache, .htaccess"}

# fetch() cannot speak HTTP/1.0. How it requests without encodings: page/observe.js.
NOT_IN_A_BROWSER = frozenset({Variant.HTTP10})


def routes(service: Service) -> Blueprint:
    """The root (the page, or an event stream by the Accept header), the page's files and two requests."""
    blueprint = Blueprint("pages", __name__, template_folder=str(FOLDER))
    files = read_page_files()
    joined_client = join_client(files)

    @blueprint.get("/")
    def root() -> Response:
        accept = request.accept_mimetypes
        if origin.PARAMETER in request.args and request.method == "GET":
            return origin.respond(service)
        # Explicitly only: browsers and curl send `*/*`.
        if accept.quality(EVENT_STREAM) > accept.quality(HTML):
            response = allow_cors(streams.stream(service, streams.ROOT))
        else:
            response = page_response(service)
        response.vary.add("Accept")
        return response

    @blueprint.get("/page/<name>")
    def file(name: str) -> Response:
        return _file(name, files.get(name))

    @blueprint.get(f"/{CLIENT}")
    def client() -> Response:
        # A browser fetches a module for another page with CORS.
        return allow_cors(_file(CLIENT, joined_client))

    @blueprint.post("/diagnostics/plan")
    def planned() -> Response:
        body = _body(service)
        return allow_cors(service.executor.run(lambda: _plan(body)))

    @blueprint.post("/diagnostics/report")
    def report() -> Response:
        kind = request.accept_mimetypes.best_match([HTML, TEXT], default=HTML)
        as_ticket, body = request.args.get("as") == "ticket", _body(service)
        return allow_cors(service.executor.run(lambda: _report(body, kind, as_ticket=as_ticket)))

    return blueprint


def page_response(service: Service) -> Response:
    """The page, with the settings of this service."""
    base = visitor_url(service, request)
    response = html_response(
        render_template(
            "page.html",
            base=base,
            host=urlsplit(base).netloc,
            line=oneliner(base),
            preview=preview(request.args.get("report", ""), request.args.get("culprit", "")),
            settings=page_settings(service),
            server_names=SERVER_NAMES,
            paths={str(transport): path for transport, path in ROUTES.items()},
        )
    )
    response.headers["Content-Security-Policy"] = POLICY
    return response


def page_settings(service: Service) -> dict[str, Any]:
    """The settings of the page, each from the module that owns it; `Settings` in page/types.d.ts."""
    return {
        "tool": TOOL,
        "routes": {str(transport): path for transport, path in ROUTES.items()},
        "servers": list(Server),
        "pretend": [
            {"value": value, "label": label, "transports": [str(each) for each in pretend_transports(value)]}
            for value, label in CLASSICS
        ],
        "texts": [text for text in TEXTS if text != "file" or service.own_text],
        "limits": {
            field.name: value
            for field in fields(service.limits)
            if isinstance(value := getattr(service.limits, field.name), int | float)
        },
        "max_name": check.MAX_NAME,
        "thresholds": {
            "late_s": LATE_S,
            "held_s": HELD_S,
            "held_share": KEPT_SHARE,
            "same_delivery_s": SAME_DELIVERY_S,
        },
        "bounds": {
            "max_arrivals": MAX_ARRIVALS,
            "max_headers": MAX_HEADERS,
            "max_header_chars": MAX_VALUE,
            "max_pending_bytes": MAX_PENDING_BYTES,
            **asdict(PageBounds.of_body(service.limits.max_judge_bytes)),
            "watch_s": DEFAULT_WATCH_S,
            "max_watch_s": MAX_WATCH_S,
        },
        # A browser hides why a handshake failed; this reason is known before.
        "no_websocket": handshake.unsupported_reason(request.environ),
        "secret_names": SECRET_NAMES,
        "public": bool(service.limits.public_url),
    }


def _file(name: str, data: bytes | None) -> Response:
    if data is None:
        raise NotFound
    response = Response(data, content_type=f"{TYPES[Path(name).suffix]}; charset=utf-8")
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Revalidated each time, with 304: after an update no browser mixes old and new files.
    response.headers["Cache-Control"] = "no-cache"
    if name == WATCHER:
        response.headers["Content-Security-Policy"] = WATCHER_POLICY
    response.set_etag(hashlib.sha256(data).hexdigest()[:32])
    response.make_conditional(request)
    return response


def _body(service: Service) -> object:
    """The body of the request, parsed as JSON.

    Raises:
        UsageError: the body is not JSON.
    """
    body = bounded_body(service.limits.max_judge_bytes)
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"the body is not JSON ({type(error).__name__}): expected a run, for example "
            '{"target": "https://example.org", "observations": []}'
        ) from None


def _plan(body: object) -> Response:
    """The next probes for a browser, as JSON.

    Raises:
        UsageError: the body is not a Run.
    """
    run = run_from_json(body, "run")
    if run.observations and run.observations[0].is_own:
        return _plan_repeats(run)
    return json_response({"probes": [_probe_document(probe) for probe in _next_probes(run)]})


def _plan_repeats(run: Run) -> Response:
    """The repeats of a stream of the visitor's own, and how long each may take."""
    first = run.observations[0]
    probes = repeats_of_page(first, flows(run.observations))
    return json_response(
        {
            "probes": [{"id": probe.id, "probe": to_json(probe)} for probe in probes],
            "max_s": repeat_s(first),
        }
    )


def _next_probes(run: Run) -> tuple[Probe, ...]:
    """The next probes for a browser after this run; for an empty run, the baselines."""
    if not run.observations:
        return plan.baselines(tuple(Transport), quick=False)
    on_path = [seen for seen in run.observations if seen.probe.vantage is Vantage.PATH]
    flows = {seen.probe: flow(seen) for seen in on_path}
    multiplexed = {seen.probe.client for seen in on_path if seen.shares_connection}
    probes = plan.experiments(flows, quick=False, multiplexed=multiplexed)
    return tuple(probe for probe in probes if probe.variant not in NOT_IN_A_BROWSER)


def _probe_document(probe: Probe) -> dict[str, Any]:
    """What a page needs for this probe. The page appends its nonce to the path."""
    params = plan.params(probe)
    return {
        "id": probe.id,
        "probe": to_json(probe),
        "path": plan.address(probe, ""),
        "count": params.count,
        "interval_s": params.interval_s,
        "duration_s": plan.duration_s(probe),
    }


@dataclass(frozen=True, slots=True)
class PageNotes:
    """What the page adds to a run: notes of its own, which go into the report unchanged."""

    notes: tuple[str, ...] = ()


def _report(body: object, kind: str, *, as_ticket: bool) -> Response:
    """The report to keep: an HTML file, text for an issue, or (`?as=ticket`) a support ticket.

    Raises:
        UsageError: the body is not a Run.
    """
    report = judge(run_from_json(body, "run"))
    report = replace(report, notes=(*report.notes, *from_json(PageNotes, body, "run").notes))
    if as_ticket:
        kind, body = TEXT, ticket(report).encode(errors="replace")
    elif kind == TEXT:
        # Text from outside may hold lone surrogates, which UTF-8 cannot encode.
        body = terminal(report, width=TEXT_WIDTH, color=False).encode(errors="replace")
    else:
        body = html(report).encode(errors="replace")
    response = Response(body, content_type=f"{kind}; charset=utf-8")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Disposition"] = "attachment"
    # If a browser shows it from this host after all, it runs sandboxed.
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
    response.headers["Cache-Control"] = "no-store"
    return response
