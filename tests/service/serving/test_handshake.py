"""The WebSocket handshake, judged before it reaches the library: one table."""

import pytest

from flushcheck.service.serving.handshake import check, strip_headers

GOOD = {
    "REQUEST_METHOD": "GET",
    "SERVER_PROTOCOL": "HTTP/1.1",
    "SERVER_SOFTWARE": "gunicorn",
    "HTTP_CONNECTION": "Upgrade",
    "HTTP_UPGRADE": "websocket",
    "HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==",
    "HTTP_SEC_WEBSOCKET_VERSION": "13",
    "gunicorn.socket": object(),
}
GONE = object()

HANDSHAKES = [
    # name, what differs, status; 0: it can succeed
    ("as a browser sends it", {"HTTP_CONNECTION": "keep-alive, Upgrade", "HTTP_UPGRADE": "WebSocket"}, 0),
    ("under Werkzeug", {"gunicorn.socket": GONE, "werkzeug.socket": object()}, 0),
    ("no Upgrade", {"HTTP_UPGRADE": GONE}, 400),
    ("another Upgrade", {"HTTP_UPGRADE": "h2c"}, 400),
    ("no Connection", {"HTTP_CONNECTION": GONE}, 400),
    ("Connection: close, as a proxy says", {"HTTP_CONNECTION": "close"}, 400),
    ("upgrade inside a word", {"HTTP_CONNECTION": "noupgrade"}, 400),
    ("HEAD", {"REQUEST_METHOD": "HEAD"}, 400),
    ("no version", {"HTTP_SEC_WEBSOCKET_VERSION": GONE}, 426),
    ("an old version", {"HTTP_SEC_WEBSOCKET_VERSION": "8"}, 426),
    ("a version of words", {"HTTP_SEC_WEBSOCKET_VERSION": "thirteen"}, 426),
    ("two versions", {"HTTP_SEC_WEBSOCKET_VERSION": "13,13"}, 426),
    ("no key", {"HTTP_SEC_WEBSOCKET_KEY": GONE}, 400),
    ("an empty key", {"HTTP_SEC_WEBSOCKET_KEY": ""}, 400),
    ("a short key", {"HTTP_SEC_WEBSOCKET_KEY": "c2hvcnQ="}, 400),
    ("a key not in base64", {"HTTP_SEC_WEBSOCKET_KEY": "!!!!!!!!!!!!!!!!!!!!!!=="}, 400),
    ("a key of other bytes", {"HTTP_SEC_WEBSOCKET_KEY": "é" * 24}, 400),
    ("two keys", {"HTTP_SEC_WEBSOCKET_KEY": "dGhlIHNhbXBsZSBub25jZQ==,x"}, 400),
    ("FastCGI", {"gunicorn.socket": GONE}, 501),
    ("mod_fcgid, which drops Upgrade", {"gunicorn.socket": GONE, "HTTP_UPGRADE": GONE}, 501),
    ("a plain GET under FastCGI", {"gunicorn.socket": GONE, "HTTP_SEC_WEBSOCKET_KEY": GONE}, 400),
    ("HTTP/1.0", {"SERVER_PROTOCOL": "HTTP/1.0"}, 400),
    ("HTTP/2", {"SERVER_PROTOCOL": "HTTP/2.0"}, 501),
]


def environ(changes):
    return {name: value for name, value in {**GOOD, **changes}.items() if value is not GONE}


@pytest.mark.parametrize(("name", "changes", "status"), HANDSHAKES, ids=[name for name, *_ in HANDSHAKES])
def test_a_handshake_is_judged(name, changes, status):
    found = check(environ(changes))
    assert (found.status if found else 0) == status
    if found:
        assert found.reason
        assert ("Sec-WebSocket-Version" in found.headers) == (status == 426)


def test_the_library_gets_what_a_handshake_needs_and_nothing_else():
    given = environ(
        {"HTTP_HOST": "a b\r\n", "HTTP_SEC_WEBSOCKET_EXTENSIONS": "permessage-deflate", "HTTP_COOKIE": "\0"}
    )
    strip_headers(given)
    assert {name for name in given if name.startswith("HTTP_")} == {
        "HTTP_HOST",
        "HTTP_UPGRADE",
        "HTTP_CONNECTION",
        "HTTP_SEC_WEBSOCKET_KEY",
        "HTTP_SEC_WEBSOCKET_VERSION",
    }
    assert given["HTTP_HOST"] == "localhost"
    assert given["HTTP_SEC_WEBSOCKET_KEY"] == GOOD["HTTP_SEC_WEBSOCKET_KEY"]
