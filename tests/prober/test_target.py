"""A Target: which headers a request carries, where it connects, and what cannot be asked for."""

from dataclasses import replace

import pytest

from flushcheck.model import UsageError
from flushcheck.prober.address import parse, without_login
from flushcheck.prober.cookies import StoredCookie
from flushcheck.prober.credentials import MAX_CHARS, Credentials
from flushcheck.prober.header_fields import MAX_HEADERS, MAX_VALUE
from flushcheck.prober.proxy_server import ProxyScheme, ProxyServer, environment_proxy, parse_proxy
from flushcheck.prober.redaction import hide, hide_cookie, secrets_of
from flushcheck.prober.target import (
    MAX_CONNECT_TO,
    MAX_REDIRECTS,
    MAX_SOCKET_PATH,
    ConnectionOptions,
    ConnectTo,
    Target,
    TlsOptions,
)

ALICE = Credentials("alice", "wonderland")
PROXY = ProxyServer(ProxyScheme.HTTP, "proxy.test", 3128, Credentials("bob", "builder-pw"))
DEFAULTS = [("User-Agent", "flushcheck"), ("Accept", "*/*")]


def target(url="http://site.test", **options):
    return Target(parse(url), ConnectionOptions(**options))


HEADERS = [
    # name, options, headers of a request
    ("none",                      {}, DEFAULTS),
    ("a name",                    {"user_agent": "curl/8"}, [("Accept", "*/*"), ("User-Agent", "curl/8")]),
    ("a header instead of one",   {"headers": (("accept", "text/plain"),)}, [("User-Agent", "flushcheck"), ("accept", "text/plain")]),
    ("the same name twice",       {"headers": (("X-A", "1"), ("X-A", "2"))}, [*DEFAULTS, ("X-A", "1"), ("X-A", "2")]),
    ("a login",                   {"credentials": Credentials("a", "b")}, [*DEFAULTS, ("Authorization", "Basic YTpi")]),
    ("a login of this host",      {"host_credentials": (("site.test", Credentials("a", "b")),)}, [*DEFAULTS, ("Authorization", "Basic YTpi")]),
    ("a login of another host",   {"host_credentials": (("other.test", Credentials("a", "b")),)}, DEFAULTS),
    ("a header before a login",   {"headers": (("Authorization", "Bearer x"),), "credentials": ALICE}, [*DEFAULTS, ("Authorization", "Bearer x")]),
    ("a cookie",                  {"cookie": "a=1; b=2"}, [*DEFAULTS, ("Cookie", "a=1; b=2")]),
    ("a header before a cookie",  {"headers": (("cookie", "c=3"),), "cookie": "a=1"}, [*DEFAULTS, ("cookie", "c=3")]),
    ("one left out",              {"removed_headers": ("user-AGENT",)}, [("Accept", "*/*")]),
    ("one that is not sent",      {"removed_headers": ("X-A",)}, DEFAULTS),
    ("a name left out",           {"removed_headers": ("User-Agent",), "user_agent": "curl/8"}, [("Accept", "*/*")]),
    ("a login left out",          {"removed_headers": ("authorization",), "credentials": ALICE}, DEFAULTS),
    ("a cookie left out",         {"removed_headers": ("Cookie",), "cookie": "a=1"}, DEFAULTS),
    ("left out and given",        {"removed_headers": ("Accept",), "headers": (("accept", "a/b"),)}, [("User-Agent", "flushcheck"), ("accept", "a/b")]),
    ("without a value",           {"headers": (("Accept", ""),)}, [("User-Agent", "flushcheck"), ("Accept", "")]),
    ("a header before a name",    {"headers": (("User-Agent", "x"),), "user_agent": "y"}, [("Accept", "*/*"), ("User-Agent", "x")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "expected"), HEADERS, ids=[row[0] for row in HEADERS])
def test_the_callers_headers_take_the_place_of_default_ones(name, options, expected):
    assert target(**options).request_headers(DEFAULTS) == expected


ENDPOINTS = [
    # name                      entries                                                  host and port
    ("none",                    (),                                                      ("site.test", 80)),
    ("host and port",           (ConnectTo("site.test", 80, "127.0.0.1", 8080),),        ("127.0.0.1", 8080)),
    ("any host",                (ConnectTo("", 80, "127.0.0.1", 0),),                    ("127.0.0.1", 80)),
    ("any port",                (ConnectTo("site.test", 0, "", 8080),),                  ("site.test", 8080)),
    ("another host",            (ConnectTo("other.test", 80, "127.0.0.1", 0),),          ("site.test", 80)),
    ("another port",            (ConnectTo("site.test", 443, "127.0.0.1", 0),),          ("site.test", 80)),
    ("the first that fits",     (ConnectTo("", 0, "a.test", 1), ConnectTo("", 0, "b.test", 2)), ("a.test", 1)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "entries", "endpoint"), ENDPOINTS, ids=[row[0] for row in ENDPOINTS])
def test_where_it_connects(name, entries, endpoint):
    assert target(connect_to=entries).endpoint == endpoint


SOCKS = replace(PROXY, scheme=ProxyScheme.SOCKS5)
ASKED = [
    # name, URL, options, whether the proxy is sent the request itself
    ("no proxy",             "http://site.test",  {}, False),
    ("plain HTTP",           "http://site.test",  {"proxy": PROXY}, True),
    ("an https proxy",       "http://site.test",  {"proxy": replace(PROXY, scheme=ProxyScheme.HTTPS)}, True),
    ("TLS",                  "https://site.test", {"proxy": PROXY}, False),
    ("SOCKS",                "http://site.test",  {"proxy": SOCKS}, False),
    ("another destination",  "http://site.test",  {"proxy": PROXY, "connect_to": (ConnectTo("", 0, "x.test", 0),)}, False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "url", "options", "asked"), ASKED, ids=[row[0] for row in ASKED])
def test_only_plain_http_is_sent_to_the_proxy_itself(name, url, options, asked):
    assert (target(url, **options).asks_proxy is not None) is asked


WRONG = [
    # name, options, in the message
    ("no name",                  {"headers": (("", "secret-x"),)}, "header name ''"),
    ("a name with a space",      {"headers": (("A b", "secret-x"),)}, "header name 'A b'"),
    ("a line break",             {"headers": (("A", "secret-x\r\nB: c"),)}, "printable"),
    ("not Latin",                {"headers": (("A", "secret-x世"),)}, "printable"),
    ("Host",                     {"headers": (("Host", "secret-x"),)}, "does not set itself: --connect-to or --resolve"),
    ("Proxy-Authorization",      {"headers": (("Proxy-Authorization", "secret-x"),)}, "--proxy-user"),
    ("a WebSocket header",       {"headers": (("Sec-WebSocket-Key", "secret-x"),)}, "does not set itself"),
    ("a long value",             {"headers": (("A", "secret-x" * (MAX_VALUE // 8) + "y"),)}, f"at most {MAX_VALUE}"),
    ("many headers",             {"headers": (("A", "secret-x"),) * (MAX_HEADERS + 1)}, f"at most {MAX_HEADERS}"),
    ("a cookie in two lines",    {"cookie": "secret-x\n"}, "cookie: expected"),
    ("a user agent of two lines", {"user_agent": "a\nb"}, "user agent: expected"),
    ("many redirects",           {"max_redirects": MAX_REDIRECTS + 1}, f"0 to {MAX_REDIRECTS}"),
    ("fewer than none",          {"max_redirects": -1}, f"0 to {MAX_REDIRECTS}"),
    ("many destinations",        {"connect_to": (ConnectTo("", 0, "", 0),) * (MAX_CONNECT_TO + 1)}, f"at most {MAX_CONNECT_TO}"),
    ("a long path",              {"unix_socket": "x" * (MAX_SOCKET_PATH + 1)}, f"at most {MAX_SOCKET_PATH} bytes"),
    ("socket and proxy",         {"unix_socket": "/x", "proxy": PROXY}, "expected one of them"),
    ("socket and environment",   {"unix_socket": "/x", "proxy_from_environment": True}, "expected one of them"),
    ("a key alone",              {"tls": TlsOptions(key_file="client.key")}, "expected both"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "says"), WRONG, ids=[row[0] for row in WRONG])
def test_what_cannot_be_sent_is_refused_without_its_value(name, options, says):
    with pytest.raises(UsageError) as raised:
        ConnectionOptions(**options)
    assert says in str(raised.value)
    assert "for example" in str(raised.value)
    assert "secret-x" not in str(raised.value)


def test_the_limits_themselves_are_allowed():
    ConnectionOptions(
        headers=(("A", "x" * MAX_VALUE),) * MAX_HEADERS,
        max_redirects=MAX_REDIRECTS,
        connect_to=(ConnectTo("", 0, "", 0),) * MAX_CONNECT_TO,
        unix_socket="x" * MAX_SOCKET_PATH,
    )
    Credentials("x" * MAX_CHARS, "y" * MAX_CHARS)


LOGINS = [
    # name, user, password, in the message
    ("a colon in the name", "a:b", "secret-x", "a name with a colon"),
    ("a long name", "a" * (MAX_CHARS + 1), "secret-x", f"at most {MAX_CHARS}"),
    ("a long password", "a", "secret-x" * 200, f"at most {MAX_CHARS}"),
    ("a line break", "a", "secret-x\n", "control characters"),
    ("no UTF-8", "a", "secret-x\udcff", "control characters"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "user", "password", "says"), LOGINS, ids=[row[0] for row in LOGINS])
def test_a_login_that_cannot_be_sent_is_refused(name, user, password, says):
    with pytest.raises(UsageError) as raised:
        Credentials(user, password)
    assert says in str(raised.value)
    assert "secret-x" not in str(raised.value)


PROXIES = [
    # URL, user                                           scheme, host, port, login
    ("http://proxy.test:3128", "",                        ("http", "proxy.test", 3128, None)),
    ("proxy.test:3128", "",                               ("http", "proxy.test", 3128, None)),
    ("proxy.test", "",                                    ("http", "proxy.test", 1080, None)),
    ("https://proxy.test/", "",                           ("https", "proxy.test", 443, None)),
    ("socks5h://[::1]:1080", "",                          ("socks5h", "::1", 1080, None)),
    ("socks5://a%40b:p%3A@proxy.test", "",                ("socks5", "proxy.test", 1080, Credentials("a@b", "p:"))),
    ("http://a:b@proxy.test:1", "c:d:e",                  ("http", "proxy.test", 1, Credentials("c", "d:e"))),
]  # fmt: skip


@pytest.mark.parametrize(("url", "user", "expected"), PROXIES, ids=[row[0] for row in PROXIES])
def test_a_proxy_is_read_from_its_url(url, user, expected):
    proxy = parse_proxy(url, user)
    assert (proxy.scheme, proxy.host, proxy.port, proxy.credentials) == expected
    assert "@" not in proxy.url


NO_PROXIES = [
    "ftp://u:secret-x@proxy.test", "socks4://u:secret-x@proxy.test", "http://u:secret-x@proxy.test:99999", "http://u:secret-x@:1",
    "http://u:secret-x@proxy.test:0", "http://u:secret-x@proxy.test/path", "http://u:secret-x@proxy.test?q", "http://u:secret-x@a b",
    "http://u:secret-x@[::1", "socks5://u:secret-x" + "y" * 255 + "@proxy.test", "http://" + "secret-x" * 300, "http://",
]  # fmt: skip


@pytest.mark.parametrize("url", NO_PROXIES, ids=lambda url: url[:50])
def test_what_is_no_proxy_is_refused_without_its_password(url):
    with pytest.raises(UsageError) as raised:
        parse_proxy(url)
    assert "for example" in str(raised.value)
    assert "secret-x" not in str(raised.value)


ENVIRONMENTS = [
    # name, environment, URL, proxy
    ("none",                  {},                                              "http://site.test",  None),
    ("of the scheme",         {"HTTPS_PROXY": "http://p.test:1"},              "https://site.test", "http://p.test:1"),
    ("of another scheme",     {"HTTPS_PROXY": "http://p.test:1"},              "http://site.test",  None),
    ("lower case",            {"http_proxy": "p.test:1"},                      "http://site.test",  "http://p.test:1"),
    ("of all schemes",        {"ALL_PROXY": "socks5h://p.test:1"},             "https://site.test", "socks5h://p.test:1"),
    ("an excluded host",      {"ALL_PROXY": "p.test:1", "NO_PROXY": "site.test"}, "http://www.site.test", None),
    ("an excluded network",   {"ALL_PROXY": "p.test:1", "no_proxy": "10.0.0.0/8"}, "http://10.1.2.3", None),
    ("another network",       {"ALL_PROXY": "p.test:1", "no_proxy": "10.0.0.0/8"}, "http://11.1.2.3", "http://p.test:1"),
    ("everything excluded",   {"ALL_PROXY": "p.test:1", "NO_PROXY": "*"},      "http://site.test",  None),
]  # fmt: skip
VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.mark.parametrize(
    ("name", "environment", "url", "expected"), ENVIRONMENTS, ids=[row[0] for row in ENVIRONMENTS]
)
def test_the_environment_names_a_proxy(name, environment, url, expected, monkeypatch):
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)
    for variable, value in environment.items():
        monkeypatch.setenv(variable, value)
    proxy = environment_proxy(url)
    assert (proxy.url if proxy else None) == expected
    assert target(url).proxy is None, "only where it was asked for"
    assert target(url, proxy_from_environment=True).proxy == proxy


def test_stored_cookies_go_in_front_of_those_given_and_to_their_path():
    stored = tuple(
        StoredCookie("site.test", False, path, False, 0, name, "x")
        for name, path in (("root", "/"), ("deep", "/app"))
    )
    at = target(stored_cookies=stored, cookie="own=y")
    assert at.request_headers([], "/app?q=/b") == [("Cookie", "deep=x; root=x; own=y")]
    assert at.request_headers([]) == [("Cookie", "root=x; own=y")]
    assert target(stored_cookies=stored, headers=(("Cookie", "z"),)).request_headers([]) == [("Cookie", "z")]


SECRETS = ConnectionOptions(
    headers=(("Authorization", "Bearer token-1234"), ("Accept", "text/plain")),
    cookie="id=cookie-5678",
    stored_cookies=(StoredCookie("site.test", False, "/", False, 0, "id", "stored-9012"),),
    credentials=ALICE,
    host_credentials=(("site.test", Credentials("carol", "netrc-password")),),
    proxy=PROXY,
)


def test_no_secret_is_in_a_repr():
    text = repr(Target(parse("http://site.test"), SECRETS))
    for secret in ("token-1234", "cookie-5678", "stored-9012", "wonderland", "netrc-password", "builder-pw"):
        assert secret not in text


def test_a_redirect_leaves_nothing_but_the_way():
    left = replace(SECRETS, tls=TlsOptions(ca="ca.pem", cert_file="client.pem")).without_secrets
    assert left == ConnectionOptions(proxy=PROXY, tls=TlsOptions(ca="ca.pem"))


def test_what_a_peer_repeats_is_hidden():
    secrets = secrets_of(Target(parse("http://site.test"), SECRETS))
    said = "stored-9012, Bearer token-1234, token-1234, id=cookie-5678, wonderland, YWxpY2U6d29uZGVybGFuZA==, netrc-password, builder-pw, text/plain"
    assert hide(said, secrets) == "…, …, …, …, …, …, …, …, text/plain"


def test_short_values_are_not_hidden():
    options = ConnectionOptions(headers=(("X-Debug", "1"),), credentials=Credentials("a", "b"))
    assert hide("a1b", secrets_of(Target(parse("http://site.test"), options))) == "a1b"


@pytest.mark.parametrize(
    ("value", "shown"), [("AWSALB=secret; Path=/", "AWSALB=…"), ("secret", "…"), ("a=b=c", "a=…")]
)
def test_a_cookie_that_is_set_keeps_its_name(value, shown):
    assert hide_cookie(value) == shown


@pytest.mark.parametrize(
    "url",
    ["http://u:secret-x@h/", "u:secret-x@h:80", "http://u:secret-x@@h:99999", "http://u:secret-x/?#@h", "http:/u:secret-x@h"],
)  # fmt: skip
def test_an_error_shows_no_password_of_a_url(url):
    assert "secret-x" not in without_login(url)
    with pytest.raises(UsageError) as raised:
        parse(url)
    assert "secret-x" not in str(raised.value)
