"""Two vantages on real servers: in front of a good app, and of one that holds by itself."""

from __future__ import annotations

import pytest

from flushcheck import diagnose
from flushcheck.model import FaultPlace, Transport
from tests.live import nginxconf

pytestmark = pytest.mark.live

PASS = "proxy_pass http://127.0.0.1:8000;"
STREAMED = (Transport.CHUNKED, Transport.EVENTS)


def test_a_holding_nginx_is_found_on_the_path(origin, nginx):
    front = nginx(nginxconf.site(PASS), upstreams={8000: origin.port})
    report = diagnose(front.url, only=STREAMED, quick=True, direct=origin.url)
    assert report.fault_location is not None
    assert report.fault_location.place is FaultPlace.PATH
    assert len(report.fault_location.evidence) == 2


def test_what_holds_at_the_apps_own_port_is_not_the_path(origin, nginx):
    # The inner nginx stands for an app that holds its responses.
    app = nginx(nginxconf.site(PASS), upstreams={8000: origin.port})
    front = nginx(nginxconf.site(f"{PASS}\nproxy_buffering off;"), upstreams={8000: app.port})
    report = diagnose(front.url, only=STREAMED, quick=True, direct=app.url)
    assert report.fault_location is not None
    assert report.fault_location.place is FaultPlace.APP


def test_nothing_is_wrong_where_both_flow(origin, nginx):
    front = nginx(nginxconf.site(f"{PASS}\nproxy_buffering off;"), upstreams={8000: origin.port})
    report = diagnose(front.url, only=STREAMED, quick=True, direct=f"{origin.url}/")
    assert report.fault_location is not None
    assert report.fault_location.place is FaultPlace.NOWHERE


def test_the_hop_that_holds_is_found_between_two_addresses(origin, nginx):
    inner = nginx(nginxconf.site(f"{PASS}\nproxy_buffering off;"), upstreams={8000: origin.port})
    holding = nginx(nginxconf.site(PASS), upstreams={8000: inner.port})
    front = nginx(nginxconf.site(f"{PASS}\nproxy_buffering off;"), upstreams={8000: holding.port})
    at = [("app", origin.url), ("inner", inner.url), ("holding", holding.url)]
    report = diagnose(front.url, only=STREAMED, quick=True, at=at)
    assert report.fault_location is not None
    assert report.fault_location.summary.startswith(
        "on chunked, events the stream flows at inner and is held at holding"
    )
    first = {rung.name for rung in report.rungs for stream in rung.streams if stream.first}
    assert first == {"holding"}
