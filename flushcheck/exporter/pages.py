"""What the exporter responds to a request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from html import escape

from flushcheck.exporter.exporter import Busy, Exporter, Late
from flushcheck.exporter.http_server import HTML, Request, Response
from flushcheck.exporter.metrics import Status, metrics_text, probe_text
from flushcheck.exporter.process_metrics import process_families
from flushcheck.reports.prometheus import CONTENT_TYPE
from flushcheck.reports.text_writer import printable

TIMEOUT_HEADER = "x-prometheus-scrape-timeout-seconds"
DEFAULT_WAIT_S = 120.0  # where no header says it
MAX_WAIT_S = 300.0
OFFSET_S = 0.5  # what the response needs to arrive in time; that of blackbox_exporter


class Pages:
    """The pages of one exporter."""

    def __init__(self, exporter: Exporter, responses: Callable[[], Mapping[int, int]]) -> None:
        self._exporter = exporter
        self._responses = responses

    def respond(self, request: Request) -> Response:
        """The response to a request."""
        if request.path == "/metrics":
            status = replace(self._exporter.status, responses=self._responses())
            return Response(metrics_text(status, process_families()), content_type=CONTENT_TYPE)
        if request.path == "/probe":
            return self._probe(request)
        if request.path == "/-/healthy":
            return Response("flushcheck exporter is healthy\n")
        if request.path == "/":
            return Response(index(self._exporter.status), content_type=HTML)
        return Response("expected /, /metrics, /probe?target=NAME or /-/healthy\n", 404)

    def _probe(self, request: Request) -> Response:
        known = self._exporter.status.intervals_s
        given = request.query.get("target", [])
        if len(given) != 1 or given[0] not in known:
            shown = f"target={printable(given[0][:80])}" if given else "no target"
            names = "".join(f"  {printable(name)}\n" for name in known)
            return Response(f"{shown}: expected one target of the file by its name:\n{names}", 400)
        try:
            outcome = self._exporter.probe(given[0], wait_s(request.headers.get(TIMEOUT_HEADER, "")))
        except Late:
            return Response(
                "the run has not ended within the scrape timeout and goes on; expected a longer one, "
                "for example scrape_timeout: 60s\n",
                503,
            )
        except Busy:
            return Response("too many requests wait for a run; retry in 1 s\n", 503)
        if outcome is None:
            return Response("the exporter ends, or the target is no longer in the file\n", 503)
        return Response(probe_text(outcome), content_type=CONTENT_TYPE)


def wait_s(given: str) -> float:
    """How long a request may wait for a run.

    Args:
        given: the value of TIMEOUT_HEADER. What is no positive number counts as missing.
    """
    try:
        timeout_s = float(given)
    except ValueError:
        return DEFAULT_WAIT_S
    if not timeout_s > 0:  # NaN too
        return DEFAULT_WAIT_S
    return min(MAX_WAIT_S, max(timeout_s / 2, timeout_s - OFFSET_S))


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem;max-width:60rem}"
    "table{border-collapse:collapse}td,th{text-align:left;padding:.2rem 1rem .2rem 0;vertical-align:top}"
)


def index(status: Status) -> str:
    """The page with the targets and their last results."""
    rows = "".join(
        f"<tr><td>{_text(name)}</td><td>{_last(status, name)}</td><td>{_interval(interval_s)}</td></tr>"
        for name, interval_s in status.intervals_s.items()
    )
    warning = "" if status.reload_ok else "<p>The targets file was read again and is wrong: see the log.</p>"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>flushcheck exporter</title><style>{_STYLE}</style></head><body>"
        '<h1>flushcheck exporter</h1><p><a href="/metrics">/metrics</a> has the last results, '
        "<code>/probe?target=NAME</code> measures one target.</p>"
        f"{warning}<table><thead><tr><th>target</th><th>last result</th><th>interval</th></tr></thead>"
        f"<tbody>{rows}</tbody></table></body></html>\n"
    )


def _last(status: Status, name: str) -> str:
    outcome = status.outcomes.get(name)
    return _text(f"{outcome.summary} ({outcome.took_s:.1f} s)") if outcome else "not measured yet"


def _interval(interval_s: float) -> str:
    return f"{interval_s:g} s" if interval_s else "on request"


def _text(text: str) -> str:
    return escape(printable(text))
