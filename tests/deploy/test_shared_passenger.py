"""The shipped passenger_wsgi.py under the host's Passenger: as a panel sets it up, and the line for .htaccess."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flushcheck.configs.findings import Server
from flushcheck.model import Flow, Transport
from tests.deploy import shared
from tests.deploy.shared import Account
from tests.deploy.shipped import SUB_PATH, broken, marks

pytestmark = pytest.mark.live

VHOST = shared.shipped("passenger/vhost.conf")
HTACCESS = shared.shipped("passenger/.htaccess")
# At the root the file has its own words for what to leave out.
ROOT = (
    VHOST.replace(f"Alias {SUB_PATH} /home/you/flushcheck/public", "DocumentRoot /home/you/flushcheck/public")
    .replace(f"<Location {SUB_PATH}>", "<Location />")
    .replace(f"    PassengerBaseURI {SUB_PATH}\n", "")
)

WARM = 6
# The host's own. User switching needs root, and an account that exists; the rest is that nothing calls home from a test.
SERVER = """\
PassengerUserSwitching off
PassengerMaxPoolSize 8
PassengerDisableSecurityUpdateCheck on
PassengerDisableAnonymousTelemetry on
"""


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with shared.hosting() as account:
        account.put("passenger/passenger_wsgi.py", "flushcheck")
        yield account


@pytest.mark.parametrize(("vhost", "mount"), [(ROOT, ""), (VHOST, SUB_PATH)], ids=["root", "sub-path"])
def test_it_flows(account, vhost, mount):
    assert vhost == VHOST or "BaseURI" not in vhost.replace("# ", "")
    with shared.apache(account, "passenger", vhost, mount=mount, server=SERVER, warm=WARM) as apache:
        (report,) = shared.diagnosed(apache.url + mount)
        shared.assert_as_the_table_says(report)
        shared.assert_right_below(apache.url + mount)
        shared.assert_leaving_ends_the_stream(apache.url + mount, apache)
        shared.assert_doctor_says(apache.url + mount, "passenger", processes=0, streams=1)


def test_the_line_frees_it_where_the_host_buffers_in_the_virtual_host_and_in_htaccess(account):
    (mark,) = marks(VHOST)
    buffering = f"{SERVER}PassengerBufferResponse on\n"
    guilty = broken(VHOST, mark)
    assert shared.found(buffering + shared.HOST.format(more=guilty), Server.APACHE, "site.conf") == {
        mark.culprit
    }
    assert shared.found(shared.HOST.format(more=VHOST), Server.APACHE, "site.conf") == set()
    with shared.apache(account, "passenger", guilty, mount=SUB_PATH, server=buffering, warm=3) as apache:
        root = apache.url + SUB_PATH
        (report,) = shared.diagnosed(root, only=[Transport.CHUNKED])
        assert shared.flows(report)[Transport.CHUNKED] in (Flow.HELD, Flow.BLOCKS)
        assert mark.culprit in shared.culprit_ids(report)
        # What a user can do without the host.
        path = account.put("passenger/.htaccess", "flushcheck/public")
        (report,) = shared.diagnosed(root, only=[Transport.CHUNKED])
        assert (shared.flows(report), shared.culprit_ids(report)) == (
            {Transport.CHUNKED: Flow.FLOWING},
            set(),
        )
        # And it is that very line.
        path.write_text(broken(HTACCESS, *marks(HTACCESS)))
        (report,) = shared.diagnosed(root, only=[Transport.CHUNKED])
        assert mark.culprit in shared.culprit_ids(report)
        path.unlink()


def test_the_rest_is_not_for_htaccess(account):
    """Why the .htaccess is so short: a default Passenger accepts no other directive there."""
    with shared.apache(account, "passenger", VHOST, mount=SUB_PATH, server=SERVER) as apache:
        line = "PassengerAppRoot /home/you/flushcheck\n"
        path = account.put("passenger/.htaccess", "flushcheck/public", line)
        assert shared.get(f"{apache.url}{SUB_PATH}/healthz")[0] == 500
        assert "PassengerAppRoot not allowed here" in apache.output()
        path.unlink()
