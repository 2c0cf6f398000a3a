"""A site without a flushcheck service gets one sentence and no culprit."""

from dataclasses import replace

import pytest

from flushcheck.diagnosis.connection_notes import NOT_VERIFIED
from flushcheck.diagnosis.inference import judge
from flushcheck.diagnosis.service_absent import IF_400, NEXT_STEP, and_if, report_at_url
from flushcheck.model import (
    Arrival,
    EndRecord,
    Observation,
    Outcome,
    Probe,
    ReceivedPiece,
    Report,
    RequestAtApp,
    Run,
    Scenario,
    Transport,
    Vantage,
    Variant,
    Verdict,
)

HTML = ("content-type", "text/html")
NGINX = ("server", "nginx/1.22.1")


def site(status, *headers, outcome=Outcome.REFUSED):
    """Every transport, its experiments included, gets the same response."""
    probes = [*map(Probe, Transport), Probe(Transport.CHUNKED, variant=Variant.XAB)]
    return tuple(
        Observation(probe, outcome, detail=f"status {status}", status=status, headers=headers)
        for probe in probes
    )


SITES = [
    # name                          status  headers                                sentence
    ("not found",                   404,    (HTML, NGINX),                         "it responded 404 text/html, server nginx/1.22.1. "),
    ("a single-page app",           200,    (HTML, ("content-length", "60")),      "it responded 200 text/html. "),
    ("a redirect without location", 302,    (HTML,),                               "it responded 302 text/html. "),
    ("created, with a location",    201,    (("location", "/a"),),                 "it responded 201. "),
    ("an error, with a location",   404,    (("location", "/a"),),                 "it responded 404. "),
    ("an app that fails",           500,    (NGINX,),                              "it responded 500, server nginx/1.22.1. "),
]  # fmt: skip


@pytest.mark.parametrize(("name", "status", "headers", "sentence"), SITES, ids=[row[0] for row in SITES])
def test_a_site_without_the_service_gets_no_culprit(name, status, headers, sentence):
    report = judge(Run("http://site", site(status, *headers), tool="flushcheck 1.0"))
    assert (report.target, report.tool) == ("http://site", "flushcheck 1.0")
    assert report.headline == f"no flushcheck service at http://site: {sentence}{NEXT_STEP}"
    assert (report.verdict, report.culprits, report.hops) == (Verdict.UNKNOWN, (), ())
    assert [transport.culprits for transport in report.transports] == [()] * 4


@pytest.mark.parametrize(("scheme", "also"), [
    ("http", "; if this is its port for HTTPS, write https://"),
    ("https", "; if it asks for a client certificate, pass --cert client.pem --key client.key"),
])  # fmt: skip
def test_a_bad_request_may_be_one_of_tls(scheme, also):
    report = judge(Run(f"{scheme}://site", site(400)))
    assert report.headline == f"no flushcheck service at {scheme}://site: it responded 400. {NEXT_STEP}{also}"


BAD_REQUESTS = [
    # target                     status  what else to do
    ("https://site.test:8443",   400,    IF_400["https"]),
    ("http://site.test:80/a:b",  400,    IF_400["http"]),
    ("ftp://site.test",          400,    ""),
    ("https://site.test",        404,    ""),
]  # fmt: skip


@pytest.mark.parametrize(("target", "status", "step"), BAD_REQUESTS)
def test_only_a_bad_request_has_a_step_for_its_scheme(target, status, step):
    assert and_if(target, status) == step


LOGIN = "-u user:password, -H 'Authorization: …' or -b 'name=value'"
IF_LOGIN = f"If that is a login page, pass a login: {LOGIN}"
ELSEWHERE = ": a login page, or the captive portal of a network. Log in with a browser and repeat the command, or pass a login: "

OBSTACLES = [
    # name               status  location                         sentence and next step
    ("a login",             401, "",                              f"it asks for a login (status 401). Pass a login: {LOGIN}"),
    ("no access",           403, "",                              f"it refuses access (status 403). Pass a login: {LOGIN}; or allow the address of this client"),
    ("a proxy's login",     407, "",                              "a proxy asks for a name and password (status 407). Pass them: --proxy-user user:password"),
    ("an app that is down", 502, "",                              "it gets no response from the server behind it (status 502). Start the app behind it, then repeat the command"),
    ("a network's login",   511, "",                              "the network asks for a login first (captive portal, status 511). Log in to the network with a browser, then repeat the command"),
    ("a login page",        302, "/login",                        f"it redirects to /login (status 302). {IF_LOGIN}"),
    ("the first status",    300, "/a",                            f"it redirects to /a (status 300). {IF_LOGIN}"),
    ("a captive portal",    302, "http://portal.test/?to=site",   f"it redirects to another host, http://portal.test/?to=site (status 302){ELSEWHERE}{LOGIN}"),
    ("to https",            301, "https://site/stream/polling?x", "it redirects to https://site/stream/polling?x (status 301). Use that address, or pass --max-redirects 1"),
    ("to a path",           308, "/app/stream/polling",           "it redirects to /app/stream/polling (status 308). Use that address, or pass --max-redirects 1"),
    ("to itself",           302, "/stream/polling",               f"it redirects to /stream/polling (status 302). {IF_LOGIN}"),
    ("to another protocol", 302, "mailto:x@site",                 f"it redirects to mailto:x@site (status 302). {IF_LOGIN}"),
    ("to no address",       302, "http://[",                      f"it redirects to http://[ (status 302). {IF_LOGIN}"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "status", "location", "sentence"), OBSTACLES, ids=[row[0] for row in OBSTACLES]
)
def test_what_stands_in_front_of_a_service_has_its_own_next_step(name, status, location, sentence):
    headers = (("location", location),) if location else ()
    report = judge(Run("http://site", site(status, *headers)))
    assert report.headline == f"no flushcheck service at http://site: {sentence}"
    assert (report.verdict, report.culprits, report.hops) == (Verdict.UNKNOWN, (), ())


@pytest.mark.parametrize("status", [401, 403])
def test_a_proxy_may_be_what_refuses(status):
    run = Run("http://site", site(status), proxy="http://proxy:3128")
    assert judge(run).headline.endswith("; to the proxy: --proxy-user")
    assert "proxy" not in judge(replace(run, proxy="")).headline


def test_a_login_names_the_server_that_asks():
    report = judge(Run("http://site", site(401, NGINX)))
    assert "it asks for a login (status 401), server nginx/1.22.1. Pass a login" in report.headline


def test_a_long_header_of_the_far_side_is_cut():
    report = judge(Run("http://site", site(404, ("server", "x" * 5000))))
    assert len(report.headline) < 400


def test_an_address_that_does_not_respond_has_its_reason():
    observations = [
        Observation(Probe(transport), Outcome.UNREACHABLE, detail="nothing listens on site:80")
        for transport in Transport
    ]
    report = judge(Run("http://site", tuple(observations)))
    assert report.headline == "could not tell: did not open: nothing listens on site:80"
    assert (report.verdict, report.culprits) == (Verdict.UNKNOWN, ())


def test_a_websocket_alone_says_nothing_of_the_site():
    only = Observation(Probe(Transport.WEBSOCKET), Outcome.REFUSED, detail="status 404", status=404)
    report = judge(Run("http://site", (only,)))
    assert report.headline == "could not tell: did not open: status 404"
    assert report.culprits == ()


SIGNS = [
    ("a piece",                {"arrivals": (Arrival(0.1, 9, 9, (ReceivedPiece(0, 0.0),)),)}),
    ("an end",                 {"end": EndRecord(0)}),
    ("a record of a request",  {"request_at_app": RequestAtApp(protocol="HTTP/1.1")}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "changes"), SIGNS, ids=[row[0] for row in SIGNS])
def test_one_sign_of_the_service_is_enough(name, changes):
    first, *others = site(404, HTML, NGINX)
    report = judge(Run("http://site", (replace(first, **changes), *others)))
    assert "no flushcheck service" not in report.headline


def test_a_sign_from_another_vantage_is_none():
    control = Observation(
        Probe(Transport.CHUNKED, vantage=Vantage.LOOPBACK), Outcome.COMPLETE, status=200, end=EndRecord(0)
    )
    report = judge(Run("http://site", (*site(404, HTML), control)))
    assert "no flushcheck service" in report.headline


def at_url(status, *headers, detail=""):
    return Observation(
        Probe(Transport.CHUNKED, Scenario.OWN), Outcome.COMPLETE, detail, status=status, headers=headers
    )


def moved(location):
    return at_url(302, ("location", location))


USE_IT = "Use that address, or pass --max-redirects 1"
AT_URLS = [
    # name                      url                        response                            sentence
    ("no response",             "http://x/",               at_url(0, detail="refused"),        "refused"),
    ("not found",               "http://x/",               at_url(404, HTML, NGINX),           f"it responded 404 text/html, server nginx/1.22.1. {NEXT_STEP}"),
    ("a bad request",           "http://x/a",              at_url(400),                        f"it responded 400. {NEXT_STEP}{IF_400['http']}"),
    ("a login page",            "http://x/chat?a=b",       moved("/login"),                    f"it redirects to /login (status 302). If that is a login page, pass a login: {LOGIN}"),
    ("to https",                "http://x/chat",           moved("https://x/chat"),            f"it redirects to https://x/chat (status 302). {USE_IT}"),
    ("a path to another host",  "http://x/chat",           moved("http://y/chat"),             f"it redirects to http://y/chat (status 302). {USE_IT}"),
    ("the root to https",       "http://x",                moved("https://x/"),                f"it redirects to https://x/ (status 302). {USE_IT}"),
    ("the root to www",         "http://x.org/",           moved("https://www.x.org/"),        f"it redirects to https://www.x.org/ (status 302). {USE_IT}"),
    ("the root from www",       "http://www.x.org/",       moved("https://x.org/"),            f"it redirects to https://x.org/ (status 302). {USE_IT}"),
    ("the root to another",     "http://x/",               moved("http://portal/"),            "it redirects to another host, http://portal/ (status 302)" + ELSEWHERE + LOGIN),
    ("no valid location",       "http://x/",               moved("http://[/"),                 "it redirects to http://[/ (status 302). If that is a login page, pass a login: " + LOGIN),
]  # fmt: skip


@pytest.mark.parametrize(("name", "url", "seen", "sentence"), AT_URLS, ids=[row[0] for row in AT_URLS])
def test_one_request_to_any_address_gets_one_sentence_and_no_culprit(name, url, seen, sentence):
    report = report_at_url(Run(url, (seen,), tool="t", verified=False))
    assert report == Report(
        url, Verdict.UNKNOWN, f"no flushcheck service at {url}: {sentence}", (), (), (NOT_VERIFIED,), "t"
    )


def test_a_login_asked_through_a_proxy_may_be_that_of_the_proxy():
    run = Run("http://x/", (at_url(401),), proxy="http://proxy:1")
    assert "to the proxy: --proxy-user" in report_at_url(run).headline
    assert "to the proxy: --proxy-user" not in report_at_url(replace(run, proxy="")).headline
