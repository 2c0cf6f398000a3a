"""A cookie file is read as curl reads it, and each cookie goes where RFC 6265 lets it go."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flushcheck.model import UsageError
from flushcheck.prober.address import parse
from flushcheck.prober.cookies import MAX_COOKIES, StoredCookie, cookie_header, parse_cookie_file

NOW = 1_000_000.0
ID = StoredCookie("site.test", False, "/", False, 0, "id", "x")


def line(
    domain="site.test", subdomains="FALSE", path="/", secure="FALSE", expires="0", name="id", value="x"
) -> str:
    return "\t".join((domain, subdomains, path, secure, expires, name, value))


READ = [
    # name                              lines                                        cookies
    ("one",                             line(),                                      (ID,)),
    ("without a first line, CRLF",      f"{line()}\r\n\r\n{line(name='b')}",         (ID, StoredCookie("site.test", False, "/", False, 0, "b", "x"))),
    ("comments and blank lines",        f"# Netscape HTTP Cookie File\n#\n \n{line()}\n", (ID,)),
    ("for no script",                   f"#HttpOnly_{line()}",                       (ID,)),
    ("its subdomains, with a dot",      line(".Site.test", "TRUE"),                  (StoredCookie("site.test", True, "/", False, 0, "id", "x"),)),
    ("its subdomains, without one",     line("site.test", "true"),                   (StoredCookie("site.test", True, "/", False, 0, "id", "x"),)),
    ("a dot, and no subdomains",        line(".site.test"),                          (ID,)),
    ("an IPv6 address",                 line("[::1]"),                               (StoredCookie("::1", False, "/", False, 0, "id", "x"),)),
    ("secure, with an end",             line(secure="TRUE", expires="99"),           (StoredCookie("site.test", False, "/", True, 99, "id", "x"),)),
    ("an end with a fraction",          line(expires="99.5"),                        (StoredCookie("site.test", False, "/", False, 99, "id", "x"),)),
    ("an end before 1970",              line(expires="-1"),                          (ID,)),
    ("no end",                          line(expires=""),                            (ID,)),
    ("an empty value",                  line(value=""),                              (StoredCookie("site.test", False, "/", False, 0, "id", ""),)),
    ("an empty value, without its tab", line(value="").rstrip("\t"),                 (StoredCookie("site.test", False, "/", False, 0, "id", ""),)),
    ("a BOM, and a value in UTF-8",     "\ufeff" + line(value="é"),                  (StoredCookie("site.test", False, "/", False, 0, "id", "é".encode().decode("latin-1")),)),
    ("a value with spaces and =",       line(value="a b=c="),                        (StoredCookie("site.test", False, "/", False, 0, "id", "a b=c="),)),
    ("nothing",                         "",                                          ()),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "cookies"), READ, ids=[row[0] for row in READ])
def test_a_file_is_read(name, text, cookies):
    assert parse_cookie_file(text.encode(), "cookies.txt") == cookies


WRONG = [
    "secret-x", "id=secret-x", line(value="secret-x").replace("\t", " "), line(value="secret-x") + "\tmore",
    line("", value="secret-x"), line(".", value="secret-x"), line(subdomains="yes", value="secret-x"), line(path="secret-x"),
    line(secure="", value="secret-x"), line(expires="secret-x"), line(expires="inf", value="secret-x"), line(value="secret-x; b=c"),
    line(name="a=b", value="secret-x"), line(value="secret-x\x01"), line(name="a\x01", value="secret-x"),
]  # fmt: skip


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_line_is_named_by_its_number_and_not_shown(text):
    with pytest.raises(UsageError) as raised:
        parse_cookie_file(f"{line()}\n{text}\n".encode(), "cookies.txt")
    assert str(raised.value).startswith("-b cookies.txt, line 2: not a cookie; expected a cookie file")
    assert "secret-x" not in str(raised.value)


def test_the_number_of_cookies_is_limited():
    assert len(parse_cookie_file(f"{line()}\n".encode() * MAX_COOKIES, "c")) == MAX_COOKIES
    with pytest.raises(UsageError, match=f"at most {MAX_COOKIES} cookies"):
        parse_cookie_file(f"{line()}\n".encode() * (MAX_COOKIES + 1), "c")


@given(st.text(alphabet="\t\n\rTRUEFALSE/.#0123456789abcé=;"))
def test_any_text_is_cookies_or_wrong_usage(text):
    try:
        cookies = parse_cookie_file(text.encode(), "c")
    except UsageError:
        return
    assert "\n" not in cookie_header(cookies, parse("https://a"), "/", NOW)


SENT = [
    # name                       cookie                                    URL                       path        sent
    ("its host",                 line(),                                   "http://site.test:8000",  "/",        True),
    ("another host",             line("other.test"),                       "http://site.test",       "/",        False),
    ("a host that ends alike",   line("site.test", "TRUE"),                "http://mysite.test",     "/",        False),
    ("a subdomain",              line(".site.test", "TRUE"),               "http://www.site.test",   "/",        True),
    ("a subdomain, host only",   line("site.test"),                        "http://www.site.test",   "/",        False),
    ("its domain itself",        line(".site.test", "TRUE"),               "http://site.test",       "/",        True),
    ("a name without dots",      line("localhost"),                        "http://localhost:8000",  "/",        True),
    ("an IPv4 address",          line("127.0.0.1"),                        "http://127.0.0.1",       "/",        True),
    ("an IPv6 address",          line("[::1]"),                            "http://[::1]",           "/",        True),
    ("its path",                 line(path="/app"),                        "http://site.test",       "/app",     True),
    ("below its path",           line(path="/app"),                        "http://site.test",       "/app/b",   True),
    ("below its path, a slash",  line(path="/app/"),                       "http://site.test",       "/app/b",   True),
    ("the path without slash",   line(path="/app/"),                       "http://site.test",       "/app",     False),
    ("a path that begins alike", line(path="/app"),                        "http://site.test",       "/apple",   False),
    ("secure, over https",       line(secure="TRUE"),                      "https://site.test",      "/",        True),
    ("secure, over http",        line(secure="TRUE"),                      "http://site.test",       "/",        False),
    ("before its end",           line(expires=f"{NOW + 1:.0f}"),           "http://site.test",       "/",        True),
    ("at its end",               line(expires=f"{NOW:.0f}"),               "http://site.test",       "/",        False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "cookie", "url", "path", "sent"), SENT, ids=[row[0] for row in SENT])
def test_a_cookie_goes_where_it_belongs(name, cookie, url, path, sent):
    header = cookie_header(parse_cookie_file(cookie.encode(), "c"), parse(url), path, NOW)
    assert header == ("id=x" if sent else "")


def test_the_longest_path_goes_first_and_a_cookie_without_a_name_has_no_equals_sign():
    text = "\n".join((line(name="a"), line(name="b", path="/app"), line(name="c"), line(name="", value="d")))
    header = cookie_header(parse_cookie_file(text.encode(), "c"), parse("http://site.test"), "/app", NOW)
    assert header == "b=x; a=x; c=x; d"
