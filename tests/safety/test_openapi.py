"""The OpenAPI document of the service: complete, and confirmed by schemathesis."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from flushcheck.measurement.plan import ROUTE_DEFAULTS
from flushcheck.service.application import create_app
from flushcheck.service.routes.openapi import document
from flushcheck.streaming.limits import Limits
from flushcheck.streaming.params import TABLE, parse
from tests.live.servers import ROOT, Service
from tests.service.wire import WITHIN_S

LONG = "LONG" in os.environ
EXAMPLES = 200 if LONG else 8
PHASES = "examples,coverage,fuzzing" if LONG else "examples,fuzzing"

# The page's own files.
UNDOCUMENTED = {"/page/<name>", "/client.js"}


def test_it_lists_every_path_and_method_of_the_service():
    app = create_app(Limits())
    routes = {
        (re.sub(r"<(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule not in UNDOCUMENTED
    }
    paths = document(Limits())["paths"]
    assert {(path, method) for path, operations in paths.items() for method in operations} == routes


@pytest.mark.parametrize("name", TABLE)
def test_every_example_in_it_is_accepted(name):
    operation = document(Limits())["paths"]["/stream/events"]["get"]
    (parameter,) = [entry for entry in operation["parameters"] if entry["name"] == name]
    rest = {"spread": [("size", "1000")]}.get(name, [])
    (defaults,) = [ROUTE_DEFAULTS[kind] for kind in ROUTE_DEFAULTS if kind == "events"]
    parse([(name, str(parameter["example"])), *rest], limits=Limits(), defaults=defaults)


def test_its_bounds_are_the_limits_in_force():
    parameters = document(Limits(max_count=7))["paths"]["/stream/chunked"]["get"]["parameters"]
    assert {"minimum": 1, "maximum": 7, "type": "integer"} in [
        parameter["schema"] for parameter in parameters
    ]


def test_what_an_error_of_the_check_holds_is_documented():
    client = create_app(Limits()).test_client()
    written = client.post("/check", data=b"hello world\n", content_type="text/plain").json or {}
    whole = document(Limits())
    content = whole["paths"]["/check"]["post"]["responses"]["400"]["content"]["application/json"]
    schema = whole["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    assert set(schema["properties"]) == set(written)
    assert written["code"] in schema["properties"]["code"]["enum"]


def test_schemathesis_finds_no_contradiction(brief: Service, tmp_path: Path):
    before = len(brief.output())
    process = subprocess.run(
        [
            *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{brief.url}/openapi.json"),
            *("--checks", "not_a_server_error,status_code_conformance,content_type_conformance"),
            *("--checks", "response_schema_conformance,unsupported_method"),
            *("--phases", PHASES, "--max-examples", str(EXAMPLES), "--workers", "2"),
            *("--request-timeout", "20", "--seed", "1", "--no-color", "--generation-database", "none"),
            # A self-diagnosis takes seconds; other tests cover it.
            *("--exclude-path", "/diagnostics", "--exclude-path", "/diagnostics/control"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=1200 if LONG else 200,
        check=False,
    )
    assert process.returncode == 0, process.stdout[-6000:] + process.stderr[-2000:]
    assert "Traceback" not in brief.output()[before:]
    assert requests.get(f"{brief.url}/healthz", timeout=WITHIN_S).ok
