"""Self-diagnosis (on real gunicorn) and the analysis of submitted runs."""

from __future__ import annotations

import json
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flushcheck.cli import main
from flushcheck.model import Observation, Outcome, Probe, Run, Transport, Vantage, Verdict
from flushcheck.model.codec import from_json, to_json
from flushcheck.service.application import create_app
from flushcheck.streaming.limits import Limits
from tests.service.wire import WITHIN_S, OriginServer, json_of, read_rest

LONG_S = 60.0
TRANSPORTS = {str(transport) for transport in Transport}
PAGE = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def test_curl_gets_json_that_reports_a_flowing_service(origin: OriginServer) -> None:
    command = ["curl", "-sS", f"{origin.url}/diagnostics?quick=1"]
    report = json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True, timeout=LONG_S).stdout
    )
    assert (report["schema"], report["verdict"], report["culprits"]) == (2, "flowing", [])
    assert set(report["transports"]) == TRANSPORTS
    assert report["loopback"]["verdict"] == "flowing"


def test_hostile_headers_change_neither_the_probes_nor_the_line_to_paste(origin: OriginServer) -> None:
    response = requests.get(
        f"{origin.url}/diagnostics?quick=1",
        headers={"Host": "evil.example'", "X-Forwarded-Host": "evil.example", "Accept": "text/plain"},
        timeout=LONG_S,
    )
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "FLOWING  " + origin.url in response.text
    assert "evil" not in response.text


def test_a_browser_gets_a_page(origin: OriginServer) -> None:
    response = requests.get(f"{origin.url}/diagnostics", headers=PAGE, timeout=WITHIN_S)
    assert response.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize(("query", "pieces"), [("", 20), ("?quick=1", 16), ("?quick=0", 20)])
def test_a_control_has_short_streams_where_the_observer_has(origin: OriginServer, query, pieces) -> None:
    response = requests.get(f"{origin.url}/diagnostics/control{query}", timeout=LONG_S)
    observations = [from_json(Observation, data) for data in response.json()["observations"]]
    assert [len(seen.pieces) for seen in observations] == [pieces] * 2


def test_the_service_makes_at_most_two_controls_at_once(origin: OriginServer) -> None:
    url = f"{origin.url}/diagnostics/control"
    with ThreadPoolExecutor(4) as pool:
        responses = list(pool.map(lambda _: requests.get(url, timeout=LONG_S), range(4)))
    assert sorted(response.status_code for response in responses) == [200, 200, 429, 429]
    for response in responses:
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        if response.status_code == 429:
            assert response.headers["Retry-After"]
            continue
        observations = [from_json(Observation, data) for data in response.json()["observations"]]
        assert [observation.probe for observation in observations] == [
            Probe(Transport.CHUNKED, vantage=Vantage.LOOPBACK),
            Probe(Transport.EVENTS, vantage=Vantage.LOOPBACK),
        ]
        assert [(seen.outcome, len(seen.pieces)) for seen in observations] == [(Outcome.COMPLETE, 20)] * 2


def test_a_server_that_cannot_be_probed_gives_the_reason(client):
    control = json_of(client.get("/diagnostics/control"))
    assert control["observations"] == []
    assert "one request at a time" in control["reason"] or "does not listen on TCP" in control["reason"]
    report = json_of(client.get("/diagnostics"))
    assert (report["verdict"], report["loopback"]) == ("unknown", None)
    assert report["reason"]


@pytest.mark.parametrize("query", ["quick=2", "url=http://evil.example", "quick=1&quick=1&x=1"])
def test_other_parameters_are_refused(client, query):
    response = client.get(f"/diagnostics?{query}")
    assert response.status_code == 400
    assert "for example quick=1" in json_of(response)["error"]


RUN = Run("https://example.org", (Observation(Probe(Transport.POLLING), Outcome.UNREACHABLE, "no route"),))


def test_a_run_in_json_gets_a_report_in_json(client):
    response = client.post("/diagnostics/judge", json=to_json(RUN))
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert json_of(response)["schema"] == 2
    assert json_of(response)["target"] == "https://example.org"
    assert json_of(response)["verdict"] in set(Verdict)


def test_a_saved_run_may_be_sent_as_curl_sends_a_file(client):
    response = client.post(
        "/diagnostics/judge",
        data=json.dumps(to_json(RUN)),
        content_type="application/x-www-form-urlencoded",
    )
    assert json_of(response)["verdict"] in set(Verdict)


RECORDINGS = Path(__file__).parents[2] / "recordings"


def test_two_runs_are_compared_in_the_words_of_the_command(client, capsys):
    files = {"before": RECORDINGS / "nginx-bare.json", "after": RECORDINGS / "nginx-gzip.json"}
    runs = {name: json.loads(file.read_text()) for name, file in files.items()}
    response = client.post("/diagnostics/compare", json=runs)
    assert response.status_code == 200
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    main(["compare", *map(str, files.values()), "--json"])
    assert json_of(response) == json.loads(capsys.readouterr().out)
    assert json_of(response)["remarks"]


RUN_JSON = {"target": "", "observations": []}
NO_PAIRS = [
    # name,              body,                                in the error
    ("a list",           [RUN_JSON],                          "expected two runs"),
    ("one run",          RUN_JSON,                            "expected two runs"),
    ("the older alone",  {"before": RUN_JSON},                "expected two runs"),
    ("the newer alone",  {"after": RUN_JSON},                 "expected two runs"),
    ("one that is none", {"before": RUN_JSON, "after": 1},    "after='1': expected an object"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "body", "words"), NO_PAIRS, ids=[name for name, *_ in NO_PAIRS])
def test_what_is_not_two_runs_is_refused_with_the_reason(client, name, body, words):
    response = client.post("/diagnostics/compare", json=body)
    assert response.status_code == 400
    assert words in json_of(response)["error"]


BODIES = [
    # name, body, content type, in the error
    ("nothing", b"", "application/json", "not JSON"),
    ("nothing at all", b"", "", "has no HTTP response"),
    ("not JSON", b"{", "application/json", "not JSON (JSONDecodeError)"),
    ("not UTF-8", b'{"target": "\xff"}', "application/json", "not JSON (UnicodeDecodeError)"),
    ("another document", b"[1]", "application/json", "expected an object"),
    ("an empty object", b"{}", "application/json", "target is missing"),
    ("too deep", b"[" * 100_000, "application/json", "not JSON (RecursionError)"),
    ("a long number", b'{"target": ' + b"9" * 5000 + b"}", "application/json", "not JSON (ValueError)"),
    ("a lone surrogate", b'{"target": "\\ud800", "observations": []}', "application/json", "surrogates"),
    ("random bytes", b"\x00\xff" * 100, "application/octet-stream", "expected"),
    ("a form", b"a=b", "application/x-www-form-urlencoded", "expected"),
]


@pytest.mark.parametrize(("name", "body", "kind", "words"), BODIES, ids=[name for name, *_ in BODIES])
def test_a_body_that_is_not_a_run_is_refused_with_the_reason(client, name, body, kind, words):
    response = client.post("/diagnostics/judge", data=body, content_type=kind)
    assert response.status_code == 400
    assert words in json_of(response)["error"]


def test_a_body_over_the_limit_is_refused_with_the_limit():
    small = create_app(Limits(max_judge_bytes=100)).test_client()
    response = small.post("/diagnostics/judge", data=b"x" * 101)
    assert response.status_code == 413
    assert json_of(response)["error"].endswith("expected a body of at most 100 bytes")


def test_a_truncated_or_badly_chunked_body_is_a_client_error(origin: OriginServer) -> None:
    path, chunked = "/diagnostics/judge", "Transfer-Encoding: chunked"
    for header, body in (
        ("Content-Length: 100", b"{}"),
        (chunked, b"5\r\nhel"),
        (chunked, b"zz\r\n"),
        (chunked, b"5\r\nhelloXX0\r\n\r\n"),
    ):
        with closing(origin.ask(path, header, "Connection: close", method="POST")) as connection:
            connection.sendall(body)
            connection.shutdown(socket.SHUT_WR)
            assert read_rest(connection)[9:10] in (b"4", b"")
    assert "Traceback" not in origin.service.output()


def test_a_body_over_the_limit_is_refused_with_and_without_content_length(origin: OriginServer) -> None:
    large = b"x" * (Limits().max_judge_bytes + 1)
    for data in (large, iter([large])):  # requests sends an iterator in chunks
        response = requests.post(f"{origin.url}/diagnostics/judge", data=data, timeout=WITHIN_S)
        assert response.status_code == 413


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10**6) | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = (
    "probe",
    "outcome",
    "detail",
    "status",
    "headers",
    "arrivals",
    "end",
    "request_at_app",
    "headers_s",
    "stall_s",
)
ARRIVALS = st.lists(
    st.fixed_dictionaries(
        {
            "at_s": st.floats(-5, 1e6),
            "size_bytes": st.integers(-5, 10**7),
            "text_bytes": st.integers(-5, 10**7),
            "marks": st.lists(
                st.fixed_dictionaries({"seq": st.integers(-3, 50), "sent_s": st.floats(-5, 1e6)}), max_size=4
            ),
        }
    ),
    max_size=12,
)
PROBES = st.builds(
    lambda transport, scenario, variant, vantage: {
        "transport": transport,
        "scenario": scenario,
        "variant": variant,
        "vantage": vantage,
    },
    st.sampled_from(sorted(TRANSPORTS)),
    st.sampled_from(["token", "kilo", "big"]),
    st.sampled_from(["baseline", "x-accel-buffering", "identity", "http/1.0", "padded", "together"]),
    st.sampled_from(["path", "loopback"]),
)
OBSERVATIONS = st.fixed_dictionaries(
    {"probe": PROBES, "outcome": st.sampled_from([str(outcome) for outcome in Outcome])},
    optional={
        "arrivals": ARRIVALS,
        "status": st.integers(-1, 1000),
        "headers": st.lists(st.tuples(st.text(max_size=9), st.text(max_size=9)), max_size=3),
        "headers_s": st.floats(-1, 1e6),
        "stall_s": st.floats(-1, 1e6),
        "end": st.fixed_dictionaries({"count": st.integers(-5, 10**6)}),
        "request_at_app": st.fixed_dictionaries({"protocol": st.sampled_from(["HTTP/1.0", "HTTP/1.1", ""])}),
    },
)
RUNS = st.fixed_dictionaries(
    {"target": st.text(max_size=9), "observations": st.lists(OBSERVATIONS, max_size=6)}
)
# One app for all examples: it has no state between requests.
CLIENT = create_app(Limits()).test_client()


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(RUNS | st.dictionaries(st.sampled_from(["target", "observations", "tool"]), JSON))
def test_no_submitted_run_causes_a_server_error(document):
    response = CLIENT.post("/diagnostics/judge", data=json.dumps(document), content_type="application/json")
    assert response.status_code in (200, 400)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.floats(0, 1000),
            st.sampled_from(
                [b"HTTP/1.1 200 OK\r\n", b"Via: x\r\n", b"\r\n", b'{"seq":0,"at_s":0,"delta":""}\n']
            )
            | st.binary(max_size=20),
        ),
        max_size=8,
    )
)
def test_no_submitted_curl_capture_causes_a_server_error(reads):
    body = b"".join(b"\n@%.4f %d\n%s" % (at_s, len(data), data) for at_s, data in reads)
    response = CLIENT.post("/diagnostics/judge", data=body)
    assert response.status_code in (200, 400)
