"""The page: its files, its settings, and the two requests it makes while it diagnoses.

The page observes, the service plans and judges. `POST /diagnostics/plan` returns the Probes to make next,
from `measurement.plan` and what was seen so far; `POST /diagnostics/report` renders a Report for a file or
the clipboard, with `reports`. So the page's JavaScript repeats neither. The thresholds and bounds that it
does need come with its settings, so that each number is written once.

The files are read once, when the blueprint is made, and only they are served: no path of a visitor's
ever becomes a path on disk.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, render_template, request

from flushcheck.configs.findings import Server
from flushcheck.configs.tree import NAMES
from flushcheck.diagnosis.inference import judge
from flushcheck.measurement import plan
from flushcheck.measurement.patterns import SAME_DELIVERY_S
from flushcheck.measurement.plan import ROUTES
from flushcheck.measurement.timing import KEPT_SHARE, flow
from flushcheck.model import Probe, Run, Transport, UsageError, Vantage, Variant
from flushcheck.model.codec import from_json, to_json
from flushcheck.model.run_schema import run_from_json
from flushcheck.prober.observation_builder import MAX_ARRIVALS, MAX_HEADER, MAX_HEADERS
from flushcheck.prober.tool import TOOL
from flushcheck.reports.html import HELD_S, LATE_S, html
from flushcheck.reports.oneliner import oneliner
from flushcheck.reports.terminal import terminal
from flushcheck.reports.ticket import ticket
from flushcheck.service.own_address import shown
from flushcheck.service.responses import answer, bounded_body, open_to_all, page
from flushcheck.service.routes import check, streams
from flushcheck.service.service import Service
from flushcheck.service.serving import handshake
from flushcheck.streaming.params import TEXTS
from flushcheck.streaming.transports.records import MAX_PENDING_BYTES

EVENT_STREAM, HTML, TEXT = "text/event-stream", "text/html", "text/plain"
TEXT_WIDTH = 80  # columns of a report that is pasted somewhere

FOLDER = Path(__file__).parents[1] / "page"
CLIENT = "client.js"  # the one file that other pages import, so it has an address of its own
TYPES = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
}

# Everything from here, nothing inline, and no string ever becomes markup: a browser that knows Trusted
# Types throws where innerHTML is set. Source: CSP Level 3; 'self' covers ws: and wss: of the same host.
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

# What the box for a configuration offers.
SERVER_NAMES = NAMES | {Server.APACHE: "Apache, .htaccess"}

# There is no HTTP/1.0 in fetch(). A client without encodings there is: see page/observe.js.
NOT_IN_A_BROWSER = frozenset({Variant.HTTP10})


def routes(service: Service) -> Blueprint:
    """The root (the page, or the event stream for who asks for one), the page's files and its questions."""
    blueprint = Blueprint("pages", __name__, template_folder=str(FOLDER))
    files = {file.name: file.read_bytes() for file in sorted(FOLDER.iterdir()) if file.suffix in TYPES}

    @blueprint.get("/")
    def root() -> Response:
        accept = request.accept_mimetypes
        # An explicit wish only: a browser's and curl's `*/*` would take anything.
        if accept.quality(EVENT_STREAM) > accept.quality(HTML):
            response = open_to_all(streams.stream(service, streams.ROOT))
        else:
            response = the_page(service)
        response.headers["Vary"] = "Accept"
        return response

    @blueprint.get("/page/<name>")
    def file(name: str) -> Response:
        return _file(name, files.get(name))

    @blueprint.get(f"/{CLIENT}")
    def client() -> Response:
        # A module that another page imports is fetched with CORS.
        return open_to_all(_file(CLIENT, files[CLIENT]))

    @blueprint.post("/diagnostics/plan")
    def planned() -> Response:
        body = _body(service)
        return open_to_all(service.desk.work(lambda: _plan(body)))

    @blueprint.post("/diagnostics/report")
    def report() -> Response:
        kind = request.accept_mimetypes.best_match([HTML, TEXT], default=HTML)
        as_ticket, body = request.args.get("as") == "ticket", _body(service)
        return open_to_all(service.desk.work(lambda: _report(body, kind, as_ticket=as_ticket)))

    return blueprint


def the_page(service: Service) -> Response:
    """The page, with what it has to know of this service."""
    base = shown(service, request)
    response = page(
        render_template(
            "page.html",
            base=base,
            host=urlsplit(base).netloc,
            line=oneliner(base),
            settings=_settings(service),
            server_names=SERVER_NAMES,
            paths={str(transport): path for transport, path in ROUTES.items()},
        )
    )
    response.headers["Content-Security-Policy"] = POLICY
    return response


def _settings(service: Service) -> dict[str, Any]:
    """The page's settings, each from the module that decides it; `Settings` in page/types.d.ts."""
    return {
        "tool": TOOL,
        "routes": {str(transport): path for transport, path in ROUTES.items()},
        "servers": list(Server),
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
            "max_header_chars": MAX_HEADER,
            "max_pending_bytes": MAX_PENDING_BYTES,
        },
        # A browser does not report why a handshake failed; the service knows it beforehand.
        "no_websocket": handshake.unable(request.environ),
        "public": bool(service.limits.public_url),
    }


def _file(name: str, data: bytes | None) -> Response:
    if data is None:
        return answer({"error": "404 Not Found"}, 404)
    response = Response(data, content_type=f"{TYPES[Path(name).suffix]}; charset=utf-8")
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Asked for anew each time, answered with 304: an updated service never meets an old half of its page.
    response.headers["Cache-Control"] = "no-cache"
    response.set_etag(hashlib.sha256(data).hexdigest()[:32])
    response.make_conditional(request)
    return response


def _body(service: Service) -> object:
    """The JSON of the request.

    Raises:
        UsageError: it is none.
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
    """The Probes that a browser is to make next.

    Raises:
        UsageError: the body is not a Run.
    """
    return answer({"probes": [_asked(probe) for probe in _next(run_from_json(body, "run"))]})


def _next(run: Run) -> tuple[Probe, ...]:
    """The Probes that a browser is to make, given what it has seen: the baselines first."""
    if not run.observations:
        return plan.baselines(tuple(Transport), quick=False)
    seen = {one.probe: flow(one) for one in run.observations if one.probe.vantage is Vantage.PATH}
    wanted = plan.experiments(seen, quick=False)
    return tuple(probe for probe in wanted if probe.variant not in NOT_IN_A_BROWSER)


def _asked(probe: Probe) -> dict[str, Any]:
    """What a page needs to make this Probe. Its nonce goes at the end of the path."""
    asked = plan.params(probe)
    return {
        "id": probe.id,
        "probe": to_json(probe),
        "path": plan.address(probe, ""),
        "count": asked.count,
        "interval_s": asked.interval_s,
        "duration_s": plan.duration_s(probe),
    }


@dataclass(frozen=True, slots=True)
class Remarks:
    """What a page adds to a Run: sentences of its own, beside what was judged."""

    notes: tuple[str, ...] = ()


def _report(body: object, kind: str, *, as_ticket: bool) -> Response:
    """The Report to keep: one file for a browser, text for an issue, or (`?as=ticket`) a support ticket.

    Raises:
        UsageError: the body is not a Run.
    """
    report = judge(run_from_json(body, "run"))
    report = replace(report, notes=(*report.notes, *from_json(Remarks, body, "run").notes))
    if as_ticket:
        kind, body = TEXT, ticket(report).encode(errors="replace")
    elif kind == TEXT:
        # A stranger's text may hold what UTF-8 cannot say.
        body = terminal(report, width=TEXT_WIDTH, color=False).encode(errors="replace")
    else:
        body = html(report).encode(errors="replace")
    response = Response(body, content_type=f"{kind}; charset=utf-8")
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Disposition"] = "attachment"
    # Should it ever be shown from this address, it is a document without powers.
    response.headers["Content-Security-Policy"] = "sandbox; default-src 'none'; style-src 'unsafe-inline'"
    response.headers["Cache-Control"] = "no-store"
    return response
