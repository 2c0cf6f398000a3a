"""What docs/config-check.md and docs/json.md say of the config check: exchange, hook, workflow and JSON are run."""

import json
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from flushcheck.checking.cross_check import CrossCheck, FoundBy
from flushcheck.configs.findings import Server
from flushcheck.files import check_text
from flushcheck.reports.findings import cross_checks_document, findings_document
from tests.docs.pages import TEXTS, rows
from tests.docs.pages import examples as examples_of
from tests.live.servers import ROOT, child_env

pytestmark = pytest.mark.slow

PAGE = "docs/config-check.md"
GUILTY = "location / {\n  proxy_pass http://127.0.0.1:8000;\n}\n"


def examples(language: str) -> list[str]:
    """The code blocks of this language in the page, in order."""
    return examples_of(PAGE, language)


def shell(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """The line as a shell runs it, with this very flushcheck as `flushcheck`."""
    scripts = ROOT / ".venv" / "bin"
    env = {**child_env(), "COLUMNS": "100"}
    env["PATH"] = f"{scripts}:{env['PATH']}"
    return subprocess.run(
        ["sh", "-c", line], cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False
    )


def test_the_exchange_happens_as_shown(tmp_path: Path) -> None:
    command, output = examples("console")[0].split("\n", 1)
    (tmp_path / "site.conf").write_text(examples("nginx")[0])
    done = shell(command.removeprefix("$ "), tmp_path)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == output


def test_the_patch_fixes_the_example(tmp_path: Path) -> None:
    (command,) = re.findall(r"`(flushcheck check --diff [^`]*)`", TEXTS[PAGE])
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "site.conf").write_text(examples("nginx")[0])
    assert shell(command, tmp_path).returncode == 0
    assert shell("flushcheck check deploy/", tmp_path).returncode == 0


def test_the_mark_allows() -> None:
    checked = check_text(examples("nginx")[1], server=Server.NGINX)
    assert [one.reason for one in checked.allowed] == ["these responses are one line long"]
    assert checked.exit_code() == 0


def test_the_hook_is_the_one_defined() -> None:
    hooks = {one["id"]: one for one in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}
    asked = [hook["id"] for repo in yaml.safe_load(examples("yaml")[0])["repos"] for hook in repo["hooks"]]
    assert asked == ["flushcheck"]
    assert set(asked) <= set(hooks)
    assert hooks["flushcheck"]["pass_filenames"] is False


NAMED = [
    # path in a repository          whether the hook looks at it
    ("nginx.conf",                  True),
    ("deploy/nginx/site.conf",      True),
    ("public/.htaccess",            True),
    ("etc/haproxy/haproxy.cfg",     True),
    ("Caddyfile",                   True),
    ("docker/Caddyfile.prod",       True),
    ("default.vcl",                 True),
    ("docker/php/php.ini",          True),
    ("php/pool.d/www.conf",         True),
    ("gunicorn.conf.py",            True),
    ("deploy/app.service",          True),
    ("Procfile",                    True),
    ("docker/Dockerfile",           True),
    ("deploy/ingress.yaml",         True),
    ("chart/templates/app.yaml",    True),
    ("chart/values.yaml",           True),
    ("k8s/app.yml",                 True),
    ("compose.yaml",                True),
    ("traefik/traefik.toml",        True),
    ("deploy/envoy-front.yaml",     True),
    ("tsconfig.json",               False),
    (".github/workflows/ci.yml",    False),
    ("app.py",                      False),
    ("setup.cfg",                   False),
    ("README.md",                   False),
    ("rsyslog.conf",                False),
]  # fmt: skip


@pytest.mark.parametrize(("path", "looked_at"), NAMED)
def test_the_hook_looks_at_configurations_alone(path: str, *, looked_at: bool) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert bool(re.search(hook["files"], path)) is looked_at


@pytest.mark.parametrize(("text", "code"), [(GUILTY, 1), ("location / { root /srv; }\n", 0)])
def test_the_hook_runs_as_pre_commit_runs_it(text: str, code: int, tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    (tmp_path / "nginx.conf").write_text(text)
    done = shell(shlex.join([*shlex.split(hook["entry"]), *hook["args"]]), tmp_path)
    assert done.returncode == code


def test_the_workflow_uploads_what_it_writes(tmp_path: Path) -> None:
    workflow: dict[str, Any] = yaml.safe_load(examples("yaml")[1])
    (job,) = workflow["jobs"].values()
    check = next(step["run"] for step in job["steps"] if "flushcheck check" in step.get("run", ""))
    upload = next(step for step in job["steps"] if "upload-sarif" in step.get("uses", ""))
    assert workflow["permissions"]["security-events"] == "write"
    assert "failure()" in upload["if"]
    (tmp_path / "deploy").mkdir()
    (tmp_path / "deploy" / "nginx.conf").write_text(GUILTY)
    assert shell(check, tmp_path).returncode == 1
    log = json.loads((tmp_path / upload["with"]["sarif_file"]).read_text())
    (result,) = (one for one in log["runs"][0]["results"] if one["level"] == "error")
    place = result["locations"][0]["physicalLocation"]
    assert place == {"artifactLocation": {"uri": "deploy/nginx.conf"}, "region": {"startLine": 1}}


def test_every_member_of_the_json_is_listed() -> None:
    checked = check_text(GUILTY + examples("nginx")[1], server=Server.NGINX)
    finding = checked.findings[0]
    whole = cross_checks_document(
        [CrossCheck(finding.culprit.id, FoundBy.BOTH, "", checked.findings[:1])], checked
    )
    listed = {name for cells in rows("member") for cell in cells for name in re.findall(r"`\.?(\w+)", cell)}
    assert {"schema", *whole} == {"cross_checks", *findings_document(checked)}
    for part in (whole, *(one for many in whole.values() if isinstance(many, list) for one in many[:1])):
        if isinstance(part, dict):
            missing = sorted(set(part) - listed)
            assert not missing, f"add {missing} to the table of `check --json` in docs/json.md"
    assert {*whole["findings"][0]["fix"], *whole["findings"][0]["edits"][0]} <= listed
