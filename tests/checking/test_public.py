"""Files in the shapes of public repositories and documentation: no crash, and no false error."""

from pathlib import Path

import pytest

from flushcheck.files import check_all, check_text, read
from tests.checking.marks import CONFIGS

PUBLIC = CONFIGS / "public"
DEADLINE, UPGRADE = "stream-deadline", "websocket-upgrade"

ROWS = [
    # file, its findings, the blocks that pass, those that are not known, the exit status
    ("contour-httpproxy.yaml", [], [], ["HTTPProxy app"], 3),
    ("envoy-auth.yaml", [], ["route / of api"], [], 0),
    ("envoy-bootstrap.json", [], ["route / of all"], [], 0),
    ("envoy-front-proxy.yaml", [(DEADLINE, "warning", 21), (UPGRADE, "note", 21), (DEADLINE, "warning", 25), (UPGRADE, "note", 25)], [], [], 1),
    ("envoy-grpc-web.yaml", [(UPGRADE, "note", 22)], [], ["route / of local_service"], 3),
    ("envoy-lds.yaml", [(UPGRADE, "note", 11)], [], ["routes that are fetched"], 3),
    ("envoy-lua.yaml", [], [], ["route / of api"], 3),
    ("envoy-tcp.yaml", [], [], [], 3),
    ("envoy-xds-bootstrap.yaml", [], [], [], 3),
    ("istio-bookinfo.yaml", [], [], ["http 1 of bookinfo"], 3),
    ("istio-guilty.yaml", [(DEADLINE, "warning", 11), ("envoy-compressor", "warning", 32)], [], ["http 2 of app"], 1),
    ("istio-gzip-patch.yaml", [], [], ["patch of gzip"], 3),
    ("istio-idle-patch.yaml", [], [], [], 3),
    ("istio-timeouts.yaml", [(DEADLINE, "warning", 12)], [], [], 1),
    ("traefik-ansible-tasks.yml", [], [], ["router app"], 3),
    ("traefik-crowdsec.yml", [], [], ["router app"], 3),
    ("traefik-dynamic-security.yml", [], [], ["router pihole"], 3),
    ("traefik-helm-values.yaml", [], [], [], 3),
    ("traefik-ingressroute.yaml", [], [], ["IngressRoute shop", "IngressRoute shop"], 3),
    ("traefik-letsencrypt.compose.yaml", [], ["router blog"], [], 0),
    ("traefik-middleware-unused.yaml", [], ["IngressRoute app"], [], 0),
    ("traefik-middleware.yaml", [("traefik-buffering", "error", 7)], [], [], 1),
    ("traefik-nextcloud.compose.yaml", [], [], ["router nextcloud"], 3),
    ("traefik-quickstart.compose.yaml", [], ["router whoami"], [], 0),
    ("traefik-static.yml", [], [], [], 3),
    ("traefik-swarm.stack.yml", [], [], ["router api"], 3),
    ("traefik-tcp.yml", [], [], [], 3),
    ("traefik-templated.yml", [], [], ["router app-⟨i⟩"], 3),
    ("traefik-v1.toml", [], [], [], 3),
    ("traefik-v2.toml", [], ["router app"], [], 0),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "findings", "passed", "unknown", "status"), ROWS, ids=[row[0] for row in ROWS]
)
def test_a_public_file_is_judged(name, findings, passed, unknown, status):
    checked = check_all(read([str(PUBLIC / name)]))
    found = [(finding.culprit.id, finding.level.value, finding.line) for finding in checked.findings]
    assert found == findings
    assert [block.block for block in checked.passed] == passed
    assert [block.block for block in checked.unknown] == unknown
    assert checked.exit_code() == status


@pytest.mark.parametrize("name", [row[0] for row in ROWS if row[1] and row[0].endswith(".yaml")])
def test_a_pasted_text_has_the_same_findings(name):
    text = (PUBLIC / name).read_text()
    pasted, named = check_text(text), check_text(text, name=name)
    assert [finding.line for finding in pasted.findings] == [finding.line for finding in named.findings]


def test_each_public_file_has_a_row():
    assert sorted(path.name for path in PUBLIC.iterdir()) == [row[0] for row in ROWS]


STATIC = "entryPoints: {web: {address: x}}\nproviders: {file: {%s}}\n"
DYNAMIC = "http: {routers: {a: {middlewares: [m]}}, middlewares: {m: {buffering: {a: b}}}}\n"
HELD = [("traefik-buffering", "dynamic.yml", 1)]
FOLDERS = [
    # name, the files, the findings, and the blocks that are not known
    ("a file",               {"traefik.yml": STATIC % "filename: dynamic.yml", "dynamic.yml": DYNAMIC}, HELD, []),
    ("a name elsewhere",     {"traefik.yml": STATIC % "filename: /etc/traefik/dynamic.yml", "dynamic.yml": DYNAMIC}, HELD, []),
    ("a folder",             {"traefik.yml": STATIC % "directory: /etc/traefik/conf.d", "conf.d/dynamic.yml": DYNAMIC, "conf.d/x.txt": DYNAMIC}, [("traefik-buffering", "conf.d/dynamic.yml", 1)], []),
    ("TOML",                 {"traefik.toml": "[entryPoints.web]\n[providers.file]\nfilename = 'd.toml'\n", "d.toml": "[http.routers.a]\nmiddlewares = ['m']\n[http.middlewares.m.buffering]\n"}, [("traefik-buffering", "d.toml", 3)], []),
    ("no such file",         {"traefik.yml": STATIC % "filename: other.yml", "dynamic.yml": DYNAMIC.replace("buffering", "compress")}, [], ["router a"]),
    ("no name",              {"traefik.yml": STATIC % "filename: ''", "dynamic.yml": DYNAMIC.replace("buffering", "compress")}, [], ["router a"]),
    ("two programs",         {"compose.yaml": "a: {command: gunicorn -w 2 app:app}\nlabels: [traefik.http.routers.a.middlewares=m, traefik.http.middlewares.m.buffering.a=1]\n"}, [("gunicorn-sync-worker", "compose.yaml", 1), ("gunicorn-timeout", "compose.yaml", 1), ("traefik-buffering", "compose.yaml", 2)], []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "files", "findings", "unknown"), FOLDERS, ids=[row[0] for row in FOLDERS])
def test_a_folder_with_a_static_configuration(
    name: str,
    files: dict[str, str],
    findings: list[tuple[str, str, int]],
    unknown: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for file, text in files.items():
        path = tmp_path / "folder" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.chdir(tmp_path / "folder")
    checked = check_all(read(["."]))
    found = {
        (finding.culprit.id, finding.file.removeprefix("./"), finding.line) for finding in checked.findings
    }
    assert found == set(findings)
    assert [block.block for block in checked.unknown] == unknown
