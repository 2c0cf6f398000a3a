import pytest
from hypothesis import given
from hypothesis import strategies as st

from flushcheck.model import UsageError
from flushcheck.prober.address import parse

GOOD = [
    # given                              url                            authority          path
    ("http://localhost:8000",            "http://localhost:8000",       "localhost:8000",  ""),
    ("http://localhost:8000/",           "http://localhost:8000",       "localhost:8000",  ""),
    ("https://example.org",              "https://example.org",         "example.org",     ""),
    ("https://example.org:443/",         "https://example.org",         "example.org",     ""),
    ("http://example.org:443",           "http://example.org:443",      "example.org:443", ""),
    ("HTTP://Example.ORG/Sub/path//",    "http://example.org/Sub/path", "example.org",     "/Sub/path"),
    ("http://example.org/a%20b/ü",       "http://example.org/a%20b/%C3%BC", "example.org", "/a%20b/%C3%BC"),
    ("http://bücher.example",            "http://xn--bcher-kva.example", "xn--bcher-kva.example", ""),
    ("http://[::1]:8000/x",              "http://[::1]:8000/x",         "[::1]:8000",      "/x"),
    ("http://127.0.0.1",                 "http://127.0.0.1",            "127.0.0.1",       ""),
]  # fmt: skip


@pytest.mark.parametrize(("given", "url", "authority", "path"), GOOD)
def test_an_address_is_read(given, url, authority, path):
    address = parse(given)
    assert (address.url, address.authority, address.path) == (url, authority, path)
    assert parse(address.url) == address


BAD = [
    # given                              says
    ("",                                 "without spaces"),
    ("localhost:8000",                   "for example http://localhost:8000"),
    ("example.org",                      "for example http://example.org"),
    ("//example.org",                    "for example http://example.org"),
    ("ftp://example.org",                "expected http:// or https://"),
    ("ws://example.org",                 "expected http:// or https://"),
    ("http://",                          "an address with a host"),
    ("http:///path",                     "an address with a host"),
    ("http://exa mple.org",              "without spaces"),
    ("http://example.org/a b",           "without spaces"),
    ("http://example.org\n",             "without spaces"),
    ("http://example.org/\x1b[2J",       "without spaces"),
    ("http://example.org:0",             "a port from 1 to 65535"),
    ("http://example.org:99999",         "a valid host and port"),
    ("http://example.org:http",          "a valid host and port"),
    ("http://[::1",                      "a valid host and port"),
    ("http://[zz]",                      "a valid host and port"),
    ("http://a..b",                      "a valid host and port"),
    ("http://" + "a" * 64,               "a valid host and port"),
    ("http://exa<mple",                  "a valid host and port"),
    ("http://\u00af",                    "a valid host and port"),
    ("http://me:secret@example.org",     "without name and password"),
    ("http://example.org/stream?size=1", "the root of the service, without ? and #, for example http://example.org/stream"),
    ("http://example.org/#",             "the root of the service"),
    ("http://example.org/" + "a" * 3000, "of 1 to 2000 characters"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "says"), BAD)
def test_what_is_no_address_is_told_with_an_example(given, says):
    with pytest.raises(UsageError) as raised:
        parse(given)
    assert says in str(raised.value)
    assert ", for example http" in str(raised.value)
    assert "secret" not in str(raised.value)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 300


@given(st.text(max_size=60) | st.text(max_size=60).map(lambda text: f"http://{text}"))
def test_whatever_is_given_is_read_or_told(given):
    try:
        address = parse(given)
    except UsageError:
        return
    assert parse(address.url) == address
    assert address.url.isascii()
