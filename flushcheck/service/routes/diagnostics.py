"""The service diagnoses itself, analyzes submitted runs, and describes the server that runs it.

It requests two addresses only: its own listening socket, and the public URL that the operator configured.
No request can make it connect to another address.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flask import Blueprint, Response, request

from flushcheck.configs.server_setup import ServerSetup
from flushcheck.diagnosis.app_server import examine
from flushcheck.diagnosis.comparison import compare_reports
from flushcheck.diagnosis.inference import judge
from flushcheck.measurement.curl_capture import read
from flushcheck.model import Probe, Report, Run, Transport, UsageError, Vantage
from flushcheck.model.codec import from_json, to_json
from flushcheck.model.run_schema import run_from_json
from flushcheck.prober import gather, observe_all
from flushcheck.reports.app_server import server_report_document
from flushcheck.reports.comparison import comparison_document
from flushcheck.reports.json_report import document
from flushcheck.reports.oneliner import PROBES, oneliner
from flushcheck.reports.terminal import terminal
from flushcheck.service.limits.concurrency import ConcurrencyLimiter
from flushcheck.service.own_address import can_request_itself, loopback_address, visitor_url
from flushcheck.service.page_capture import PageCapture, observation_document, observation_of
from flushcheck.service.responses import allow_cors, bounded_body, json_response, retry_later, text_response
from flushcheck.service.routes.pages import page_response
from flushcheck.service.service import Service
from flushcheck.service.serving import app_server

CONTROLS = tuple(
    Probe(transport, vantage=Vantage.LOOPBACK) for transport in (Transport.CHUNKED, Transport.EVENTS)
)
# Two streams of 2 s at the same time; if they take longer than this, that is the finding.
CONTROL_TIMEOUT_S = 10.0
RUN_TIMEOUT_S = 30.0
TEXT_WIDTH = 80  # columns of a report in plain text: the width of the client's terminal is unknown

JSON, HTML, TEXT = "application/json", "text/html", "text/plain"


def routes(service: Service) -> Blueprint:
    """The routes at and below /diagnostics."""
    blueprint = Blueprint("diagnostics", __name__)
    setup = app_server.setup_at_load(service.limits, os.environ)
    # Two limiters, because each run requests a control as well.
    runs, controls = (ConcurrencyLimiter(service.limits.max_self_probes) for _ in range(2))

    @blueprint.get("/diagnostics")
    def diagnostics() -> Response:
        kind = request.accept_mimetypes.best_match([JSON, TEXT, HTML], default=JSON)
        if kind == HTML:
            response = page_response(service)
        else:
            response = _with_permit(runs, lambda: _diagnose(service, setup, kind, quick=_quick()))
        response.headers["Vary"] = "Accept"
        return response

    @blueprint.get("/diagnostics/server")
    def server() -> Response:
        return json_response(_server(setup))

    @blueprint.get("/diagnostics/control")
    def control() -> Response:
        return allow_cors(_with_permit(controls, lambda: _control(service)))

    @blueprint.post("/diagnostics/judge")
    def judged() -> Response:
        body, target = bounded_body(service.limits.max_judge_bytes), visitor_url(service, request)
        is_json = request.mimetype == JSON or body.lstrip()[:1] == b"{"
        return service.executor.run(lambda: _judge_run(body) if is_json else _judge_capture(body, target))

    @blueprint.post("/diagnostics/observation")
    def observed() -> Response:
        body = bounded_body(service.limits.max_judge_bytes)
        return service.executor.run(lambda: _observe_capture(body))

    @blueprint.post("/diagnostics/compare")
    def compared() -> Response:
        body = bounded_body(service.limits.max_judge_bytes)
        return service.executor.run(lambda: _compare(body))

    @blueprint.after_request
    def cors(response: Response) -> Response:
        return allow_cors(response) if request.path.startswith("/diagnostics/") else response

    return blueprint


def _with_permit(limiter: ConcurrencyLimiter, work: Callable[[], Response]) -> Response:
    """Do the work, or refuse it if the limiter is full."""
    permit = limiter.acquire()
    if permit is None:
        return retry_later("the service already diagnoses itself for another request", 429)
    try:
        return work()
    finally:
        permit.release()


def _quick() -> bool:
    """Whether the request wants a first verdict only.

    Raises:
        UsageError: the query has another parameter or value.
    """
    pairs = list(request.args.items(multi=True))
    if any(pair not in (("quick", "0"), ("quick", "1")) for pair in pairs):
        raise UsageError("unknown parameter or value: expected quick=0 or quick=1, for example quick=1")
    return ("quick", "1") in pairs


def _server(setup: ServerSetup) -> dict[str, object]:
    """The server that runs this service, and what that means for streams."""
    return server_report_document(examine(app_server.setup_of_request(setup, request.environ)))


def _diagnose(service: Service, setup: ServerSetup, kind: str, *, quick: bool) -> Response:
    """Probe the public URL, if there is one, and the loopback for comparison."""
    loopback = loopback_address(service, request.environ)
    public = service.limits.public_url if can_request_itself(request.environ) else ""
    with ThreadPoolExecutor(2) as pool:
        # Beside a public URL the loopback is always quick: it only tells whether the service is at fault.
        own = pool.submit(_report, loopback.url, quick=quick or bool(public))
        outside = pool.submit(_report, public, quick=quick) if public else own
        report, own_report = outside.result(), own.result()
    if kind == TEXT:
        text = terminal(report, width=TEXT_WIDTH, color=False)
        line = oneliner(visitor_url(service, request))
        return text_response(f"{text}\nFrom another shell:\n\n{line}\n")
    own_document = document(own_report) if loopback.url else None
    extra = {"loopback": own_document, "reason": loopback.reason, "server": _server(setup)}
    return json_response({**document(report), **extra})


def _report(url: str, *, quick: bool) -> Report:
    run = gather(url, quick=quick, timeout_s=RUN_TIMEOUT_S) if url else Run("", ())
    return judge(run)


def _control(service: Service) -> Response:
    """The two streams that a buffer holds, over the loopback, without any proxy; short ones for quick=1."""
    loopback = loopback_address(service, request.environ)
    if not loopback.url:
        return json_response({"observations": [], "reason": loopback.reason})
    short = request.args.get("quick") == "1"
    observations = observe_all(CONTROLS, loopback.url, timeout_s=CONTROL_TIMEOUT_S, short=short)
    return json_response({"observations": to_json(observations)})


def _judge_run(body: bytes) -> Response:
    """The report on a Run in JSON.

    Raises:
        UsageError: the body is not a Run.
    """
    return json_response(document(judge(run_from_json(_parsed(body)))))


def _compare(body: bytes) -> Response:
    """What changed from one Run to a later one, in the words of `flushcheck compare`.

    Raises:
        UsageError: the body is not two Runs.
    """
    data = _parsed(body)
    if not isinstance(data, dict) or not {"before", "after"} <= set(data):
        raise UsageError('expected two runs, for example {"before": {"target": …}, "after": {"target": …}}')
    before, after = (judge(run_from_json(data[name], name)) for name in ("before", "after"))
    return json_response(comparison_document(compare_reports(before, after), before, after))


def _judge_capture(body: bytes, target: str) -> Response:
    """The report on the output of the one-line curl command.

    Raises:
        UsageError: the body holds no reads.
    """
    report = judge(read(body, probes=PROBES, target=target))
    return text_response(terminal(report, width=TEXT_WIDTH, color=False))


def _observe_capture(body: bytes) -> Response:
    """The Observation of a stream that a page read. Its bytes are in neither the response nor a log.

    Raises:
        UsageError: the body is no capture of a page.
    """
    capture = from_json(PageCapture, _parsed(body), "capture")
    return json_response({"observation": observation_document(observation_of(capture))})


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"the body is not JSON ({type(error).__name__}): expected an object, for example "
            '{"target": "https://example.org", "observations": []}'
        ) from None
