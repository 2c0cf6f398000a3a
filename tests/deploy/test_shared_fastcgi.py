"""The shipped .fcgi and .htaccess under the host's mod_fcgid, and the same .fcgi started by hand behind nginx."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from flushcheck.configs.findings import Server
from flushcheck.model import Flow, Transport
from flushcheck.reports.ticket import ticket
from tests.deploy import shared
from tests.deploy.shared import Account
from tests.deploy.shipped import SUB_PATH, broken, marks, text_of
from tests.lab import programs
from tests.live import nginxconf, servers
from tests.live.servers import Service

pytestmark = pytest.mark.live

MODULES = "rewrite fcgid"
# Default mod_fcgid starts at most about one process a second.
SERVER = "FcgidSpawnScoreUpLimit 200\n"
VHOST = shared.shipped("fastcgi/vhost.conf")
HTACCESS = shared.shipped("fastcgi/.htaccess")

# Streams at once while one address is looked at: each is a process, which takes up to a second to begin.
WARM = 6


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with shared.hosting() as account:
        for folder in ("public_html", f"public_html{SUB_PATH}"):
            account.put("fastcgi/flushcheck.fcgi", folder)
            account.put("fastcgi/.htaccess", folder)
        yield account


def site(account: Account, vhost: str, htaccess: str = HTACCESS) -> str:
    """What Apache reads, in one text: .htaccess is the inside of its folder's <Directory>."""
    inside = f"<Directory /home/you/public_html>\n{htaccess}</Directory>\n"
    return account.moved(shared.HOST.format(more=vhost + inside))


def test_with_the_hosts_line_it_flows_at_the_root_and_on_a_sub_path(account):
    assert shared.found(site(account, VHOST), Server.APACHE, "site.conf") == set()
    with shared.apache(account, MODULES, VHOST, server=SERVER, mount=SUB_PATH, warm=WARM) as apache:
        (report,) = shared.diagnosed(apache.url + SUB_PATH)
        shared.assert_as_the_table_says(report)
        # The root has processes of its own.
        programs.warm(apache.port, 2)
        (report,) = shared.diagnosed(apache.url, only=[Transport.CHUNKED])
        assert (shared.flows(report), shared.culprit_ids(report)) == (
            {Transport.CHUNKED: Flow.FLOWING},
            set(),
        )
        for root in (apache.url, apache.url + SUB_PATH):
            shared.assert_right_below(root)
        shared.assert_leaving_ends_the_stream(apache.url, apache)
        shared.assert_doctor_says(apache.url, "fastcgi", processes=0, streams=0)


def test_without_the_hosts_line_it_is_held_and_what_people_copy_into_htaccess_does_nothing(account):
    (mark,) = marks(VHOST)
    guilty = broken(VHOST, mark)
    assert shared.found(site(account, guilty), Server.APACHE, "site.conf") == {mark.culprit}
    # The .htaccess alone cannot tell what the virtual host says.
    assert shared.found(HTACCESS, Server.APACHE, ".htaccess") == {mark.culprit}
    copied = f"{HTACCESS}\nSetEnv FcgidOutputBufferSize 0\n"
    assert shared.found(copied, Server.APACHE, ".htaccess") == {mark.culprit, "line-without-effect"}
    account.put("fastcgi/flushcheck.fcgi", "public_html/copied")
    account.put("fastcgi/.htaccess", "public_html/copied", copied)
    account.put("fastcgi/.htaccess", "public_html/forbidden", f"{HTACCESS}\nFcgidOutputBufferSize 0\n")
    with shared.apache(account, MODULES, guilty, server=SERVER, mount="/copied") as apache:
        (report,) = shared.diagnosed(f"{apache.url}/copied", only=[Transport.POLLING, Transport.CHUNKED])
        assert shared.flows(report)[Transport.POLLING] is Flow.FLOWING
        assert shared.flows(report)[Transport.CHUNKED] in (Flow.HELD, Flow.BLOCKS)
        assert mark.culprit in shared.culprit_ids(report)
        # Who can write which line, and what to use until then.
        letter = ticket(report)
        assert "FcgidOutputBufferSize 0" in letter
        assert "polling" in letter
        # Held, and whole.
        shared.assert_right_below(f"{apache.url}/copied")
        assert shared.get(f"{apache.url}/forbidden/healthz")[0] == 500
        assert "FcgidOutputBufferSize not allowed here" in apache.output()


# The same file, started by hand: nginx hands requests to it.

NGINX = text_of("nginx/fastcgi.conf")
NGINX_SUB = NGINX.replace("location / {", f"location {SUB_PATH}/ {{").replace(
    "^()(/.*)$", f"^({SUB_PATH})(/.*)$"
)
# As a hundred articles have it: Debian's fastcgi_params, which say nothing of PATH_INFO.
NGINX_PLAIN = nginxconf.site(
    "fastcgi_pass 127.0.0.1:9000;\ninclude /etc/nginx/fastcgi_params;\nfastcgi_buffering off;"
)


@contextmanager
def started(account: Account, mount: str = "") -> Iterator[Service]:
    """The .fcgi on a port, as the README has it started."""
    port = servers.free_port()
    script = account.put("fastcgi/flushcheck.fcgi", "flushcheck")
    with servers.start_program(
        "fastcgi",
        [str(script), str(port)],
        port=port,
        cwd=account.home,
        env={"SCRIPT_NAME": mount, "PYTHONPATH": ""},
    ) as app:
        yield app


@pytest.mark.parametrize(
    ("site", "mount", "setting"),
    [
        pytest.param(NGINX, "", "", id="shipped"),
        pytest.param(NGINX_SUB, SUB_PATH, "", id="shipped, on a sub-path"),
        pytest.param(NGINX_PLAIN, "", "", id="fastcgi_params"),
        pytest.param(NGINX_PLAIN, SUB_PATH, SUB_PATH, id="fastcgi_params, on a sub-path by SCRIPT_NAME"),
    ],
)
def test_behind_nginx_it_flows_and_knows_its_address(account, site, mount, setting):
    with started(account, setting) as app, servers.start_nginx(site, upstreams={9000: app.port}) as nginx:
        root = nginx.url + mount
        (report,) = shared.diagnosed(root)
        shared.assert_as_the_table_says(report)
        # Debian's fastcgi_params lose the port.
        shown = f"http://127.0.0.1{mount}" if site is NGINX_PLAIN else root
        shared.assert_right_below(root, shown=shown)
        shared.assert_leaving_ends_the_stream(root, app)
        shared.assert_doctor_says(root, "fastcgi", processes=0, streams=200)
        assert "flushcheck: runs under FastCGI: 200 at once in each process\n" in app.output()


def test_behind_nginx_without_its_line_it_is_held(account):
    guilty = nginxconf.without(NGINX, "fastcgi_buffering")
    assert shared.found(guilty, Server.NGINX, "fastcgi.conf") == {"nginx-fastcgi-buffering"}
    with started(account) as app, servers.start_nginx(guilty, upstreams={9000: app.port}) as nginx:
        (report,) = shared.diagnosed(nginx.url)
        assert "nginx-fastcgi-buffering" in shared.culprit_ids(report)
