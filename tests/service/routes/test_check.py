"""A pasted configuration is checked and bounded; nothing that it names is opened or executed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from flushcheck.configs.findings import Server
from flushcheck.files import check_text
from flushcheck.service.application import create_app
from flushcheck.streaming.limits import Limits
from tests.checking.marks import CONFIGS, fixtures, server_of
from tests.service.wire import WITHIN_S, OriginServer

GUILTY = "server {\n  location / {\n    proxy_pass http://127.0.0.1:8000;\n  }\n}\n"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def ask(client, body, query="", accept="application/json", kind="text/plain"):
    return client.post(f"/check{query}", data=body, headers={"Accept": accept}, content_type=kind)


FORMS = [
    # Accept                content type
    ("application/json",    "application/json"),
    ("text/plain",          "text/plain"),
    ("*/*",                 "text/plain"),
    ("",                    "text/plain"),
    (BROWSER,               "text/plain"),
]  # fmt: skip


@pytest.mark.parametrize(("accept", "kind"), FORMS)
def test_the_accept_header_selects_the_format(client, accept, kind):
    response = ask(client, GUILTY, accept=accept)
    assert (response.status_code, response.mimetype) == (200, kind)
    assert response.headers["Vary"] == "Accept"
    assert response.headers["Cache-Control"] == "no-store"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "nginx-proxy-buffering" in response.text


def test_a_file_sent_by_curl_is_accepted(client):
    response = ask(client, GUILTY, accept="*/*", kind="application/x-www-form-urlencoded")
    assert response.status_code == 200
    assert "proxy_buffering off;" in response.text


def test_a_finding_names_its_line(client):
    document = ask(client, GUILTY, "?name=site.conf").json
    assert document["schema"] == 2
    first = document["findings"][0]
    assert (first["id"], first["level"], first["file"], first["line"]) == (
        "nginx-proxy-buffering",
        "error",
        "site.conf",
        2,
    )
    assert first["fix"]["change"] == "proxy_buffering off;"


@pytest.mark.parametrize("path", fixtures(), ids=lambda path: path.relative_to(CONFIGS).as_posix())
def test_it_reports_what_the_command_reports(client, path):
    server, text = server_of(path), path.read_text()
    pasted = ask(client, text, f"?server={server}&name={path.name}").json
    checked = check_text(text, server=server, name=path.name)
    assert [(finding["id"], finding["line"], finding["level"]) for finding in pasted["findings"]] == [
        (finding.culprit.id, finding.line, finding.level) for finding in checked.findings
    ]


REFUSED = [
    # name               query                   body                     code                 in the error
    ("nothing",          "",                     b"",                     "wrong-body",        "the body is empty"),
    ("blank",            "",                     b" \n\t\n",              "wrong-body",        "the body is empty"),
    ("an unknown format", "",                    b"hello world\n",        "unknown-format",    "set server= to one of nginx"),
    ("no such server",   "?server=cups",         GUILTY.encode(),         "unknown-server",    "expected one of nginx, apache"),
    ("no such parameter", "?file=/etc/passwd",   GUILTY.encode(),         "unknown-parameter", "unknown parameter 'file'"),
    ("no version",       "?server_version=new",  GUILTY.encode(),         "wrong-version",     "server_version=new: expected numbers with dots"),
    ("no such assumption", "?assume=chunked,x",  GUILTY.encode(),         "wrong-assumption",  "assume=x: expected one or more of chunked, empty-includes"),
    ("not a text",       "",                     b"server {\0}",          "wrong-body",        "not a text file"),
    ("a name too long",  f"?name={'x' * 201}",   GUILTY.encode(),         "wrong-name",        "name='x"),
    ("a name of bytes",  "?name=a%0Ab",          GUILTY.encode(),         "wrong-name",        "printable"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "query", "body", "code", "words"), REFUSED, ids=[name for name, *_ in REFUSED]
)
@pytest.mark.parametrize("accept", ["application/json", "text/plain"])
def test_a_body_that_is_not_a_configuration_is_refused_with_an_example(
    client, name, query, body, code, words, accept
):
    response = ask(client, body, query, accept)
    assert (response.status_code, response.mimetype) == (400, "application/json")
    assert words in response.json["error"]
    assert "for example" in response.json["error"]
    assert response.json["code"] == code


@pytest.mark.parametrize(
    ("name", "query", "body", "code", "words"), REFUSED, ids=[name for name, *_ in REFUSED]
)
def test_the_reason_is_the_error_without_what_is_for_a_shell(client, name, query, body, code, words):
    written = ask(client, body, query).json
    assert written["error"].startswith(written["reason"])
    assert "for example" not in written["reason"]
    assert "server= " not in written["reason"]


CONDITIONS = (
    "server {\n listen 80;\n include a.conf;\n location / {\n proxy_pass http://127.0.0.1:8000;\n }\n}\n"
)
STATED = [
    # query                                               how many findings hold, and the conditions of what passes
    ("",                                                  1, []),
    ("?server_version=1.29.6",                            1, []),
    ("?server_version=1.29.7&assume=empty-includes",      0, ["chunked"]),
    ("?server_version=nginx/1.29.7&assume=empty-includes,chunked", 0, []),
    ("?server_version=1.29.7&assume=chunked&assume=empty-includes", 0, []),
    ("?server_version=&assume=",                          1, []),
]  # fmt: skip


@pytest.mark.parametrize(("query", "holds", "conditions"), STATED)
def test_a_version_and_assumptions_count_as_in_the_command(client, query, holds, conditions):
    document = ask(client, CONDITIONS, query).json
    assert len([each for each in document["findings"] if each["level"] != "note"]) == holds
    named = [each["assumption"] for block in document["passed"] for each in block["conditions"]]
    assert named == conditions


MISTAKES = [
    # name                                  content type                          body
    ("curl -d removes the line breaks",     "application/x-www-form-urlencoded",  GUILTY.replace("\n", "")),
    ("curl -F sends a form",                "multipart/form-data; boundary=x",    f"--x\r\n\r\n{GUILTY}\r\n--x--"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "body"), MISTAKES, ids=[name for name, *_ in MISTAKES])
def test_a_wrong_curl_option_is_explained(client, name, kind, body):
    response = ask(client, body, kind=kind)
    assert response.status_code == 400
    assert "--data-binary" in response.json["error"]
    assert response.json["code"] == "wrong-body"


def test_pages_of_other_hosts_may_use_it(client):
    assert ask(client, GUILTY).headers["Access-Control-Allow-Origin"] == "*"
    preflight = client.options("/check")
    assert "POST" in preflight.headers["Access-Control-Allow-Methods"]
    assert client.get("/check").status_code == 405


def test_a_file_over_the_limit_is_refused_with_the_limit():
    small = create_app(Limits(max_check_bytes=100)).test_client()
    assert ask(small, "# x\n" * 25, "?server=nginx").status_code == 200
    response = ask(small, "# x\n" * 25 + "#", "?server=nginx")
    assert response.status_code == 413
    assert "100 bytes" in response.json["error"]


class OpenedFiles:
    """The files that this process opens while `watching`. An audit hook cannot be removed."""

    opened: list[str] | None = None
    hooked = False

    @classmethod
    def note(cls, event: str, args: tuple[object, ...]) -> None:
        # A number is an open file: the one in memory that crossplane reads.
        if cls.opened is not None and event in ("open", "os.listdir", "os.scandir", "subprocess.Popen"):
            if not isinstance(args[0], int):
                cls.opened.append(f"{event} {args[0]!r}")


@contextmanager
def watching() -> Iterator[list[str]]:
    if not OpenedFiles.hooked:
        sys.addaudithook(OpenedFiles.note)
        OpenedFiles.hooked = True
    opened: list[str] = []
    OpenedFiles.opened = opened
    try:
        yield opened
    finally:
        OpenedFiles.opened = None


INCLUDES = [
    (Server.NGINX, "server {{ include {file}; include {folder}/*; location / {{ proxy_pass http://a; }} }}\n"),
    (Server.APACHE, "Include {file}\nIncludeOptional {folder}/*\nInclude {folder}\nProxyPass / http://a/\n"),
    (Server.CADDY, ":80 {{\n import {file}\n import {folder}/*\n reverse_proxy a\n}}\n"),
    (Server.LIGHTTPD, 'include "{file}"\ninclude "{folder}/*"\ninclude_shell "cat {file}"\n'),
    (Server.VARNISH, 'vcl 4.1;\ninclude "{file}";\ninclude +glob "{folder}/*";\n'),
    (Server.GUNICORN, "web: gunicorn -c {file} app:app\nb: gunicorn -c python:{folder} app:app\n"),
]  # fmt: skip


@pytest.mark.parametrize(("server", "text"), INCLUDES, ids=[server for server, _ in INCLUDES])
def test_no_file_named_in_the_text_is_opened(client, server, text, tmp_path):
    secret = tmp_path / "secret.conf"
    secret.write_text("proxy_buffering on; # secret\nworker_class = 'sync'\n")
    body = text.format(file=secret, folder=tmp_path)
    ask(client, body, f"?server={server}")  # what is imported late is imported now
    with watching() as opened:
        response = ask(client, body, f"?server={server}")
    assert opened == []
    assert response.status_code == 200
    assert response.json["files"] == ["pasted"]


def test_watching_sees_an_opened_file(tmp_path):
    with watching() as opened:
        Path(tmp_path, "a").write_text("a")
    assert len(opened) == 1


def test_a_gunicorn_file_is_parsed_and_never_executed(client, tmp_path):
    trap = tmp_path / "ran"
    body = f"open({str(trap)!r}, 'w')\nworker_class = (open({str(trap)!r}, 'w'), 'sync')[1]\ntimeout = 5\n"
    response = ask(client, body, "?server=gunicorn&name=gunicorn.conf.py")
    assert response.status_code == 200
    assert not trap.exists()


def test_the_check_runs_in_the_thread_pool(client, monkeypatch):
    calls = []

    def record(work):
        calls.append(work)
        return work()

    monkeypatch.setattr("flushcheck.service.limits.threadpool.run_in_threadpool", record)
    assert ask(client, GUILTY).status_code == 200
    assert len(calls) == 1


def test_on_the_wire(origin: OriginServer) -> None:
    url = f"{origin.url}/check"
    for data in (GUILTY.encode(), iter([GUILTY.encode()])):  # requests sends an iterator in chunks
        response = requests.post(url, data=data, headers={"Accept": "application/json"}, timeout=WITHIN_S)
        assert response.status_code == 200
        assert response.json()["findings"][0]["id"] == "nginx-proxy-buffering"
    large = b"#" * (Limits().max_check_bytes + 1)
    for data in (large, iter([large])):
        assert requests.post(url, data=data, timeout=WITHIN_S).status_code == 413
    assert "Traceback" not in origin.service.output()
