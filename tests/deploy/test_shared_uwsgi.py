"""The shipped uwsgi.ini, by itself and behind the shipped nginx file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flushcheck.configs.findings import Server
from tests.deploy import shared
from tests.deploy.shared import Account
from tests.deploy.shipped import SUB_PATH, broken, marks, on_sub_path
from tests.live import servers
from tests.live.servers import Service

pytestmark = pytest.mark.live

INI = shared.shipped("uwsgi/uwsgi.ini")
# With nothing in front, as its comment has it.
ALONE = INI.replace("\nsocket = 127.0.0.1:3031", "\nhttp-socket = 127.0.0.1:8080")
NGINX = shared.shipped("uwsgi/nginx.conf")


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with shared.hosting() as account:
        yield account


@contextmanager
def behind_nginx(account: Account, ini: str, site: str) -> Iterator[tuple[Service, Service]]:
    """uWSGI with this file, and nginx with this site before it."""
    listening = account.moved(ini).replace("127.0.0.1:3031", "127.0.0.1:8080")
    with (
        shared.start("uwsgi", listening, ready="") as uwsgi,
        servers.start_nginx(site, upstreams={3031: uwsgi.port}) as nginx,
    ):
        yield nginx, uwsgi


@pytest.mark.parametrize("mount", ["", SUB_PATH], ids=["root", "sub-path"])
def test_behind_nginx_it_flows(account, mount):
    ini, site = (on_sub_path(INI), on_sub_path(NGINX)) if mount else (INI, NGINX)
    assert shared.found(site, Server.NGINX, "nginx.conf") == set()
    with behind_nginx(account, ini, site) as (nginx, uwsgi):
        (report,) = shared.diagnosed(nginx.url + mount)
        shared.assert_as_the_table_says(report)
        shared.assert_right_below(nginx.url + mount)
        shared.assert_leaving_ends_the_stream(nginx.url + mount, uwsgi)
        shared.assert_doctor_says(nginx.url + mount, "uwsgi", processes=1, streams=100)


def test_without_nginxs_line_it_is_held(account):
    (mark,) = marks(NGINX)
    guilty = broken(NGINX, mark)
    assert shared.found(guilty, Server.NGINX, "nginx.conf") == {mark.culprit}
    with behind_nginx(account, INI, guilty) as (nginx, _):
        (report,) = shared.diagnosed(nginx.url)
        assert mark.culprit in shared.culprit_ids(report)


def test_without_its_threads_the_doctor_says_so(account):
    """One stream at a time is nothing that a web server's file could show."""
    alone = ALONE.replace("\nthreads = 100", "")
    assert alone != ALONE
    with shared.start("uwsgi", account.moved(alone)) as uwsgi:
        told = json.loads(shared.get(f"{uwsgi.url}/diagnostics/server")[1])
        assert told["streams"] == 1
        assert [(r["id"], r["fix"]) for r in told["remarks"] if r["level"] != "note"] == [
            ("app-server-limit", "threads = 100")
        ]
        assert "warning: 1 stream at once in all" in uwsgi.output()


def test_with_nothing_in_front_it_flows(account):
    """The other way that the file's own comment gives."""
    assert ALONE != INI
    with shared.start("uwsgi", account.moved(ALONE)) as uwsgi:
        (report,) = shared.diagnosed(uwsgi.url)
        shared.assert_as_the_table_says(report)
        shared.assert_right_below(uwsgi.url)
