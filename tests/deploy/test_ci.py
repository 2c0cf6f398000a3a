"""deploy/ci: files of their schemas, whose steps run in bash as the runners run them, against a real nginx.

GitHub and GitLab themselves were not there: how they call bash is from their documentation.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.shipped import DEPLOY
from tests.deploy.test_clean_clone import empty_environment
from tests.live import nginxconf
from tests.live.conftest import nginx  # noqa: F401  # a fixture
from tests.live.servers import GOOD_SITE, ROOT

ACTION = DEPLOY / "ci" / "action.yml"
GITLAB = DEPLOY / "ci" / "gitlab.yml"
GUILTY = nginxconf.site("proxy_pass http://127.0.0.1:8000;")
QUICK = ["--quick", "--only", "chunked"]

# GitHub, "Workflow syntax", `shell: bash`; GitLab Runner's bash script begins with the same options.
BASH = ("bash", "--noprofile", "--norc", "-eo", "pipefail")


def by_schema(schema: str, path: Path, *more: str) -> int:
    command = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        f"vendor.{schema}",
        *more,
        str(path),
    ]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode


# A hidden job is checked as the job that extends it.
VISIBLE = ("\n.flushcheck:", "\nstreaming:")

FILES = [
    # file    schema            more                                  what changes before, and what the schema refuses
    (ACTION, "github-actions",  (),                                   ("", ""),  ("using: composite", "using: compsite")),
    (GITLAB, "gitlab-ci",       ("--data-transform", "gitlab-ci"),    VISIBLE,   ("when: always", "when: alway")),
]  # fmt: skip


@pytest.mark.parametrize(("file", "schema", "more", "before", "wrong"), FILES, ids=["github", "gitlab"])
def test_the_file_is_valid_by_its_schema(file, schema, more, before, wrong, tmp_path):
    assert by_schema(schema, file, *more) == 0
    changed = tmp_path / file.name
    changed.write_text(file.read_text().replace(*before))
    assert by_schema(schema, changed, *more) == 0
    changed.write_text(changed.read_text().replace(*wrong))
    assert by_schema(schema, changed, *more) == 1


# -- GitHub ------------------------------------------------------------------------------------------------------------

DOCUMENT: dict[str, Any] = yaml.safe_load(ACTION.read_text())
STEPS: list[dict[str, Any]] = DOCUMENT["runs"]["steps"]
INSTALL, DIAGNOSE, SEND = STEPS


@dataclass(frozen=True)
class Ran:
    """One step after it has run."""

    code: int
    output: str
    errors: str
    summary: str


@dataclass(frozen=True)
class Runner:
    """What GitHub's runner has: a temporary folder, and a copy of the repository of the action."""

    top: Path

    def run(self, step: dict[str, Any], **inputs: str) -> Ran:
        """Run a step with these inputs, the others as they are by default."""
        values = {name: entry.get("default", "") for name, entry in DOCUMENT["inputs"].items()} | inputs
        env = {
            name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: values[found[1]], text)
            for name, text in step.get("env", {}).items()
        }
        assert "${{" not in step["run"], "an input in a script is run as code"
        summary = self.top / "summary.md"
        summary.write_text("")
        script = self.top / "step.sh"
        script.write_text(step["run"])
        own = {
            "RUNNER_TEMP": str(self.top / "temp"),
            "GITHUB_STEP_SUMMARY": str(summary),
            "GITHUB_ACTION_PATH": str(self.top / "action/deploy/ci"),
        }
        done = subprocess.run(
            [*BASH, script], cwd=self.top, env={**empty_environment(), **own, **env},
            stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        return Ran(done.returncode, done.stdout, done.stderr, summary.read_text())


@pytest.fixture(scope="module")
def runner(tmp_path_factory: pytest.TempPathFactory) -> Runner:
    """A runner on which the first step has installed the version of the action itself."""
    top = tmp_path_factory.mktemp("runner")
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("flushcheck", "deploy"):
        shutil.copytree(ROOT / name, top / "action" / name, ignore=ignore)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(ROOT / name, top / "action" / name)
    installed = Runner(top).run(INSTALL)
    assert installed.code == 0, installed.errors
    return Runner(top)


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.timeout(600)  # pip, on a busy machine
def test_the_action_fails_where_the_path_is_held_and_says_why(runner, origin, nginx):  # noqa: F811
    front = nginx(GUILTY, upstreams={8000: origin.port})
    ran = runner.run(DIAGNOSE, url=front.url, options="\n".join(QUICK), sarif="results.sarif")
    assert ran.code == 1, ran.errors
    (annotation,) = [line for line in ran.output.splitlines() if line.startswith("::")]
    assert re.match(
        r"::error title=flushcheck%3A http%3A//127\.0\.0\.1%3A\d+ is held::held on chunked", annotation
    )
    assert "X-Accel-Buffering: no" in annotation
    assert "**nginx-proxy-buffering**" in ran.summary
    assert "```\nX-Accel-Buffering: no\n```" in ran.summary
    (run,) = json.loads((runner.top / "results.sarif").read_text())["runs"]
    assert run["results"][0]["ruleId"] == "nginx-proxy-buffering"


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_action_passes_where_every_path_is_as_expected(runner, origin, nginx):  # noqa: F811
    held, flowing = (nginx(site, upstreams={8000: origin.port}) for site in (GUILTY, GOOD_SITE.read_text()))
    (runner.top / "targets.yaml").write_text(
        yaml.safe_dump([{"name": "known", "url": held.url, "options": QUICK, "expect": "held"}])
    )
    ran = runner.run(DIAGNOSE, url=f"{flowing.url}\n", targets="targets.yaml", options="\n".join(QUICK))
    assert ran.code == 0, ran.output + ran.errors
    assert [line.partition(" ")[0] for line in ran.output.splitlines()] == ["::notice", "::notice"]
    assert ran.summary.count("✅") == 2


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_an_input_is_an_argument_and_never_code(runner):
    ran = runner.run(DIAGNOSE, url='http://localhost:1/$(touch run)`touch run`"; touch run; "')
    assert ran.code in (2, 3)
    assert not (runner.top / "run").exists()
    nothing = runner.run(DIAGNOSE)
    assert nothing.code == 2
    assert "expected" in nothing.errors


def test_sarif_is_sent_after_a_held_path_too_and_only_where_it_was_asked_for():
    assert SEND["uses"].startswith("github/codeql-action/upload-sarif@")
    assert SEND["if"] == "${{ !cancelled() && inputs.sarif != '' }}"
    assert SEND["with"]["sarif_file"] == "${{ inputs.sarif }}"


# -- GitLab ------------------------------------------------------------------------------------------------------------

JOB: dict[str, Any] = yaml.safe_load(GITLAB.read_text())[".flushcheck"]


def gitlab(runner: Runner, **variables: str) -> tuple[int, str]:
    """Run the job in an empty folder: the exit code and the log.

    flushcheck is there already, from the runner of GitHub's test, so pip finds that nothing is missing.
    """
    where = runner.top / "job"
    shutil.rmtree(where, ignore_errors=True)
    where.mkdir()
    package = runner.top / "temp/flushcheck"
    script = where / "job.sh"
    script.write_text("\n".join([*JOB["before_script"], *JOB["script"]]))
    env = {**empty_environment(), "PYTHONPATH": str(package), **JOB["variables"], **variables}
    env["PATH"] = f"{package / 'bin'}{os.pathsep}{env['PATH']}"
    done = subprocess.run(
        [*BASH, script], cwd=where, env={**env, "STREAM_PACKAGE": "flushcheck"},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_job_fails_where_the_path_is_held_and_leaves_its_tests(runner, origin, nginx):  # noqa: F811
    front = nginx(GUILTY, upstreams={8000: origin.port})
    code, log = gitlab(runner, STREAM_URLS=front.url, STREAM_OPTIONS=" ".join(QUICK))
    assert code == 1, log
    assert "culprit (certain): nginx-proxy-buffering" in log
    report = (runner.top / "job" / JOB["artifacts"]["reports"]["junit"]).read_text()
    assert "<failure " in report


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_job_passes_where_the_path_streams(runner, origin, nginx):  # noqa: F811
    front = nginx(GOOD_SITE.read_text(), upstreams={8000: origin.port})
    (runner.top / "a list.yaml").write_text(yaml.safe_dump([{"url": front.url, "options": QUICK}]))
    code, log = gitlab(runner, STREAM_TARGETS="../a list.yaml")
    assert code == 0, log
    assert "<failure " not in (runner.top / "job/flushcheck.xml").read_text()


def test_a_path_that_cannot_be_told_is_a_warning():
    assert JOB["allow_failure"] == {"exit_codes": 3}
