"""A version that a response names chooses among the fixes of a culprit, and says which of two answers holds."""

from __future__ import annotations

import dataclasses

import pytest

from flushcheck.culprits import nginx_proxy_buffering, upgrade_lines
from flushcheck.diagnosis.inference import judge
from flushcheck.model import Observation, Outcome, Probe, RequestAtApp, Run, Transport, Vantage
from flushcheck.reports.json_report import document
from tests.measurement.streams import HELD, saw, xab

CHUNKED = Transport.CHUNKED
OLD_HTTP = RequestAtApp(protocol="HTTP/1.0")
BOTH = (
    "nginx before 1.29.7 calls the app over HTTP/1.0 by default; from 1.29.7 on it calls the app over HTTP/1.1 "
    "by default"
)
HELD_BY_NGINX = (saw(CHUNKED, HELD, request=OLD_HTTP), saw(xab(CHUNKED), request=OLD_HTTP))
LINE, NO_LINE = nginx_proxy_buffering.HTTP11_FIX, nginx_proxy_buffering.HTTP10_LINE_FIX


def named(server: str, *observations: Observation) -> Run:
    headers = (("content-type", "text/plain"), *((("server", server),) if server else ()))
    return Run("http://x", tuple(dataclasses.replace(seen, headers=headers) for seen in observations))


VERSIONS = [
    # Server                what is said                                                        offered, not offered
    ("",                    BOTH,                                                               LINE,    NO_LINE),
    ("nginx",               BOTH,                                                               LINE,    NO_LINE),
    ("nginx/1.22.1",        "nginx 1.22.1 calls the app over HTTP/1.0 by default (until 1.29.7)", LINE,    NO_LINE),
    ("nginx/1.29.7",        "nginx 1.29.7 calls the app over HTTP/1.1 by default (since 1.29.7)", NO_LINE, LINE),
]  # fmt: skip


@pytest.mark.parametrize(("server", "sentence", "offered", "not_offered"), VERSIONS)
def test_the_version_that_a_response_names_chooses_the_fix(server, sentence, offered, not_offered):
    (culprit,) = judge(named(server, *HELD_BY_NGINX)).culprits
    assert culprit.versions == (sentence,)
    assert document(judge(named(server, *HELD_BY_NGINX)))["culprits"][0]["versions"] == [sentence]
    assert offered in culprit.fixes
    assert not_offered not in culprit.fixes


def test_the_apps_own_port_names_no_version_of_the_path():
    run = named("", *HELD_BY_NGINX)
    direct = named("nginx/1.30.6", saw(Probe(CHUNKED, vantage=Vantage.DIRECT))).observations
    (culprit,) = judge(dataclasses.replace(run, observations=(*run.observations, *direct))).culprits
    assert culprit.versions == (BOTH,)


HEADERS, LINES = upgrade_lines.NGINX_HEADERS_FIX, upgrade_lines.NGINX_FIX
PROTOCOLS = [
    # Server         the app is called over   offered first, not offered   is the default of the version said
    ("nginx/1.30.6", "HTTP/1.1",              HEADERS,       LINES,        False),
    ("nginx/1.22.1", "HTTP/1.1",              HEADERS,       LINES,        False),
    ("nginx/1.30.6", "HTTP/1.0",              LINES,         HEADERS,      True),
    ("nginx/1.22.1", "HTTP/1.0",              LINES,         HEADERS,      True),
    ("nginx/1.30.6", "",                      HEADERS,       LINES,        True),
    ("nginx/1.22.1", "",                      LINES,         HEADERS,      True),
]  # fmt: skip


@pytest.mark.parametrize(("server", "protocol", "offered", "not_offered", "said"), PROTOCOLS)
def test_how_the_app_was_called_decides_in_place_of_the_version(server, protocol, offered, not_offered, said):
    refused = Observation(
        Probe(Transport.WEBSOCKET),
        Outcome.REFUSED,
        status=400,
        request_at_app=RequestAtApp(protocol=protocol, websocket_key=True),
    )
    (culprit,) = judge(named(server, refused)).culprits
    assert culprit.fixes[0] == offered
    assert not_offered not in culprit.fixes
    assert bool(culprit.versions) is said


def test_a_newer_nginx_needs_two_lines_for_a_websocket():
    assert LINES.change.splitlines()[1:] == HEADERS.change.splitlines()
