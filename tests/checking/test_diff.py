"""The patch applies with git and patch, fixes its Findings, and changes nothing else."""

import shutil
import subprocess
from pathlib import Path

import pytest

from flushcheck.configs.findings import Action, Edit, Finding, Level, Server
from flushcheck.files import check_all, check_text, read
from flushcheck.reports.diff import diff
from tests.checking.marks import CONFIGS, fixtures, server_of

TOOLS = [
    ("git", ["git", "apply", "--unsafe-paths", "-p1", "-"]),
    ("patch", ["patch", "-s", "-p1", "--binary"]),
]


def name(path: Path) -> str:
    return path.relative_to(CONFIGS).as_posix()


def apply(folder: Path, patch: str, tool: list[str]) -> None:
    done = subprocess.run(
        tool,
        cwd=folder,
        input=patch.encode(errors="surrogateescape"),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()


@pytest.mark.parametrize(
    "path", [finding for finding in fixtures() if ".innocent" not in finding.name], ids=name
)
@pytest.mark.parametrize("strict", [False, True], ids=["", "strict"])
def test_a_finding_with_an_edit_is_gone_after_the_patch(
    path: Path, strict: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    server = server_of(path)
    shutil.copy(path, path.name)
    before = check_text(path.read_text(), server=server, name=path.name)
    patch = diff(before.findings, {path.name: path.read_text()}, strict=strict)
    tools = [tool for program, tool in TOOLS if shutil.which(program)]
    if patch:
        apply(tmp_path, patch, tools[0])
    fixed = Path(path.name).read_text()
    after = check_text(fixed, server=server, name=path.name)
    left = {
        (finding.culprit.id, finding.block)
        for finding in after.findings
        if strict or finding.level is not Level.NOTE
    }
    # A line that repairs one thing may bring to light what stood behind it, but nothing that was fixed comes back.
    for finding in before.findings:
        if finding.edits and (strict or finding.level is not Level.NOTE):
            assert (finding.culprit.id, finding.block) not in left, patch
    again = diff(after.findings, {path.name: fixed}, strict=strict)
    assert after.findings == () or again == "" or len(after.findings) < len(before.findings)


TEXTS = [
    # name               text                                                              fixed
    ("indented",         "location / {\n\tproxy_pass http://x;\n}\n",                      "location / {\n\tproxy_buffering off;\n\tproxy_pass http://x;\n}\n"),
    ("one line",         "location / { proxy_pass http://x; }\n",                          "location / { proxy_buffering off; proxy_pass http://x; }\n"),
    ("CRLF",             "location / {\r\n  proxy_pass http://x;\r\n}\r\n",                "location / {\r\n  proxy_buffering off;\r\n  proxy_pass http://x;\r\n}\r\n"),
    ("no last newline",  "location / {\n  proxy_pass http://x; }",                         "location / {\n  proxy_buffering off;\n  proxy_pass http://x; }"),
    ("replaced",         "location / {\n proxy_buffering on; # why\n proxy_pass http://x;\n}", "location / {\n proxy_buffering off; # why\n proxy_pass http://x;\n}"),
    ("replaced inline",  "location / { proxy_buffering on; proxy_pass http://x; }",        "location / { proxy_buffering off; proxy_pass http://x; }"),
    ("no UTF-8",         "# caf\udce9\nlocation / {\nproxy_pass http://x;\n}\n",           "# caf\udce9\nlocation / {\nproxy_buffering off;\nproxy_pass http://x;\n}\n"),
    ("two blocks",       "location /a {\nproxy_pass http://x;\n}\nlocation /b {\nproxy_pass http://x;\n}\n",
                         "location /a {\nproxy_buffering off;\nproxy_pass http://x;\n}\nlocation /b {\nproxy_buffering off;\nproxy_pass http://x;\n}\n"),
]  # fmt: skip


@pytest.mark.parametrize(("title", "text", "fixed"), TEXTS, ids=[row[0] for row in TEXTS])
@pytest.mark.parametrize("tool", [tool for _, tool in TOOLS], ids=[program for program, _ in TOOLS])
def test_the_rest_of_a_file_is_unchanged(
    title: str, text: str, fixed: str, tool: list[str], tmp_path: Path
) -> None:
    if not shutil.which(tool[0]):
        pytest.skip(f"{tool[0]} is not installed")
    file = tmp_path / "nginx.conf"
    file.write_bytes(text.encode(errors="surrogateescape"))
    checked = check_text(text, server=Server.NGINX, name="nginx.conf")
    apply(tmp_path, diff(checked.findings, {"nginx.conf": text}), tool)
    assert file.read_bytes() == fixed.encode(errors="surrogateescape"), title


SETTINGS = [
    # name                          gunicorn.conf.py                                          fixed
    ("threads alone",               "threads = 2\n",                                          'worker_class = "gevent"\n'),
    ("threads beside a class",      "worker_class = 'sync'\nthreads = 2\n",                   'worker_class = "gevent"\nthreads = 2\n'),
    ("the last one counts",         "worker_class = 'sync'\nworker_class = 'gthread'\n",      "worker_class = 'sync'\nworker_class = \"gevent\"\n"),
]  # fmt: skip


@pytest.mark.parametrize(("title", "text", "fixed"), SETTINGS, ids=[row[0] for row in SETTINGS])
def test_the_setting_that_counts_is_changed(title: str, text: str, fixed: str, tmp_path: Path) -> None:
    name = "gunicorn.conf.py"
    (tmp_path / name).write_text(text)
    checked = check_text(text, server=Server.GUNICORN, name=name)
    apply(tmp_path, diff(checked.findings, {name: text}, strict=True), TOOLS[0][1])
    assert (tmp_path / name).read_text() == fixed, title


def test_lines_for_a_member_of_a_balancer_go_beside_the_pass() -> None:
    text = (
        "SecRuleEngine On\nSecResponseBodyAccess On\n"
        '<Proxy "balancer://a">\n BalancerMember "http://x:80" upgrade=websocket\n</Proxy>\n'
        '<VirtualHost *:80>\n ProxyPass "/" "balancer://a/"\n</VirtualHost>\n'
    )
    checked = check_text(text, server=Server.APACHE, name="f")
    lines = diff(checked.findings, {"f": text}).splitlines()
    at = lines.index("+ SecResponseBodyAccess Off")
    assert lines[at + 1] == '  ProxyPass "/" "balancer://a/"'


def test_a_block_is_never_replaced_by_a_line() -> None:
    # No nginx takes such a file; a patch must not make it worse.
    text = "location / {\n proxy_buffering on {\n }\n proxy_pass http://x;\n}\n"
    checked = check_text(text, server=Server.NGINX, name="f")
    changed = [line for line in diff(checked.findings, {"f": text}).splitlines()[2:] if line[0] in "+-"]
    assert changed == ["+ proxy_buffering off;"]


def test_an_absolute_name_is_patched_from_the_root(tmp_path: Path) -> None:
    file = tmp_path / "nginx.conf"
    file.write_text("location / {\n  proxy_pass http://x;\n}\n")
    got = read([str(file)])
    patch = diff(check_all(got).findings, got.configs[0].texts)
    assert f"--- a{file}\n" in patch


def edit_finding(edit: Edit) -> Finding:
    checked = check_text("location / { proxy_pass http://x; }", server=Server.NGINX, name="f")
    return next(
        Finding(
            **{field: getattr(finding, field) for field in Finding.__slots__ if field != "edits"},
            edits=(edit,),
        )
        for finding in checked.findings
    )


UNCERTAIN = [
    ("twice on its line", "a b; a c;", Edit(Action.REPLACE, "f", 1, 1, "a", ("x;",))),
    ("not on its line", "a b;", Edit(Action.REPLACE, "f", 1, 1, "z", ("x;",))),
    ("behind the end", "a b;", Edit(Action.BEFORE, "f", 9, 9, "a", ("x;",))),
    ("several lines and more", "a\nb; c d;", Edit(Action.REPLACE, "f", 1, 2, "a", ("x;",))),
]


@pytest.mark.parametrize(("why", "text", "edit"), UNCERTAIN, ids=[row[0] for row in UNCERTAIN])
def test_an_edit_without_a_certain_place_is_left_out(why: str, text: str, edit: Edit) -> None:
    assert diff([edit_finding(edit)], {"f": text}) == "", why
