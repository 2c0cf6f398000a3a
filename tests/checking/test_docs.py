"""Configurations that the documentation of gunicorn, Flask and nginx recommends, and that Debian ships."""

from pathlib import Path

import pytest

from flushcheck.configs.findings import Level, Server
from flushcheck.files import check_all, check_text, read
from tests.checking.marks import CONFIGS, expected, found

DOCS = sorted(path for path in (CONFIGS / "docs").rglob("*") if path.is_file())


@pytest.mark.parametrize("path", DOCS, ids=lambda path: path.name)
def test_a_recommended_configuration_has_the_findings_that_are_marked(path: Path) -> None:
    text = path.read_text()
    checked = check_text(text, server=Server(path.parent.name), name=path.name)
    guilty, notes = expected({path.name: text})
    seen, seen_notes = found(checked)
    assert seen == guilty
    assert notes <= seen_notes
    assert "Source: https://" in text


# As Debian 12 ships them, with everything they include; the ids are what their own lines show, and why.
DEFAULTS = [
    # file                               server           guilty
    ("/etc/nginx/nginx.conf",            Server.NGINX,    set()),  # static files only
    ("/etc/apache2/apache2.conf",        Server.APACHE,   {"apache-mod-fcgid"}),  # where mod_fcgid is enabled
    ("/etc/haproxy/haproxy.cfg",         Server.HAPROXY,  set()),  # no backend yet
    ("/etc/lighttpd/lighttpd.conf",      Server.LIGHTTPD, set()),  # static files only
    ("/etc/caddy/Caddyfile",             Server.CADDY,    set()),  # static files only
    ("/etc/varnish/default.vcl",         Server.VARNISH,  set()),  # streams by default
    ("/etc/php/8.2/fpm/php.ini",         Server.PHP,      {"php-output-buffering"}),  # output_buffering = 4096
    ("/etc/php/8.2/fpm/pool.d/www.conf", Server.PHP,      set()),  # says nothing of output
    ("/etc/php/8.2/cli/php.ini",         Server.PHP,      set()),  # the command line does not buffer
]  # fmt: skip


@pytest.mark.parametrize(("file", "server", "guilty"), DEFAULTS, ids=[row[0] for row in DEFAULTS])
def test_what_debian_ships_is_read_whole(file: str, server: Server, guilty: set[str]) -> None:
    if not Path(file).is_file():
        pytest.skip(f"{file} is not installed")
    got = read([file])
    assert [config.server for config in got.configs] == [server]
    checked = check_all(got)
    assert {finding.culprit.id for finding in checked.findings if finding.level is not Level.NOTE} <= guilty
    assert [problem for problem in checked.problems if problem.incomplete] == []


@pytest.mark.parametrize(
    "folder", ["/etc/nginx", "/etc/apache2", "/etc/lighttpd", "/etc/php", "/etc/haproxy", "/etc/caddy"]
)
def test_whole_folders_of_debian_are_read(folder: str) -> None:
    if not Path(folder).is_dir():
        pytest.skip(f"{folder} is not installed")
    checked = check_all(read([folder]))
    assert checked.files
    assert [problem for problem in checked.problems if problem.incomplete] == []
