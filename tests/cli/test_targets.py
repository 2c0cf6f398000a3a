"""Several addresses in one call: the list in a file, its errors by line, and what was expected."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from flushcheck.cli import main, parser
from flushcheck.cli.several import given_options, parsed_options
from flushcheck.files.targets import MAX_FILE_BYTES, MAX_TARGETS, TargetEntry, read_targets
from flushcheck.model import UsageError, Verdict
from tests.cli.test_main import CLEAN, HELD
from tests.docs.pages import example
from tests.prober.peers import scripted_server

GOOD = """\
targets:
  - http://a.example
  - name: shop
    url: https://b.example
    options: [--quick, --only, "chunked,events"]
    expect: held
    allow: [nginx-gzip]
  - {url: "https://c.example/chat", command: watch}
"""


def written(folder: Path, text: str | bytes) -> str:
    path = folder / "targets.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_a_list_has_names_options_and_expectations(tmp_path):
    path = written(tmp_path, GOOD)
    assert read_targets(path) == (
        TargetEntry("http://a.example", "http://a.example", place=f"{path}:2"),
        TargetEntry("shop", "https://b.example", "diagnose", ("--quick", "--only", "chunked,events"), Verdict.HELD, ("nginx-gzip",), f"{path}:3"),
        TargetEntry("https://c.example/chat", "https://c.example/chat", "watch", place=f"{path}:8"),
    )  # fmt: skip


def test_a_list_may_stand_alone(tmp_path):
    assert [entry.url for entry in read_targets(written(tmp_path, "- http://a\n- url: http://b\n"))] == [
        "http://a",
        "http://b",
    ]


BAD = [
    # name                     the file                                             the error, behind the path
    ("empty",                  "",                                                  ": expected a list of targets"),
    ("an empty list",          "targets: []",                                       ": expected a list of targets"),
    ("a text",                 "hello",                                             ": expected a list of targets"),
    ("no list",                "targets: {}",                                       ": expected a list of targets"),
    ("not YAML",               "targets:\n  - {url",                                ":2: not YAML, "),
    ("an alias",               "- url: http://x\n  name: *s3cr3t",                  ":2: not YAML, found undefined alias; expected"),
    ("a control character",    "- \x07",                                           ": not YAML, it has a character that YAML does not allow"),
    ("not UTF-8",              b"- \xff",                                           ": expected UTF-8"),
    ("nested too deeply",      "[" * 5000,                                          ""),
    ("another key at the top", "target:\n  - http://x",                             ":1: 'target' is no key here (did you mean targets?)"),
    ("a misspelt key",         "- url: http://x\n  expct: held",                    ":2: 'expct' is no key here (did you mean expect?)"),
    ("no url",                 "- http://a\n- name: x",                             ":2: a target without url: expected one"),
    ("a url that is a list",   "- url: [a]",                                        ":1: url: expected a text"),
    ("an empty url",           "- url: ''",                                         ":1: url: expected a text"),
    ("a target that is a list", "- [a]",                                            ":1: expected a URL or a target"),
    ("a key twice",            "- url: http://x\n  url: http://y",                  ":2: url is given twice"),
    ("a name twice",           "- http://x\n- http://x",                            ":2: two targets are called 'http://x'"),
    ("a long name",            f"- url: http://x\n  name: {'n' * 81}",              ":2: name: expected at most 80 characters"),
    ("another verdict",        "- url: http://x\n  expect: fine",                   ":2: expect: fine: expected flowing, held, broken, unknown"),
    ("another command",        "- url: http://x\n  command: check",                 ":2: command: check: expected diagnose or watch"),
    ("options as a text",      "- url: http://x\n  options: --quick",               ":2: options: expected a list, for example options: [--quick]"),
    ("an option that is a list", "- url: http://x\n  options: [[a]]",               ":2: options: expected a text"),
    ("too many",               "- a\n" * (MAX_TARGETS + 1),                          f":1: {MAX_TARGETS + 1} targets: expected at most {MAX_TARGETS}"),
    ("an unknown culprit",     "- url: http://x\n  allow: [nginx]",                 ":1: allow: 'nginx' is no culprit: expected ids"),
    ("an unknown option",      "- http://a\n- url: http://x\n  options: [--quik]",  ":2: options: unrecognized arguments: --quik; did you mean --quick?"),
    ("a wrong value",          "- url: http://x\n  options: [--timeout, soon]",     ":1: options: argument -m/--timeout: 'soon': expected more than 0"),
    ("a run to save",          "- {url: http://x, options: [--save, run.json]}",    ":1: options: --save for one address of a list"),
    ("files to compare with",  "- {url: http://x, options: [--config, x.conf]}",    ":1: options: --config for one address of a list"),
    ("a running server",       "- {url: http://x, options: [--running, nginx]}",    ":1: options: --running for one address of a list"),
    ("a format of its own",    "- {url: http://x, options: [--json]}",              ":1: options: --format for one address of a list"),
    ("a ticket",               "- {url: http://x, options: [--ticket]}",            ":1: options: --ticket for one address of a list"),
    ("a file to write to",     "- {url: http://x, options: [-o, x.txt]}",           ":1: options: --output for one address of a list"),
    ("one more format",        "- {url: http://x, options: [--also, json=x]}",      ":1: options: --also for one address of a list"),
    ("the text of a stream",   "- {url: http://x, command: watch, options: [--text]}", ":1: options: --text for one address of a list"),
    ("two addresses",          "- {url: http://x, options: [http://y]}",            ":1: options: more than one address for one address of a list"),
    ("a hop without address",  "- {url: http://x, options: [--at, app=x]}",         ":1: 'x': expected an address"),
    ("an idle time of 0",      "- {url: http://x, options: [--idle, '0']}",         ":1: "),
    ("a wrong address",        "- url: ftp://x",                                    ":1: 'ftp://x': expected http:// or https://"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "error"), BAD, ids=[row[0] for row in BAD])
def test_a_bad_file_is_named_with_its_line(name, text, error, tmp_path, capsys):
    path = written(tmp_path, text)
    assert main(["diagnose", "--targets", path]) == 2
    shown = capsys.readouterr().err
    assert f"{path}{error}" in shown
    assert "expected" in shown
    assert "example" in shown
    assert "Traceback" not in shown


def test_a_file_that_is_missing_or_too_large_is_refused(tmp_path):
    with pytest.raises(UsageError, match="No such file or directory; expected a list of targets"):
        read_targets(str(tmp_path / "none"))
    with pytest.raises(UsageError, match=f"expected at most {MAX_FILE_BYTES} bytes"):
        read_targets(written(tmp_path, b"#" * (MAX_FILE_BYTES + 1)))


QUICK = ["--quick", "--only", "chunked"]


def test_several_addresses_are_tested_in_one_call(capsys):
    with scripted_server(CLEAN) as clean, scripted_server(HELD) as held:
        assert main([clean, held, *QUICK]) == 1
        text = capsys.readouterr().out
        assert main(["diagnose", clean, clean + "/", *QUICK, "-f", "junit"]) == 0
    lines = text.splitlines()
    assert lines[0].split()[:3] == ["ok", clean, "flowing"]
    assert lines[1].split()[:3] == ["!!", held, "held"]
    assert f"HELD  {held}" in text
    assert f"FLOWING  {clean}" not in text, "what is as expected is one line"
    assert capsys.readouterr().out.count("<testsuite ") == 2


def test_an_expectation_that_differs_is_exit_1(tmp_path, capsys):
    with scripted_server(CLEAN) as clean, scripted_server(HELD) as held:
        options = "options: [--quick, --only, chunked, --timeout, '9']"
        known = f"- {{name: known, url: '{held}', expect: held, {options}}}\n"
        other = f"- {{name: other, url: '{clean}', expect: held, {options}}}\n"
        assert main(["diagnose", "-T", written(tmp_path, known), "--json"]) == 0
        (result,) = json.loads(capsys.readouterr().out)["results"]
        assert (result["name"], result["expected"], result["as_expected"]) == ("known", "held", True)
        assert list(result["report"]["transports"]) == ["chunked"]
        assert main(["diagnose", "-T", written(tmp_path, known + other), "-f", "markdown"]) == 1
    assert "expected held, found flowing" in capsys.readouterr().out


GIVEN = ["diagnose", "-T", "x", "--quick", "-m", "9", "-H", "A: 1", "--json", "--observer", "here"]
COMBINED = [
    # name                          the target                                                    of it               what it is measured with
    ("none of its own",             TargetEntry("a", "http://a"),                                 "timeout",          9.0),
    ("a switch",                    TargetEntry("a", "http://a"),                                 "quick",            True),
    ("none of either",              TargetEntry("a", "http://a"),                                 "only",             None),
    ("both, its own as by default", TargetEntry("a", "http://a", options=("-m", "30")),           "timeout",          30.0),
    ("headers",                     TargetEntry("a", "http://a", options=("-H", "B: 2")),         "header",           ["A: 1", "B: 2"]),
    ("of a stream to watch",        TargetEntry("a", "http://a", "watch", ("--once",)),           "header",           ["A: 1"]),
    ("the format of the call",      TargetEntry("a", "http://a"),                                 "format",           "text"),
    ("the observer",                TargetEntry("a", "http://a", options=("-Q",)),                "observer",         "here"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "entry", "option", "value"), COMBINED, ids=[row[0] for row in COMBINED])
def test_a_target_has_the_options_of_the_command_line_and_its_own(name, entry, option, value):
    own = parsed_options(entry, given_options(parser(["diagnose"]).parse_args(GIVEN)))
    assert getattr(own, option) == value


def test_a_target_is_compared_with_an_address_of_its_own(tmp_path, capsys):
    with scripted_server(CLEAN) as app, scripted_server(HELD) as path:
        options = f"options: [--quick, --only, chunked, --direct, '{app}']"
        assert main(["diagnose", "-T", written(tmp_path, f"- {{url: '{path}', {options}}}\n"), "--json"]) == 1
    (result,) = json.loads(capsys.readouterr().out)["results"]
    assert result["report"]["fault_location"]["place"] == "path"


def test_a_stream_of_ones_own_can_be_a_target(tmp_path, capsys):
    with scripted_server(lambda client: client.respond(404, b"no")) as url:
        text = f"- {{url: '{url}/chat?a=b', command: watch, options: [--once], expect: unknown}}\n"
        assert main(["diagnose", "-T", written(tmp_path, text), "-f", "prometheus"]) in (0, 1)
    assert f'flushcheck_verdict{{target="{url}/chat?a=b"' in capsys.readouterr().out


def test_addresses_of_one_host_are_tested_one_after_the_other(capsys):
    roots: list[str] = []

    def script(client):
        roots.append(client.path.split("/stream")[0])
        CLEAN(client)

    with scripted_server(script) as url:
        main(["diagnose", f"{url}/a", f"{url}/b", f"{url}/c", *QUICK, "-q"])
    streams = [root for root in roots if root in ("/a", "/b", "/c")]
    assert sorted(root for root, _ in itertools.groupby(streams)) == ["/a", "/b", "/c"]


@pytest.mark.parametrize("option", [["--save", "x.json"], ["--direct", "http://d"], ["--idle", "5"]])
def test_an_option_for_one_address_is_refused_for_several(option, capsys):
    assert main(["diagnose", "http://a", "http://b", *option]) == 2
    assert f"{option[0]} with several addresses: expected one address" in capsys.readouterr().err


def test_the_list_in_the_documentation_is_read(tmp_path):
    entries = read_targets(written(tmp_path, example("targets", "yaml")))
    assert [(entry.name, entry.command, entry.expected, entry.allowed) for entry in entries] == [
        ("https://example.org", "diagnose", None, ()),
        ("chat", "watch", None, ()),
        ("known to be held", "diagnose", Verdict.HELD, ()),
        ("a known culprit", "diagnose", None, ("nginx-gzip",)),
    ]
