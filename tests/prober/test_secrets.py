"""Every kind of secret, given to every command, against peers that do with it what they like: no output holds one.

The secrets are sent (or the test would show nothing), to the host that was named and to no other.
"""

import base64
import json
import re
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from flushcheck.cli import main
from flushcheck.diagnosis.inference import judge
from flushcheck.prober import load
from flushcheck.reports.html import html
from tests.prober.certificates import encrypted, self_signed
from tests.prober.peers import OK, Client, Script, scripted_server
from tests.prober.proxies import Proxy
from tests.prober.test_gather import no_control, service

HEADER, KEY, USER, COOKIE, STORED, NETRC, PROXY, PHRASE = (
    f"{name}-s3cret-{number}"
    for number, name in enumerate(("header", "key", "user", "cookie", "stored", "netrc", "proxy", "phrase"))
)
PLAIN = (HEADER, KEY, USER, COOKIE, STORED, NETRC, PROXY, PHRASE)


def basic(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


ENCODED = (basic("alice", USER), basic("nora", NETRC), basic("bob", PROXY))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    netrc, cookies = tmp_path / "netrc", tmp_path / "cookies.txt"
    netrc.write_text(f"machine 127.0.0.1 login nora password {NETRC}\n")
    netrc.chmod(0o600)
    cookies.write_text(f"# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tstored\t{STORED}\n")
    pair = encrypted(self_signed(tmp_path), tmp_path, PHRASE)
    return {"netrc": str(netrc), "cookies": str(cookies), "cert": str(pair.cert), "key": str(pair.key)}


# name, options (file names in braces), what the named host must have received
LOGINS = [
    ("headers", ["-H", f"Authorization: Bearer {HEADER}", "-H", f"X-Api-Key: {KEY}", "-b", f"sid={COOKIE}"], (HEADER, KEY, COOKIE)),
    ("a login and a cookie file", ["-u", f"alice:{USER}", "-b", "{cookies}"], (ENCODED[0], STORED)),
    ("netrc and a client certificate", ["--netrc", "--cert", "{cert}", "--key", "{key}", "--pass", PHRASE], (ENCODED[1],)),
]  # fmt: skip


def secrets_in(client: Client) -> str:
    """What the request said of its sender, first things first: texts of a peer are shown from their beginning."""
    names = ("authorization", "cookie", "x-api-key", "proxy-authorization")
    return " ".join(f"{client.header(name)}" for name in names if client.header(name))


def repeats(status: int, head: Callable[[str], str] = lambda _: "") -> Script:
    """A peer that repeats the whole request in its body, and whatever `head` makes of it in its header."""

    def script(client: Client) -> None:
        request = secrets_in(client)
        client.respond(status, request.encode(), "text/html", extra=head(request))

    return script


def in_location(request: str) -> str:
    return f"Location: /login?{re.sub(r'[^!-~]+', '&', request)}\r\nSet-Cookie: own={COOKIE}-of-the-peer\r\n"


def in_error(client: Client) -> None:
    client.respond(500, json.dumps({"error": secrets_in(client)}).encode())


def in_headers(client: Client) -> None:
    echo = secrets_in(client)
    client.send(OK + f"X-Echo: {echo}\r\nServer: {echo}\r\nConnection: close\r\n\r\n".encode())
    client.send(echo.encode())


def a_service(client: Client) -> None:
    if "count" in client.query:
        service(no_control)(client)
    else:
        client.respond(404, b"{}")


PEERS = [
    ("a service", a_service),
    ("a login that repeats", repeats(401)),
    ("a page that repeats", repeats(200)),
    ("a redirect that repeats", repeats(302, in_location)),
    ("an error that repeats", in_error),
    ("headers that repeat", in_headers),
    ("a reset", lambda client: client.reset()),
]


def outputs(arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Run a command in each of its formats; return all that came out, and what it saved."""
    everything = ""
    saved = tmp_path / "run.json"
    formats: list[list[str]] = [[], ["--json"]]
    if arguments[0] == "diagnose":
        formats = [["--save", str(saved)], ["--json"], ["--ticket"]]
    for extra in formats:
        assert main([*arguments, *extra]) in (0, 1, 3)
        captured = capsys.readouterr()
        everything += captured.out + captured.err
    if saved.exists():
        everything += saved.read_text() + html(judge(load(str(saved))))
    return everything


def assert_no_secret(text: str, files: dict[str, str]) -> None:
    assert text
    lines = Path(files["key"]).read_text().splitlines()[1:-1]
    for secret in (*PLAIN, *ENCODED, *lines):
        assert secret not in text, secret


# Every peer with the first kind of login, every kind of login with the first two peers.
CASES = [(LOGINS[0], peer) for peer in PEERS] + [(login, peer) for login in LOGINS[1:] for peer in PEERS[:2]]


@pytest.mark.parametrize(("login", "peer"), CASES, ids=[f"{login[0]}, {peer[0]}" for login, peer in CASES])
@pytest.mark.parametrize("command", ["diagnose", "watch", "doctor"])
def test_no_output_holds_a_secret(command, login, peer, files, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("NETRC", files["netrc"])
    received = b""

    def script(client: Client) -> None:
        nonlocal received
        received += client.request
        peer[1](client)

    with scripted_server(script) as url:
        options = [option.format(**files) for option in login[1]]
        quick = {"diagnose": ["--only", "chunked", "--quick", "--timeout", "5"], "watch": ["--timeout", "5"]}
        text = outputs([command, url, *options, *quick.get(command, [])], tmp_path, capsys)
    for secret in login[2]:
        assert secret.encode() in received, "or nothing is shown by this test"
    assert_no_secret(LIVE.sub("", text), files)


# The live view of `watch` shows what the stream itself says.
LIVE = re.compile(r"^ *\d+\.\d{3} s .*$", re.MULTILINE)

ROUTES = [
    # name, scheme of the service, what the proxy is, its login is right
    ("plain, right",  "http",  "http",    True),
    ("plain, wrong",  "http",  "http",    False),
    ("tunnel, wrong", "https", "http",    False),
    ("socks, right",  "http",  "socks5h", True),
    ("socks, wrong",  "http",  "socks5h", False),
    ("nothing there", "http",  "",        False),
]  # fmt: skip


@pytest.mark.parametrize("in_url", [True, False], ids=["in its URL", "apart"])
@pytest.mark.parametrize(("name", "scheme", "kind", "right"), ROUTES, ids=[row[0] for row in ROUTES])
def test_the_login_of_a_proxy_goes_to_the_proxy_only(
    name, scheme, kind, right, in_url, files, tmp_path, capsys
):
    received = b""

    def script(client: Client) -> None:
        nonlocal received
        received += client.request
        repeats(401)(client)

    proxy = Proxy(f"bob:{PROXY}" if right else "bob:another")
    with ExitStack() as stack:
        url = stack.enter_context(scripted_server(script)).replace("http:", f"{scheme}:")
        at = "http://127.0.0.1:1"
        if kind:
            serve = proxy.http if kind == "http" else proxy.socks
            at = stack.enter_context(scripted_server(serve, read_first=False)).replace("http:", f"{kind}:")
        options = (
            ["-x", at.replace("//", f"//bob:{PROXY}@")]
            if in_url
            else ["-x", at, "--proxy-user", f"bob:{PROXY}"]
        )
        text = outputs(
            ["diagnose", url, *options, "--direct", url, "--only", "chunked", "--quick"], tmp_path, capsys
        )
    assert_no_secret(text, files)
    assert ENCODED[2].encode() not in received
    assert PROXY.encode() not in received


def test_nothing_follows_a_redirect_to_another_origin(files, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("NETRC", files["netrc"])
    received = b""

    def elsewhere(client: Client) -> None:
        nonlocal received
        received += client.request
        client.respond(404, b"{}")

    with scripted_server(elsewhere) as other:

        def named(client: Client) -> None:
            client.respond(302, b"", extra=f"Location: {other}{client.path}\r\n")

        with scripted_server(named) as url:
            for _, login, _ in LOGINS:
                options = [option.format(**files) for option in login]
                for command in ("diagnose", "watch", "doctor"):
                    text = outputs([command, url, *options, "--max-redirects", "2"], tmp_path, capsys)
                    assert_no_secret(text, files)
    assert received.count(b"GET ") >= 9
    for secret in (*PLAIN, *ENCODED):
        assert secret.encode() not in received
    assert b"Authorization" not in received
    assert b"Cookie" not in received
