"""The recipes of CONTRIBUTING.md: a step that is left out is named, with the file and the line to write.

The rest of a culprit is followed in tests/culprits/test_catalogue.py, tests/checking/test_fixtures.py and
tests/diagnosis/test_recordings.py, settings and fields of JSON in tests/test_readme.py and tests/docs/test_tables.py,
files for servers in tests/deploy/test_table.py, wire formats in
tests/watching/formats/test_recipe.py. Here stand the steps that no other test looks at.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from functools import cache
from importlib import import_module

import pytest

from app import build
from flushcheck.configs import formats
from flushcheck.configs.findings import Server
from flushcheck.culprits import Detector, evidence
from flushcheck.files import syntaxes
from flushcheck.measurement import plan
from flushcheck.model import Report, Source, Transport, TransportReport, Variant
from flushcheck.reports.json_report import document
from flushcheck.streaming import transports
from flushcheck.streaming.limits import Limits
from tests.docs.pages import ROOT, TEXTS
from tests.docs.test_tables import report

observe = import_module("flushcheck.prober.observe")  # the package has a function of that name

PACKAGE = ROOT / "flushcheck"
PAGE = PACKAGE / "service" / "page"


@cache
def source_of(*patterns: str) -> str:
    """The text of all files of the package that match, for a look at whether a name is used."""
    return "\n".join(path.read_text() for pattern in patterns for path in sorted(PACKAGE.glob(pattern)))


def steps_of_a_culprit(name: str) -> list[str]:
    """Culprits: what is missing for this module of flushcheck/culprits."""
    module = import_module(f"flushcheck.culprits.{name}")
    if (Source.PATH in module.CULPRIT.shown_by) != isinstance(module, Detector):
        return [
            f"flushcheck/culprits/{name}.py: write detect() and Source.PATH in shown_by, or neither of them"
        ]
    return []


def steps_of_a_setting(name: str) -> list[str]:
    """Settings: what is missing for this field of Limits."""
    used = re.search(rf"\.{name}\b|\"{name}\"", source_of("**/*.py") + (ROOT / "app.py").read_text())
    return [] if used else [f"nothing reads the setting: use limits.{name} where it has to take effect"]


def steps_of_a_transport(transport: Transport) -> list[str]:
    """Transports: what is missing for this member of Transport."""
    name = f"Transport.{transport.name}"
    missing = []
    if transport not in plan.ROUTES:
        missing.append(f"add {name} to ROUTES in flushcheck/measurement/plan.py")
    elif plan.ROUTES[transport] not in {rule.rule for rule in build({}).url_map.iter_rules()}:
        missing.append(f"add a route {plan.ROUTES[transport]} in flushcheck/service/routes/streams.py")
    if transport not in plan.ROUTE_DEFAULTS:
        missing.append(f"add {name} to ROUTE_DEFAULTS in flushcheck/measurement/plan.py")
    if transport not in transports.STREAMS and transport is not Transport.POLLING:
        missing.append(f"add {name} to STREAMS in flushcheck/streaming/transports/__init__.py")
    if transport not in observe.PROBERS:
        missing.append(f"add {name} to PROBERS in flushcheck/prober/observe.py")
    scripts = {path.name: path.read_text() for path in sorted(PAGE.glob("*.js"))}
    labels = next(name for name, text in scripts.items() if "export const TRANSPORTS" in text)
    missing += [
        f"add {transport.value} to flushcheck/service/page/{name}"
        for name in (labels, "observe.js", "client.js", "client-connections.js")
        if not re.search(rf"\b{transport.value}\b", scripts[name])
    ]
    if plan.ROUTES.get(transport, "?") not in TEXTS["docs/service.md"]:
        missing.append("add its address to the table in docs/service.md")
    return missing


# Variants that no sentence about a single response names.
UNLABELLED = {Variant.BASELINE, Variant.TOGETHER}


def steps_of_a_variant(variant: Variant) -> list[str]:
    """Probes: what is missing for this member of Variant."""
    name = f"Variant.{variant.name}"
    missing = []
    if variant not in evidence.LABELS and variant not in UNLABELLED:
        missing.append(f"add {name} to LABELS in flushcheck/culprits/evidence.py: how a sentence calls it")
    if name not in source_of("cli/diagnose.py"):
        missing.append(f"add {name} to the labels of the progress line in flushcheck/cli/diagnose.py")
    if (
        name not in source_of("measurement/plan.py", "measurement/repeats.py")
        and variant is not Variant.BASELINE
    ):
        missing.append(f"make a probe with {name} in flushcheck/measurement/plan.py, experiments()")
    if (
        name not in source_of("measurement/plan.py", "measurement/repeats.py", "prober/*.py")
        and variant is not Variant.BASELINE
    ):
        missing.append(f"say in params() of flushcheck/measurement/plan.py what {name} asks the service for")
    return missing


def steps_of_a_format(server: Server) -> list[str]:
    """Configuration formats: what is missing for this member of Server."""
    name = f"Server.{server.name}"
    missing = []
    if server not in formats.FORMATS:
        missing.append(
            f"write FORMAT for {name}, and add its module to FORMATS in flushcheck/configs/formats.py"
        )
    if server not in syntaxes.SYNTAXES:
        missing.append(
            f"add {name} to SYNTAXES in flushcheck/files/syntaxes.py: its parse() and its includes"
        )
    folder = ROOT / "tests" / "config_files" / server.value
    if not list(folder.glob("*.innocent.*")) or not [
        p for p in folder.glob("*") if ".innocent" not in p.name
    ]:
        missing.append(f"write guilty and innocent files in tests/config_files/{server.value}/")
    if server.value not in TEXTS["docs/config-check.md"].lower():
        missing.append(f"name {server.value} in docs/config-check.md")
    return missing


# Of a report, but not under their own name in JSON.
ELSEWHERE = {
    "transport": "the key under which its report stands",
    "notes": "collected in the notes of the whole report",
}


def steps_of_a_report_field(name: str) -> list[str]:
    """Report fields: what is missing for this field of TransportReport or Report."""
    whole = document(report())
    shown = {*whole, *whole["transports"]["chunked"]}
    if name in shown or name in ELSEWHERE:
        return []
    return [f"write {name} in flushcheck/reports/json_report.py, and its row in docs/json.md"]


# Modules of reports that others in the package use.
PARTS = {"text_writer", "fixes", "clients", "provenance", "results", "symptoms"}


def steps_of_a_report_format(module: str) -> list[str]:
    """Report formats: what is missing for this module of flushcheck/reports."""
    missing = []
    named = re.compile(rf"reports\.{module}\b|from flushcheck\.reports import [^\n]*\b{module}\b")
    if module not in PARTS and not named.search(source_of("cli/*.py", "service/**/*.py")):
        missing.append(f"call flushcheck.reports.{module} from a command in flushcheck/cli or a route")
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    if module not in PARTS and not named.search(tests):
        missing.append(f"write tests/reports/test_{module}.py: no test imports flushcheck.reports.{module}")
    return missing


Steps = Callable[..., list[str]]
ROWS: list[tuple[Steps, object]] = [
    *(
        (steps_of_a_culprit, path.stem)
        for path in sorted((PACKAGE / "culprits").glob("*.py"))
        if re.search(r"^CULPRIT\b", path.read_text(), re.MULTILINE)
    ),
    *((steps_of_a_setting, field.name) for field in fields(Limits)),
    *((steps_of_a_transport, transport) for transport in Transport),
    *((steps_of_a_variant, variant) for variant in Variant),
    *((steps_of_a_format, server) for server in Server),
    *((steps_of_a_report_field, field.name) for kind in (Report, TransportReport) for field in fields(kind)),
    *((steps_of_a_report_format, path.stem) for path in (PACKAGE / "reports").glob("[a-z]*.py")),
]


@pytest.mark.parametrize(("steps", "thing"), ROWS, ids=[f"{row[0].__name__[6:]}-{row[1]}" for row in ROWS])
def test_no_step_is_missing(steps: Steps, thing: object):
    missing = steps(thing)
    assert not missing, "\n".join(["CONTRIBUTING.md, Recipes:", *missing])


LEFT_OUT = [
    # steps                    thing               where it stands                          what the sentence says
    (steps_of_a_transport,     Transport.EVENTS,   (plan, "ROUTES"),                        "add Transport.EVENTS to ROUTES"),
    (steps_of_a_transport,     Transport.EVENTS,   (plan, "ROUTE_DEFAULTS"),                "to ROUTE_DEFAULTS"),
    (steps_of_a_transport,     Transport.EVENTS,   (transports, "STREAMS"),                 "to STREAMS"),
    (steps_of_a_transport,     Transport.EVENTS,   (observe, "PROBERS"),                    "to PROBERS"),
    (steps_of_a_variant,       Variant.XAB,        (evidence, "LABELS"),                    "add Variant.XAB to LABELS"),
    (steps_of_a_format,        Server.CADDY,       (formats, "FORMATS"),                    "to FORMATS"),
    (steps_of_a_format,        Server.CADDY,       (syntaxes, "SYNTAXES"),                  "to SYNTAXES"),
]  # fmt: skip


@pytest.mark.parametrize(("steps", "thing", "where", "sentence"), LEFT_OUT)
def test_a_step_that_is_left_out_is_named(steps, thing, where, sentence, monkeypatch):
    module, name = where
    left = {key: value for key, value in getattr(module, name).items() if key != thing}
    monkeypatch.setattr(module, name, left)
    assert any(sentence in step for step in steps(thing))


def test_a_new_thing_without_any_step_is_named():
    assert "limits.max_nothing" in steps_of_a_setting("max_nothing")[0]
    assert "docs/json.md" in steps_of_a_report_field("nothing")[0]
    assert len(steps_of_a_report_format("nothing")) == 2
