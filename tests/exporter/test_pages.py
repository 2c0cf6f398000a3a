"""What the exporter responds: metrics that promtool accepts, one target by its name, and a page."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

import pytest

from flushcheck.exporter.exporter import Busy, Exporter, Late
from flushcheck.exporter.http_server import Request, Response
from flushcheck.exporter.metrics import Status, metrics_text, probe_text
from flushcheck.exporter.pages import DEFAULT_WAIT_S, MAX_WAIT_S, TIMEOUT_HEADER, Pages, wait_s
from flushcheck.exporter.process_metrics import process_families
from flushcheck.exporter.runs import Ending, Outcome
from flushcheck.reports.prometheus import families, prometheus
from flushcheck.reports.results import Result
from tests.deploy.conftest import need
from tests.live.servers import ROOT
from tests.reports.test_results import ALL, BARE

EVIL = 'a"}\n<script>'

OUTCOMES = {
    result.name: Outcome(Ending.MEASURED, 4.5, "held", result.exit_code == 0, families([result]))
    for result in ALL
}
FAILED = Outcome(Ending.FAILED, 0.5, "the run ended without a result")
STATUS = Status(
    {**dict.fromkeys(OUTCOMES, 300.0), "failed": 0.0, "later": 60.0, EVIL: 60.0},
    {**OUTCOMES, "failed": FAILED, EVIL: replace(FAILED, summary=EVIL)},
    {("failed", Ending.FAILED): 3},
    running=1,
    responses={200: 7, 400: 1},
    reloaded_at_s=1.8e9,
)


def promtool(text: str) -> str:
    """What `promtool check metrics` says of it: nothing, if all is well."""
    need("promtool")
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, text=True, capture_output=True, timeout=60, check=False
    )
    return f"{done.stdout}{done.stderr}" if done.returncode else ""


@pytest.mark.slow  # needs promtool
def test_promtool_accepts_the_metrics_of_all_targets():
    assert promtool(metrics_text(STATUS, process_families())) == ""


@pytest.mark.slow  # needs promtool
@pytest.mark.parametrize("name", OUTCOMES)
def test_promtool_accepts_the_metrics_of_one_target(name):
    assert promtool(probe_text(OUTCOMES[name])) == ""


LINES = [
    'probe_success{target="held"} 0',
    'probe_success{target="clean"} 1',
    'probe_success{target="failed"} 0',
    'probe_duration_seconds{target="failed"} 0.5',
    'flushcheck_verdict{target="held",verdict="held"} 1',
    'flushcheck_culprit{target="held",culprit="nginx-proxy-buffering",confidence="certain"} 1',
    'flushcheck_exporter_interval_seconds{target="later"} 60',
    'flushcheck_exporter_runs_total{target="failed",ending="failed"} 3',
    'flushcheck_exporter_runs_total{target="later",ending="measured"} 0',
    "flushcheck_exporter_running 1",
    "flushcheck_exporter_config_last_reload_successful 1",
    "flushcheck_exporter_config_last_reload_success_timestamp_seconds 1800000000",
    'flushcheck_exporter_http_responses_total{code="400"} 1',
    "flushcheck_exporter_probes_late_total 0",
    r'probe_success{target="a\"}\\n<script>"} 0',
]


@pytest.mark.parametrize("line", LINES)
def test_the_metrics_have_this_line(line):
    assert line in metrics_text(STATUS, process_families()).splitlines()


def test_a_failed_run_has_no_metrics_of_the_path():
    lines = [line for line in metrics_text(STATUS, ()).splitlines() if 'target="failed"' in line]
    assert {line.partition("{")[0] for line in lines} == {
        "probe_success",
        "probe_duration_seconds",
        "flushcheck_exporter_interval_seconds",
        "flushcheck_exporter_runs_total",
    }


def test_each_family_is_one_group_for_all_targets():
    lines = metrics_text(STATUS, process_families()).splitlines()
    heads = [line for line in lines if line.startswith("# TYPE ")]
    assert len(heads) == len(set(heads))


def test_one_target_has_no_label_of_its_name():
    text = probe_text(OUTCOMES["held"])
    assert "target=" not in text
    assert 'flushcheck_verdict{verdict="held"} 1\n' in text
    assert "\nprobe_success 0\n" in text


def test_the_exporters_own_process_is_in_the_metrics():
    text = metrics_text(Status({}, {}), process_families())
    for name in (
        "flushcheck_build_info{version=",
        "process_cpu_seconds_total ",
        "process_start_time_seconds ",
    ):
        assert f"\n{name}" in text


def test_the_table_of_the_documentation_has_every_metric():
    text = metrics_text(STATUS, process_families()) + prometheus(
        [Result("tls", replace(BARE, tls_version="TLSv1.3"))]
    )
    page = (ROOT / "docs" / "monitoring.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| ([^|]*)\|", page.partition("<!-- metrics: ")[2], re.MULTILINE)
    labels: dict[str, set[str]] = {}
    for name, given in re.findall(r"^(\w+)(?:\{(.*)\})? ", text, re.MULTILINE):
        labels.setdefault(name, set()).update(re.findall(r'(\w+)="', given))
    shown = {name: set(re.findall(r"`(\w+)`", cell)) for name, cell in rows}
    assert shown == {name: found - {"target", "a"} for name, found in labels.items()}


WAITS = [
    # X-Prometheus-Scrape-Timeout-Seconds   seconds
    ("",                                    DEFAULT_WAIT_S),
    ("10",                                  9.5),
    ("10.000000",                           9.5),
    ("0.6",                                 0.3),
    ("1",                                   0.5),
    ("300.5",                               MAX_WAIT_S),
    ("1e9",                                 MAX_WAIT_S),
    ("inf",                                 MAX_WAIT_S),
    ("nan",                                 DEFAULT_WAIT_S),
    ("0",                                   DEFAULT_WAIT_S),
    ("-5",                                  DEFAULT_WAIT_S),
    ("soon",                                DEFAULT_WAIT_S),
]  # fmt: skip


@pytest.mark.parametrize(("given", "expected"), WAITS)
def test_a_scrape_is_given_up_before_its_timeout(given, expected):
    assert wait_s(given) == expected


@dataclass
class Fake:
    """In place of an exporter: what its `probe` does."""

    does: Outcome | type[Exception] | None
    status: Status = STATUS
    asked: list[tuple[str, float]] = field(default_factory=list)

    def probe(self, name: str, wait_s: float) -> Outcome | None:
        self.asked.append((name, wait_s))
        if isinstance(self.does, type):
            raise self.does
        return self.does


def respond(
    path: str, does: Outcome | type[Exception] | None = None, timeout: str = "", **query: list[str]
) -> Response:
    fake: Exporter = Fake(does)  # type: ignore[assignment]  # what Pages needs of one
    headers = {TIMEOUT_HEADER: timeout} if timeout else {}
    return Pages(fake, lambda: {200: 7}).respond(Request(path, query, headers))


RESPONSES = [
    # name                 path          the run is           query                          status  in the body
    ("healthy",            "/-/healthy", None,                {},                            200, "healthy"),
    ("metrics",            "/metrics",   None,                {},                            200, "flushcheck_build_info{"),
    ("index",              "/",          None,                {},                            200, "<title>flushcheck exporter</title>"),
    ("another path",       "/x",         None,                {},                            404, "expected /, /metrics, /probe?target=NAME"),
    ("no target",          "/probe",     None,                {},                            400, "no target: expected one target of the file by its name:\n"),
    ("an unknown target",  "/probe",     None,                {"target": ["x"]},             400, "target=x: expected one target"),
    ("an address",         "/probe",     None,                {"target": ["http://x"]},      400, "  held\n"),
    ("two targets",        "/probe",     None,                {"target": ["held", "clean"]}, 400, "expected one target"),
    ("a hostile target",   "/probe",     None,                {"target": ["\x1b[31m" * 90]}, 400, "target=\\x1b[31m"),
    ("measured",           "/probe",     OUTCOMES["held"],    {"target": ["held"]},          200, "probe_success 0\n"),
    ("failed",             "/probe",     FAILED,              {"target": ["held"]},          200, "probe_success 0\n"),
    ("late",               "/probe",     Late,                {"target": ["held"]},          503, "expected a longer one, for example scrape_timeout: 60s"),
    ("busy",               "/probe",     Busy,                {"target": ["held"]},          503, "too many requests wait"),
    ("no longer there",    "/probe",     None,                {"target": ["held"]},          503, "no longer in the file"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "path", "does", "query", "status", "part"), RESPONSES, ids=[row[0] for row in RESPONSES]
)
def test_each_page_responds(name, path, does, query, status, part):
    response = respond(path, does, **query)
    assert (response.status, part in response.body) == (status, True), response.body
    assert "\x1b" not in response.body
    assert len(response.body) < 100_000


def test_a_probe_waits_as_long_as_the_scrape():
    fake = Fake(FAILED)
    exporter: Exporter = fake  # type: ignore[assignment]
    Pages(exporter, dict).respond(Request("/probe", {"target": ["held"]}, {TIMEOUT_HEADER: "60"}))
    assert fake.asked == [("held", 59.5)]


def test_the_index_page_has_every_target_and_no_markup_of_a_name():
    body = respond("/").body
    tags: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            tags.append(tag)

    Reader().feed(body)
    assert "script" not in tags
    assert tags.count("tr") == 1 + len(STATUS.intervals_s)
    assert "not measured yet" in body
    assert "on request" in body
    assert "is wrong" not in body
    fake: Exporter = Fake(None, replace(STATUS, reload_ok=False))  # type: ignore[assignment]
    assert "is wrong: see the log" in Pages(fake, dict).respond(Request("/", {}, {})).body
