"""What stands in front of a service is recognized by status and Location, and each has its next step."""

from __future__ import annotations

import pytest

from flushcheck.measurement.obstacles import obstacle, redirected_root

SUFFIX = "/stream/polling"
URL = f"http://site.test{SUFFIX}?q"

ROOTS = [
    # name                     location                                       root
    ("to https",               "https://site.test/stream/polling?a=1",        "https://site.test"),
    ("to another host",        "http://www.site.test/stream/polling",         "http://www.site.test"),
    ("to another port",        "http://site.test:8080/stream/polling",        "http://site.test:8080"),
    ("to a path",              "/app/stream/polling#x",                       "http://site.test/app"),
    ("to a relative path",     "../app/stream/polling",                       "http://site.test/app"),
    ("to a login",             "/login?next=/stream/polling",                 ""),
    ("to the root",            "/",                                           ""),
    ("to itself",              "/stream/polling?again",                       ""),
    ("to a place on itself",   "/stream/polling?q#x",                         ""),
    ("to another scheme",      "ftp://site.test/stream/polling",              ""),
    ("to no host",             "http:///stream/polling",                      ""),
    ("no URL",                 "http://[/stream/polling",                     ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "location", "root"), ROOTS, ids=[row[0] for row in ROOTS])
def test_only_a_redirect_that_keeps_the_path_leads_to_the_service(name, location, root):
    assert redirected_root(URL, location, SUFFIX) == root


def test_from_no_url_nothing_leads_to_the_service():
    assert redirected_root(f"http://[{SUFFIX}", f"http://site.test{SUFFIX}", SUFFIX) == ""


LOGIN = "-u user:password, -H 'Authorization: …' or -b 'name=value'"
PASS_LOGIN = f"Pass a login: {LOGIN}"
REFUSED = "it refuses access (status 403)"
OR_ALLOW = f"{PASS_LOGIN}; or allow the address of this client"
IF_LOGIN = f"If that is a login page, pass a login: {LOGIN}"
NEW_ROOT = "Use that address, or pass --max-redirects 1"
OTHER_HOST = f"Log in with a browser and repeat the command, or pass a login: {LOGIN}"
LATER, START = "Wait, then repeat the command", "Start the app behind it, then repeat the command"
OR_PROXY = "; or is it the proxy that cannot reach the address?"
LONG = "/" + "x" * 199

OBSTACLES = [
    # name                              status, Location, proxied            sentence and step
    ("a login",                         (401, "", False),                    ("it asks for a login (status 401)", PASS_LOGIN)),
    ("a login, or the proxy's",         (401, "", True),                     ("it asks for a login (status 401)", f"{PASS_LOGIN}; to the proxy: --proxy-user")),
    ("no access",                       (403, "", False),                    (REFUSED, OR_ALLOW)),
    ("no access, or the proxy's",       (403, "", True),                     (REFUSED, f"{OR_ALLOW}; to the proxy: --proxy-user")),
    ("a proxy's login",                 (407, "", True),
     ("a proxy asks for a name and password (status 407)", "Pass them: --proxy-user user:password")),
    ("too many requests",               (429, "", True),                     ("it limits the number of requests (status 429)", LATER)),
    ("no app",                          (502, "", False),                    ("it gets no response from the server behind it (status 502)", START)),
    ("no app, or the proxy's",          (502, "", True),                     ("it gets no response from the server behind it (status 502)", f"{START}{OR_PROXY}")),
    ("not available",                   (503, "", False),                    ("it is not available now (status 503)", f"{LATER}; or start the app behind it")),
    ("not available, or the proxy's",   (503, "", True),                     ("it is not available now (status 503)", f"{LATER}; or start the app behind it{OR_PROXY}")),
    ("a slow app",                      (504, "", False),                    ("it gets no response in time from the server behind it (status 504)", START)),
    ("a slow app, or the proxy's",      (504, "", True),                     ("it gets no response in time from the server behind it (status 504)", f"{START}{OR_PROXY}")),
    ("another error",                   (500, "", True),                     None),
    ("a captive portal",                (511, "", True),
     ("the network asks for a login first (captive portal, status 511)", "Log in to the network with a browser, then repeat the command")),
    ("a login with a Location",         (401, "/login", False),              ("it asks for a login (status 401)", PASS_LOGIN)),
    ("to another root",                 (308, f"/app{SUFFIX}", False),       (f"it redirects to /app{SUFFIX} (status 308)", NEW_ROOT)),
    ("to another page",                 (302, "/login", False),              ("it redirects to /login (status 302)", IF_LOGIN)),
    ("to another host",                 (302, "http://login.test/", False),
     ("it redirects to another host, http://login.test/ (status 302): a login page, or the captive portal of a network", OTHER_HOST)),
    ("to another host, scheme kept",    (302, "//login.test/", False),
     ("it redirects to another host, //login.test/ (status 302): a login page, or the captive portal of a network", OTHER_HOST)),
    ("to another scheme",               (302, "ftp://login.test/", False),   ("it redirects to ftp://login.test/ (status 302)", IF_LOGIN)),
    ("to another port",                 (302, "http://site.test:8080/", False), ("it redirects to http://site.test:8080/ (status 302)", IF_LOGIN)),
    ("the first redirect",              (300, "/", False),                   ("it redirects to / (status 300)", IF_LOGIN)),
    ("the last redirect",               (399, "/", False),                   ("it redirects to / (status 399)", IF_LOGIN)),
    ("a long Location",                 (302, LONG, False),                  (f"it redirects to {LONG} (status 302)", IF_LOGIN)),
    ("a longer one is cut",             (302, f"{LONG}y", False),            (f"it redirects to {LONG} (status 302)", IF_LOGIN)),
    ("below the redirects",             (299, "/", False),                   None),
    ("above the redirects",             (400, "/", False),                   None),
    ("a redirect to nowhere",           (302, "", False),                    None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "response", "expected"), OBSTACLES, ids=[row[0] for row in OBSTACLES])
def test_what_stands_in_the_way(name, response, expected):
    status, location, proxied = response
    assert obstacle(URL, status, location, SUFFIX, proxied=proxied) == expected


def test_a_request_goes_through_no_proxy_unless_it_says_so():
    assert obstacle(URL, 401, "", SUFFIX) == obstacle(URL, 401, "", SUFFIX, proxied=False)


def test_from_no_url_a_redirect_may_be_a_login_page():
    assert obstacle("http://[", 302, "http://login.test/", SUFFIX) == (
        "it redirects to http://login.test/ (status 302)",
        IF_LOGIN,
    )
