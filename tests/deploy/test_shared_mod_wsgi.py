"""The shipped .wsgi under the host's mod_wsgi: by .htaccess inside of Apache's own processes, or in its own."""

from __future__ import annotations

import getpass
from collections.abc import Iterator

import pytest

from flushcheck.configs.findings import Server
from tests.deploy import shared
from tests.deploy.shared import Account
from tests.deploy.shipped import SUB_PATH, on_sub_path
from tests.lab import programs
from tests.lab.accounts import WEB_USER

pytestmark = pytest.mark.live

WARM = 6

VHOST = shared.shipped("mod_wsgi/vhost.conf")


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with shared.hosting() as account:
        for folder in ("public_html", f"public_html{SUB_PATH}"):
            account.put("mod_wsgi/flushcheck.wsgi", folder)
            account.put("mod_wsgi/.htaccess", folder)
        account.put("mod_wsgi/flushcheck.wsgi", "flushcheck/deploy/shared-hosting/mod_wsgi")
        yield account


def test_by_htaccess_alone_it_flows_at_the_root_and_on_a_sub_path(account):
    assert shared.found(shared.shipped("mod_wsgi/.htaccess"), Server.APACHE, ".htaccess") == set()
    # Each of Apache's processes loads the app when it is first asked.
    with shared.apache(account, "rewrite wsgi", warm=WARM) as apache:
        programs.warm(apache.port, WARM, SUB_PATH)
        # Apache's own threads in each process, as Debian's mpm_event has them.
        assert_flowing(apache, "", SUB_PATH, processes=0, threads=25)
        # Asked to end, an Apache with a Python inside takes 10 s, whatever the app.
        apache.process.kill()


@pytest.mark.parametrize(
    ("vhost", "mount"), [(VHOST, ""), (on_sub_path(VHOST), SUB_PATH)], ids=["root", "sub-path"]
)
def test_with_processes_of_its_own_it_flows(account, vhost, mount):
    assert shared.found(vhost, Server.APACHE, "vhost.conf") == set()
    # The account's user; in the tests the current user, or the web server's user where root starts it.
    user = getpass.getuser() if getpass.getuser() != "root" else WEB_USER
    mine = vhost.replace("user=you group=you", f"user={user} group={user}")
    with shared.apache(account, "wsgi", mine, mount=mount) as apache:
        assert_flowing(apache, mount, processes=1, threads=100)


def assert_flowing(apache, *mounts, processes, threads):
    roots = [apache.url + mount for mount in mounts]
    for report in shared.diagnosed(*roots):
        shared.assert_as_the_table_says(report)
    for root in roots:
        shared.assert_right_below(root)
        shared.assert_leaving_ends_the_stream(root, apache)
        shared.assert_doctor_says(root, "mod_wsgi", processes=processes, streams=threads)
