"""Saved runs of every schema are read, and say the same."""

import json
from pathlib import Path

import pytest

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Arrival, Client, Observation, Outcome, Probe, Run, Transport, UsageError
from flushcheck.model.run_schema import SCHEMA, run_from_json, run_to_json

OLD = sorted((Path(__file__).parent / "schema-1").glob("*.json"))
RECORDINGS = Path(__file__).resolve().parents[1] / "recordings"


@pytest.mark.parametrize("path", OLD, ids=lambda path: path.stem)
def test_a_run_of_schema_1_is_read_as_todays(path):
    old, new = json.loads(path.read_text()), json.loads((RECORDINGS / path.name).read_text())
    assert old["schema"] == 1 < new["schema"]
    run = run_from_json(old)
    assert run == run_from_json(new)
    assert judge(run).culprits
    assert any(one.request_at_app for one in run.observations)
    assert all(one.pieces for one in run.observations if one.end)


def test_a_run_comes_back_as_it_was():
    run = run_from_json(json.loads(OLD[0].read_text()))
    written = json.loads(json.dumps(run_to_json(run)))
    assert written["schema"] == SCHEMA
    assert run_from_json(written) == run


def test_when_a_stream_was_requested_has_another_name_in_schema_1():
    observation = {"probe": {"transport": "chunked"}, "outcome": "complete", "asked_s": 2.5}
    data = {"target": "x", "observations": [observation]}
    assert run_from_json({"schema": 1, **data}).observations[0].requested_s == 2.5
    assert run_from_json(data).observations[0].requested_s == 0.0  # no schema: a current one


LATER = "expected 1 to 3, as `--save` writes it"
WRONG = [
    # name                 data                                                message
    ("a later schema",     {"schema": 4, "target": "x", "observations": []},   f"schema=4: {LATER}"),
    ("no such schema",     {"schema": 0, "target": "x", "observations": []},   f"schema=0: {LATER}"),
    ("a word",             {"schema": "1", "target": "x", "observations": []}, f"schema=1: {LATER}"),
    ("a long word",        {"schema": "abcdefghij" * 3},                       f"schema=abcdefghijabcdefghij: {LATER}"),
    ("no run",             [],                                                 "run=a list: expected an object"),
    ("no field",           {},                                                 "run.target is missing: expected a string"),
    ("old, no field",      {"schema": 1},                                      "run.target is missing: expected a string"),
    ("old, no list",       {"schema": 1, "target": "x", "observations": 5},    "run.observations='5': expected a list"),
    ("old, no objects",    {"schema": 1, "target": "x", "observations": [5]},  "run.observations[0]='5': expected an object"),
    ("old, odd arrivals",  {"schema": 1, "target": "x", "observations": [{"arrivals": [5], "end": 5}]}, "run.observations[0].probe is missing: expected an object"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data", "message"), WRONG, ids=[row[0] for row in WRONG])
def test_what_is_no_run_is_refused_at_its_place(name, data, message):
    with pytest.raises(UsageError) as refused:
        run_from_json(data, "run")
    assert str(refused.value) == message


OWN_MEMBERS = ("framing", "format", "format_end", "delimited")
OWN_STREAMS = [
    # schema, members of an observation,                                                   framing,              format,        its end, delimited
    (2,       {"format": "JSON lines", "wire_format": "Ollama chat", "wire_end": "END"},   "JSON lines",         "Ollama chat", "END",   True),
    (2,       {"format": "plain chunks", "framed": False},                                 "plain chunks",       "",            "",      False),
    (3,       {"framing": "JSON lines", "format": "Ollama chat", "format_end": "END"},     "JSON lines",         "Ollama chat", "END",   True),
    (3,       {"framing": "plain chunks", "delimited": False},                             "plain chunks",       "",            "",      False),
    (None,    {"framing": "JSON lines", "format": "Ollama chat"},                          "JSON lines",         "Ollama chat", "",      True),
]  # fmt: skip


@pytest.mark.parametrize(("schema", "members", *OWN_MEMBERS), OWN_STREAMS)
def test_the_framing_and_the_format_had_other_names_in_schema_2(
    schema, members, framing, format, format_end, delimited
):
    observation = {"probe": {"transport": "chunked", "scenario": "own"}, "outcome": "complete", **members}
    data = {"target": "x", "observations": [observation]} | ({"schema": schema} if schema else {})
    (read,) = run_from_json(data).observations
    assert (read.framing, read.format, read.format_end, read.delimited) == (
        framing,
        format,
        format_end,
        delimited,
    )


def test_a_place_without_a_name_is_called_by_its_type():
    with pytest.raises(UsageError, match=r"^Run\.target is missing"):
        run_from_json({})


def test_a_run_without_a_schema_is_a_current_one():
    assert run_from_json({"target": "x", "observations": []}) == Run("x", ())


def test_a_run_from_before_clients_had_names_is_read():
    arrival = {"at_s": 0.1, "size_bytes": 5, "text_bytes": 5}
    observation = {"probe": {"transport": "chunked"}, "outcome": "complete", "arrivals": [arrival]}
    (item,) = run_from_json({"schema": 2, "target": "x", "observations": [observation]}).observations
    assert (item.probe.client, item.alpn, item.tls_version, item.settings) == (Client.BROWSER, "", "", ())
    assert (item.arrivals[0].frame_bytes, item.arrivals[0].record_bytes) == ((), ())


def test_what_was_seen_of_http_2_and_tls_comes_back():
    arrival = Arrival(0.1, 5, 5, (), (5, 0), (31,))
    probe = Probe(Transport.CHUNKED, client=Client.HTTP1)
    item = Observation(
        probe, Outcome.COMPLETE, arrivals=(arrival,), alpn="h2", tls_version="TLSv1.3", settings=((3, 128),)
    )
    run = Run("x", (item,))
    assert run_from_json(json.loads(json.dumps(run_to_json(run)))) == run
    assert probe.id == "chunked-token-http1"
