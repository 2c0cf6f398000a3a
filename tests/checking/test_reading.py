"""Files on disk: includes, patterns, loops, folders, byte order marks, encodings."""

import os
from pathlib import Path

import pytest

from flushcheck.checking.check import CheckResult
from flushcheck.configs.findings import Level, Server
from flushcheck.files import ReadResult, check_all, read, read_dump, read_text
from flushcheck.files.sources import MAX_FILE_BYTES, split_dump
from flushcheck.model import UsageError

GUILTY = "location / {\n  proxy_pass http://127.0.0.1:8000;\n}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lay(files: dict[str, str | bytes]) -> None:
    for name, content in files.items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())


def heavy(checked: CheckResult) -> list[tuple[str, int, str]]:
    return [(one.file, one.line, one.culprit.id) for one in checked.findings if one.level is not Level.NOTE]


NGINX = [
    # name                files                                                                              findings
    ("an include",        {"nginx.conf": "http { include sites/*.conf; }", "sites/a.conf": f"server {{\n{GUILTY}}}"},
                          [("sites/a.conf", 2, "nginx-proxy-buffering")]),
    ("inheriting",        {"nginx.conf": "http { proxy_buffering off; include sites/*.conf; }", "sites/a.conf": f"server {{ {GUILTY} }}"}, []),
    ("the pass included", {"nginx.conf": "http { server {\nlocation /a { include app; } } }", "app": "proxy_pass http://x;"},
                          [("nginx.conf", 2, "nginx-proxy-buffering")]),
    ("the line included", {"nginx.conf": "http { server { location / { include app; proxy_pass http://x; } } }", "app": "#\nproxy_buffering on;"},
                          [("app", 2, "nginx-proxy-buffering")]),
    ("a loop",            {"nginx.conf": f"http {{ include nginx.conf; server {{ {GUILTY} }} }}"}, [("nginx.conf", 1, "nginx-proxy-buffering")]),
    ("a ring",            {"nginx.conf": "http { include a; }", "a": "include b;", "b": f"include a;\nserver {{ {GUILTY} }}"},
                          [("b", 2, "nginx-proxy-buffering")]),
    ("no match",          {"nginx.conf": "http { include none/*.conf; }"}, []),
    ("a glob and order",  {"nginx.conf": "http { include c/*.conf; server { location / { proxy_pass http://x; } } }",
                           "c/2.conf": "proxy_buffering off;", "c/10.conf": "proxy_http_version 1.0;"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "files", "expected"), NGINX, ids=[row[0] for row in NGINX])
def test_nginx_includes(
    here: Path, name: str, files: dict[str, str | bytes], expected: list[tuple[str, int, str]]
) -> None:
    lay(files)
    assert heavy(check_all(read(["nginx.conf"]))) == expected


def test_a_missing_include_is_reported(here: Path) -> None:
    lay({"nginx.conf": f"http {{ include gone.conf; server {{\n{GUILTY}}} }}"})
    checked = check_all(read(["nginx.conf"]))
    assert [(one.file, one.line, one.reason) for one in checked.problems] == [
        ("nginx.conf", 1, "gone.conf: no such file")
    ]
    assert checked.worst is Level.WARNING  # the file that is missing could say proxy_buffering off


def test_a_sites_file_includes_from_where_nginx_conf_lies(here: Path) -> None:
    lay(
        {
            "nginx/nginx.conf": "events {}",
            "nginx/proxy": "proxy_buffering off;",
            "nginx/sites/a": "server { include proxy; location / { proxy_pass http://x; } }",
        }
    )
    assert heavy(check_all(read(["nginx/sites/a"], server=Server.NGINX))) == []


def test_a_file_that_cannot_be_opened_is_reported(here: Path) -> None:
    os.mkfifo("pipe")
    lay(
        {
            "nginx.conf": "http { include pipe; include /dev/zero; include .; include large; include binary; }",
            "large": b"#" * (MAX_FILE_BYTES + 1),
            "binary": b"a\0b",
        }
    )
    said = " ".join(one.reason for one in check_all(read(["nginx.conf"])).problems)
    assert "pipe: not a regular file" in said
    assert "/dev/zero: not a regular file" in said
    assert "large: larger than 2 MB" in said
    assert "binary: not a text file" in said


APACHE = [
    # name               files                                                                                    findings
    ("a folder",         {"httpd.conf": "Include conf.d", "conf.d/a.conf": "ProxyPass / fcgi://x/", "conf.d/sub/b.conf": "ProxyPass /b fcgi://y/"},
                         [("conf.d/a.conf", 1, "apache-proxy-fcgi"), ("conf.d/sub/b.conf", 1, "apache-proxy-fcgi")]),
    ("optional, none",   {"httpd.conf": "IncludeOptional gone/*.conf\nIncludeOptional gone.conf"}, []),
    ("in a host",        {"httpd.conf": "<VirtualHost *>\nInclude flush.conf\nAddHandler fcgid-script .x\n</VirtualHost>", "flush.conf": "FcgidOutputBufferSize 0"}, []),
    ("from ServerRoot",  {"conf/httpd.conf": "ServerRoot \"{here}\"\nInclude extra/a.conf", "extra/a.conf": "ProxyPass / fcgi://x/"},
                         [("{here}/extra/a.conf", 1, "apache-proxy-fcgi")]),
    ("a site alone",     {"sites/a.conf": "<VirtualHost *>\nInclude conf/b.conf\n</VirtualHost>", "conf/b.conf": "ProxyPass / fcgi://x/", "apache2.conf": ""},
                         [("conf/b.conf", 1, "apache-proxy-fcgi")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "files", "expected"), APACHE, ids=[row[0] for row in APACHE])
def test_apache_includes(
    here: Path, name: str, files: dict[str, str], expected: list[tuple[str, int, str]]
) -> None:
    lay({file: text.replace("{here}", str(here)) for file, text in files.items()})
    checked = check_all(read([next(iter(files))], server=Server.APACHE))
    assert [(os.path.normpath(file), line, one) for file, line, one in heavy(checked)] == [
        (file.replace("{here}", str(here)), line, one) for file, line, one in expected
    ]


OTHERS = [
    # name               files, the first is read                                                                  findings
    ("lighttpd",         {"lighttpd.conf": 'include "conf.d/*.conf"', "conf.d/a.conf": 'proxy.server = ( "" => 1 )'},
                         [("conf.d/a.conf", 1, "lighttpd-stream-response-body")]),
    ("Caddy",            {"Caddyfile": "import sites/*", "sites/a": "a.org {\n encode gzip\n reverse_proxy x\n}"}, [("sites/a", 2, "caddy-encode")]),
    ("Caddy in a site",  {"Caddyfile": "a.org {\n import common.caddy\n reverse_proxy x\n}", "common.caddy": "encode gzip"},
                         [("common.caddy", 1, "caddy-encode")]),
    ("VCL",              {"default.vcl": 'vcl 4.1;\nbackend b { }\ninclude "more.vcl";', "more.vcl": "sub vcl_backend_response { set beresp.do_gzip = true; }"},
                         [("more.vcl", 1, "varnish-gzip")]),
    ("gunicorn -c",      {"Procfile": "web: gunicorn -c conf/g.py a:b", "conf/g.py": "worker_class = 'gevent'"}, []),
    ("gunicorn unsaid",  {"Procfile": "web: gunicorn a:b", "gunicorn.conf.py": "worker_class = 'gevent'"}, []),
    ("gunicorn over it", {"Procfile": "web: gunicorn -k sync -t 0 a:b", "gunicorn.conf.py": "worker_class = 'gevent'"}, [("Procfile", 1, "gunicorn-sync-worker")]),
    ("in the container", {"Dockerfile": 'CMD ["gunicorn", "-c", "/app/gunicorn.conf.py", "a:b"]', "gunicorn.conf.py": "worker_class = 'gevent'"}, []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "files", "expected"), OTHERS, ids=[row[0] for row in OTHERS])
def test_other_includes(
    here: Path, name: str, files: dict[str, str | bytes], expected: list[tuple[str, int, str]]
) -> None:
    lay(files)
    checked = check_all(read([next(iter(files))]))
    assert heavy(checked) == expected
    assert [one for one in checked.problems if one.incomplete] == []


BYTES = [
    ("a BOM",          b"\xef\xbb\xbf" + GUILTY.encode()),
    ("CRLF",           GUILTY.replace("\n", "\r\n").encode()),
    ("UTF-16",         GUILTY.encode("utf-16")),
    ("Latin-1",        b"# caf\xe9 \xff\n" + GUILTY.encode()),
    ("form feeds",     GUILTY.replace("  ", "\t\f ").encode()),
    ("U+2028",         ("# a\u2028b\x85c\n" + GUILTY).encode()),
    ("no end",         GUILTY.rstrip("\n").encode()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "data"), BYTES, ids=[row[0] for row in BYTES])
def test_encodings_and_line_ends(here: Path, name: str, data: bytes) -> None:
    lay({"nginx.conf": data})
    line = 2 if data.startswith(b"#") else 1
    assert heavy(check_all(read(["nginx.conf"]))) == [("nginx.conf", line, "nginx-proxy-buffering")]


def test_a_folder_is_searched(here: Path) -> None:
    lay({
        "deploy/nginx.conf": "http { include sites/*; }",
        "deploy/sites/a": f"server {{\n{GUILTY}}}",
        "deploy/Procfile": "web: gunicorn -t 0 a:b",
        "deploy/www/.htaccess": "php_value output_buffering 4096",
        "deploy/readme.md": "proxy_pass http://x;",
        "deploy/.git/nginx.conf": GUILTY,
        "deploy/notes": "nothing that anybody reads",
        "deploy/app.conf": "[app]\nname = x\n",
    })  # fmt: skip
    got = read(["deploy"])
    assert sorted(config.file for config in got.configs) == [
        "deploy/Procfile",
        "deploy/nginx.conf",
        "deploy/www/.htaccess",
    ]
    assert got.problems == ()
    assert {one for _, _, one in heavy(check_all(got))} == {
        "nginx-proxy-buffering",
        "gunicorn-sync-worker",
        "php-output-buffering",
    }


def test_an_included_file_is_checked_only_with_what_it_inherits(here: Path) -> None:
    lay(
        {
            "nginx.conf": "http { proxy_buffering off; include sites/*; }",
            "sites/a.conf": f"server {{ {GUILTY} }}",
        }
    )
    assert heavy(check_all(read(["sites/a.conf"], server=Server.NGINX))) != []
    assert heavy(check_all(read(["sites/a.conf", "nginx.conf"], server=Server.NGINX))) == []
    assert heavy(check_all(read(["."]))) == []


def test_of_two_files_that_include_each_other_one_is_checked(here: Path) -> None:
    lay({"a.conf": f"include b.conf;\n{GUILTY}", "b.conf": "include a.conf;"})
    assert heavy(check_all(read(["a.conf", "b.conf"], server=Server.NGINX))) == [
        ("a.conf", 2, "nginx-proxy-buffering")
    ]


def test_names_that_do_not_exist_are_a_usage_error(here: Path) -> None:
    lay({})
    with pytest.raises(UsageError, match="gone: no such file or folder"):
        read(["gone"])
    Path("empty").mkdir()
    with pytest.raises(UsageError, match="there is no file in this folder"):
        read(["empty"])


def test_a_folder_without_a_configuration_is_not_judged(here: Path) -> None:
    lay({"docs/readme.md": "nothing"})
    got = read(["docs"])
    assert [file.file for file in got.skipped] == ["docs/readme.md"]
    assert check_all(got).exit_code() == 3


SETTINGS = "worker_class = 'gevent'\n"
GUESSED = [
    # name                   where the unit is     what it says             where the settings are
    ("beside",               "app.service",        "-c settings.py",         "settings.py"),
    ("from the checkout",    "deploy/a/x.service", "-c deploy/settings.py",  "deploy/settings.py"),
    ("on the machine",       "deploy/x.service",   "-c /srv/app/deploy/settings.py", "deploy/settings.py"),
    ("a container's",        "Dockerfile",         "-c /app/settings.py",    "settings.py"),
    ("a module",             "deploy/Procfile",    "-c python:deploy.settings", "deploy/settings.py"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "unit", "flag", "settings"), GUESSED, ids=[row[0] for row in GUESSED])
def test_gunicorns_settings_are_found_from_where_the_unit_lies(
    here: Path, name: str, unit: str, flag: str, settings: str
) -> None:
    line = {"app.service": "ExecStart=", "x.service": "ExecStart=", "Dockerfile": "CMD ", "Procfile": "web: "}
    lay({unit: f"{line[Path(unit).name]}gunicorn {flag} wsgi:app\n", settings: SETTINGS})
    checked = check_all(read([unit]))
    assert heavy(checked) == []
    assert checked.files == (unit, settings)


def test_a_folder_with_anything_in_it_is_searched_for_configurations(here: Path) -> None:
    lay({"nginx.conf": GUILTY, "data/blob": b"\0\1", "notes": "dear diary", ".mypy_cache/nginx.conf": GUILTY})
    checked = check_all(read(["."]))
    assert heavy(checked) == [("./nginx.conf", 1, "nginx-proxy-buffering")]
    assert checked.problems == ()


@pytest.mark.parametrize(
    ("count", "checked", "left"), [(3, 3, []), (4, 3, ["./4/nginx.conf"]), (5, 3, ["./4/nginx.conf"])]
)
def test_of_many_configurations_the_first_ones_are_checked(
    here: Path, monkeypatch: pytest.MonkeyPatch, count: int, checked: int, left: list[str]
) -> None:
    monkeypatch.setattr("flushcheck.files.read_configs.MAX_CONFIGS", 3)
    lay({f"{number}/nginx.conf": GUILTY for number in range(1, count + 1)})
    result = read(["."])
    assert len(check_all(result).files) == checked
    assert [problem.file for problem in result.problems] == left
    assert all("check one folder at a time" in problem.reason for problem in result.problems)


def test_configurations_that_were_not_read_are_not_called_innocent(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flushcheck.files.read_configs.MAX_CONFIGS", 1)
    lay({f"{number}/gunicorn.conf.py": "worker_class = 'gevent'\n" for number in range(2)})
    assert check_all(read(["."])).exit_code() == 3


def test_a_file_of_an_unknown_server_is_a_problem(here: Path) -> None:
    lay({"diary.txt": "dear diary"})
    got = read(["diary.txt"])
    assert got.configs == ()
    assert got.unrecognised == ("diary.txt",)
    assert got.problems[0].reason == "cannot tell which server this file is for"
    assert check_all(got).exit_code() == 3


def test_a_pasted_text_opens_nothing(here: Path) -> None:
    lay({"app": "proxy_buffering off;"})
    got = read_text(f"http {{ include app; include /etc/nginx/*.conf; server {{ {GUILTY} }} }}")
    assert got.configs[0].texts.keys() == {"pasted"}
    assert heavy(check_all(got)) == [("pasted", 1, "nginx-proxy-buffering")]
    assert read_text("a\0b").problems[0].reason == "not a text file"
    assert "cannot tell which server" in read_text("hello").problems[0].reason
    assert isinstance(read_text("\ud800"), ReadResult)


def test_a_dump_of_nginx_is_read_as_its_files() -> None:
    printed = (
        "# configuration file /etc/nginx/nginx.conf:\nhttp {\n    include /etc/nginx/conf.d/*.conf;\n}\n\n"
        f"# configuration file /etc/nginx/conf.d/app.conf:\nserver {{\n{GUILTY}}}\n\n"
        "# configuration file /etc/nginx/conf.d/sub/other.conf:\nnot for this pattern\n\n"
    )
    texts = split_dump(printed)
    pasted = check_all(read_text(printed))
    assert (heavy(pasted), pasted.problems) == (
        [("/etc/nginx/conf.d/app.conf", 2, "nginx-proxy-buffering")],
        (),
    )
    assert texts["/etc/nginx/conf.d/app.conf"] == f"server {{\n{GUILTY}}}\n"
    checked = check_all(read_dump(texts, server=Server.NGINX, version=(1, 22, 1)))
    assert heavy(checked) == [("/etc/nginx/conf.d/app.conf", 2, "nginx-proxy-buffering")]
    assert checked.problems == ()
