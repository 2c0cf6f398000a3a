"""The connection options of the commands: curl's names, files and the environment, and what is wrong with them."""

import getpass
import io
import sys
from pathlib import Path

import pytest

from flushcheck.cli import main, parser
from flushcheck.cli.connection import connection_options
from flushcheck.cli.connection_values import MAX_COOKIE_FILE_BYTES
from flushcheck.model import UsageError
from flushcheck.prober.address import parse
from flushcheck.prober.certificate import pin_of
from flushcheck.prober.credentials import Credentials
from flushcheck.prober.proxy_server import ProxyScheme, ProxyServer
from flushcheck.prober.target import (
    MAX_REDIRECTS,
    ConnectionOptions,
    ConnectTo,
    Family,
    Protocol,
    Target,
    TlsOptions,
)
from tests.prober.certificates import Pair, encrypted, self_signed

URL = "http://site.test"


def options(*arguments, environ=None, command="diagnose", url=URL):
    parsed = parser([command]).parse_args([command, url, *arguments])
    return connection_options(parsed, [url], environ or {})


PIN = pin_of(b"")

GIVEN = [
    # arguments, options
    ([], {}),
    (["-H", "X-A: b", "--header", "X-C:d:e"], {"headers": (("X-A", "b"), ("X-C", "d:e"))}),
    (["-A", "curl/8"], {"user_agent": "curl/8"}),
    (["-u", "alice:wonder:land"], {"credentials": Credentials("alice", "wonder:land")}),
    (["--user", "alice:"], {"credentials": Credentials("alice", "")}),
    (["-b", "a=1; b=2", "--cookie", "c=3;"], {"cookie": "a=1; b=2; c=3"}),
    (["-k"], {"tls": TlsOptions(verify=False)}),
    (["--resolve", "site.test:80:127.0.0.1"], {"connect_to": (ConnectTo("site.test", 80, "127.0.0.1", 0),)}),
    (["--resolve", "+site.test:80:127.0.0.1"], {"connect_to": (ConnectTo("site.test", 80, "127.0.0.1", 0),)}),
    (["--resolve", "*:443:[::1]"], {"connect_to": (ConnectTo("", 443, "::1", 0),)}),
    (["--connect-to", "Site.test:80:app:8000", "--connect-to", "::[::1]:"], {"connect_to": (ConnectTo("site.test", 80, "app", 8000), ConnectTo("", 0, "::1", 0))}),
    (["-4"], {"family": Family.IPV4}),
    (["--ipv6"], {"family": Family.IPV6}),
    (["--unix-socket", "/run/app.sock"], {"unix_socket": "/run/app.sock"}),
    (["-x", "proxy.test:3128"], {"proxy": ProxyServer(ProxyScheme.HTTP, "proxy.test", 3128)}),
    (["-x", ""], {}),
    (["--proxy", "socks5h://proxy.test", "--proxy-user", "bob:builder"], {"proxy": ProxyServer(ProxyScheme.SOCKS5H, "proxy.test", 1080, Credentials("bob", "builder"))}),
    (["--proxy", "env"], {"proxy_from_environment": True}),
    (["--http1.1"], {"protocol": Protocol.HTTP1}),
    (["-H", "Accept:", "-H", "X-A: 1"], {"headers": (("X-A", "1"),), "removed_headers": ("Accept",)}),
    (["-H", " User-Agent :  "], {"removed_headers": ("User-Agent",)}),
    (["-H", "X-Empty;"], {"headers": (("X-Empty", ""),)}),
    (["-H", "X-A: 1;"], {"headers": (("X-A", "1;"),)}),
    (["--max-redirects", str(MAX_REDIRECTS)], {"max_redirects": MAX_REDIRECTS}),
    (["--pin", f"{PIN};{'A' * 64}", "--pin", PIN, "--max-redirects", "1"], {"max_redirects": 1, "pins": (PIN, "a" * 64, PIN)}),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "expected"), GIVEN, ids=[" ".join(row[0]) or "none" for row in GIVEN])
def test_options_mean_what_they_mean_to_curl(arguments, expected):
    assert options(*arguments) == ConnectionOptions(**expected)


@pytest.mark.parametrize("command", ["diagnose", "watch", "doctor"])
def test_every_command_has_them(command):
    assert options("-k", command=command).tls.verify is False


WRONG = [
    # arguments, in the message
    (["-H", "secret-x"],                                 "-H: expected a name, a colon and a value"),
    (["-H", ";"],                                        "header name '': expected letters"),
    (["-H", "Host:"],                                    "header Host: expected one that the connection does not set itself"),
    (["-H", "secret x:"],                                "header name 'secret x': expected letters"),
    (["-H", "Accept-Encoding:"],                         "header Accept-Encoding: expected another one"),
    (["-H", "A: secret-x\nB: c"],                        "header A: expected a value of printable"),
    (["-u", "alice"],                                    "-u without a password, and no terminal"),
    (["--proxy-user", "alice", "-x", "http://p.test:1"], "--proxy-user without a password"),
    (["--proxy-user", "alice:secret-x"],                 "--proxy-user without the URL of a proxy"),
    (["--proxy-user", "alice:secret-x", "-x", "env"],    "--proxy-user without the URL of a proxy"),
    (["-x", "ftp://a:secret-x@p.test"],                  "--proxy ftp://…: expected http://"),
    (["-b", "/none/secret.txt"],                         "-b: No such file or directory; expected a cookie file"),
    (["-b", __file__],                                   ", line 1: not a cookie; expected a cookie file in Netscape format"),
    (["--resolve", "site.test:80"],                      "--resolve site.test:80: expected a host, a port and an IP address"),
    (["--resolve", "site.test:0:127.0.0.1"],             "expected a host, a port and an IP address"),
    (["--resolve", "site.test:65536:127.0.0.1"],         "expected a host, a port and an IP address"),
    (["--resolve", "site.test:80:localhost"],            "expected a host, a port and an IP address"),
    (["--connect-to", "a:1:b"],                          "--connect-to a:1:b: expected two hosts with their ports"),
    (["--connect-to", "a:1:b:65536"],                    "expected two hosts with their ports"),
    (["--max-redirects", "many"],                        "--max-redirects many: expected 0 to 10"),
    (["--max-redirects", str(MAX_REDIRECTS + 1)],        "expected 0 to 10"),
    (["--max-redirects", "-1"],                          "expected"),
    (["--http2"],                                        "--http2 without TLS: not available"),
    (["--http3"],                                        "--http3 without TLS: not available"),
    (["--http2", "--http3"],                             "not allowed with argument"),
    (["--http3", "--unix-socket", "/x"],                 "--http3 without TLS: not available"),
    (["--cacert", "/none.pem"],                          "certificates in /none.pem: No such file or directory"),
    (["--cert", "/none.pem"],                            "--cert /none.pem: No such file or directory"),
    (["--cert", "/none.pem:secret-x"],                   "--cert /none.pem: No such file or directory"),
    (["--key", "/none.pem"],                             "a key without a certificate"),
    (["--pass", "secret-x"],                             "--pass without a client certificate"),
    (["--pin", "sha1//x"],                               "--pin sha1//x: expected sha256//"),
    (["--pin", PIN],                                     "--pin without TLS: expected an https:// URL"),
    (["--unix-socket", "/x", "-x", "http://p.test:1"],   "a unix socket and a proxy"),
    (["--unix-socket", "/x", "--direct", URL],           "expected the app's own port"),
    (["--direct", URL],                                  "expected the app's own port"),
    (["-4", "-6"],                                       "not allowed with argument"),
    (["--http1.1", "--http2"],                           "not allowed with argument"),
    (["-H", "Accept-Encoding: gzip"],                    "header Accept-Encoding: expected another one"),
    # Quotes that were forgotten, and options in the wrong place.
    (["-H", "Authorization:", "Bearer", "secret-x"],     "unrecognized arguments: … …"),
    (["--heder", "A: secret-x"],                         "unrecognized arguments: --heder …"),
    (["--heder=secret-x", "-zsecret-x"],                 "unrecognized arguments: --heder -z"),
    (["http://a:secret-x@b/"],                           "'http://…@b/': expected an address without name and password"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "says"), WRONG, ids=[" ".join(row[0]) for row in WRONG])
def test_a_wrong_option_is_refused_before_a_request_and_without_a_secret(arguments, says, capsys):
    assert main(["diagnose", URL, *arguments]) == 2
    output = capsys.readouterr()
    assert says in output.err
    assert "expected" in output.err
    assert "example" in output.err
    assert "secret-x" not in output.err
    assert output.out == ""


def test_doctor_without_a_url_takes_none(capsys):
    assert main(["doctor", "-u", "alice:secret-x"]) == 2
    error = capsys.readouterr().err
    assert "connection options without a URL: expected" in error
    assert "secret-x" not in error


@pytest.mark.parametrize(
    ("first", "shown"), [("-u", "-u"), ("-ualice:secret-x", "-u"), ("--user=alice:secret-x", "--user")]
)
def test_an_option_before_the_command_is_refused_without_its_value(first, shown, capsys):
    assert main([first, "alice:secret-x", "diagnose", URL]) == 2
    error = capsys.readouterr().err
    assert f"flushcheck: {shown}: expected a command first" in error
    assert "secret-x" not in error


def typing(monkeypatch, typed: str | None) -> list[tuple[str, bool]]:
    """Make a terminal on which this is typed; returns the prompts, and whether each goes to standard error.

    No fixture: pytest changes standard input before each test.
    """
    prompts = []

    def ask(prompt, stream):
        prompts.append((prompt, stream is sys.stderr))
        if typed is None:
            raise EOFError
        return typed

    monkeypatch.setattr(getpass, "getpass", ask)
    for name in ("stdin", "stderr"):
        terminal = io.StringIO()
        terminal.isatty = lambda: True  # type: ignore[method-assign]
        monkeypatch.setattr(sys, name, terminal)
    return prompts


@pytest.mark.parametrize(("option", "whose"), [("-u", "service"), ("--proxy-user", "proxy")])
def test_a_password_that_was_left_out_is_asked_for(option, whose, monkeypatch):
    asked = typing(monkeypatch, "wonderland")
    given = options(option, "alice", "-x", "http://proxy.test:1")
    credentials = given.credentials if option == "-u" else given.proxy and given.proxy.credentials
    assert credentials == Credentials("alice", "wonderland")
    assert asked == [(f"password of alice for the {whose}: ", True)]


@pytest.fixture
def client(tmp_path) -> Pair:
    """A client certificate whose key is encrypted with `wonderland`, in one file with it."""
    pair = encrypted(self_signed(tmp_path), tmp_path, "wonderland")
    pair.cert.write_text(pair.cert.read_text() + pair.key.read_text())
    return pair


def test_the_passphrase_of_a_key_is_asked_for(client, monkeypatch):
    asked = typing(monkeypatch, "wonderland")
    given = options("--cert", str(client.cert), "--key", str(client.key))
    assert given.tls.passphrase == "wonderland"
    assert asked == [(f"passphrase of {client.key}: ", True)]


@pytest.mark.parametrize(
    "form", [["--cert", "{cert}", "--pass", "wonderland"], ["--cert", "{cert}:wonderland"]]
)
def test_a_passphrase_that_was_given_is_not_asked_for(form, client):
    given = options(*(argument.format(cert=client.cert) for argument in form))
    assert given.tls == TlsOptions(cert_file=str(client.cert), passphrase="wonderland")


def test_a_file_with_a_colon_in_its_name_is_that_file(client, tmp_path):
    path = tmp_path / "a:b.pem"
    path.write_text(client.cert.read_text())
    given = options("--cert", str(path), "--pass", "wonderland")
    assert (given.tls.cert_file, given.tls.passphrase) == (str(path), "wonderland")


@pytest.mark.parametrize(("form", "says"), [
    ([], "{cert}: the key is encrypted, and no terminal to ask for it: expected --pass, for example"),
    (["--pass", "secret-x"], "--cert {cert}: the passphrase does not decrypt the key; expected"),
])  # fmt: skip
def test_without_the_right_passphrase_nothing_is_requested(form, says, client, capsys):
    assert main(["diagnose", "https://127.0.0.1:1", "--cert", str(client.cert), *form]) == 2
    output = capsys.readouterr()
    assert says.format(cert=client.cert) in output.err
    assert "secret-x" not in output.err
    assert output.out == ""


def test_nothing_typed_is_wrong_usage(client, monkeypatch):
    typing(monkeypatch, None)
    with pytest.raises(UsageError, match="the key is encrypted, and nothing was typed: expected --pass"):
        options("--cert", str(client.cert))


@pytest.fixture
def netrc_file(tmp_path):
    path = tmp_path / "netrc"
    path.write_text(
        "machine site.test login alice password secret-x\nmachine other.test login bob password b\n"
    )
    path.chmod(0o600)
    return path


def test_netrc_gives_the_login_of_each_host(netrc_file):
    given = options("--netrc", environ={"NETRC": str(netrc_file)})
    assert given.host_credentials == (("site.test", Credentials("alice", "secret-x")),)
    assert options("--netrc", environ={"NETRC": str(netrc_file)}, url="http://x.test").host_credentials == ()


NETRC_FILES = [
    # name, content, in the message
    ("missing", None, "No such file or directory; expected lines such as"),
    ("a password in the wrong place", "machine site.test secret-x alice\n", ", line 1: not a netrc file"),
    ("not text", b"\xff\xfe secret-x".decode("latin-1"), "not text; expected lines"),
]


@pytest.mark.parametrize(("name", "content", "says"), NETRC_FILES, ids=[row[0] for row in NETRC_FILES])
def test_a_netrc_file_that_cannot_be_read_is_refused(name, content, says, tmp_path):
    path = tmp_path / "netrc"
    if content is not None:
        path.write_bytes(content.encode("latin-1"))
    with pytest.raises(UsageError) as raised:
        options("--netrc", environ={"NETRC": str(path)})
    assert says in str(raised.value)
    assert "secret-x" not in str(raised.value)


COOKIES = """\
# Netscape HTTP Cookie File
site.test\tFALSE\t/\tFALSE\t0\tsession\tsecret-x
#HttpOnly_localhost\tFALSE\t/\tFALSE\t4102444800\tlocal\tsecret-y
"""


@pytest.mark.parametrize(
    ("url", "sent"), [(URL, "session=secret-x"), ("http://localhost:8000", "local=secret-y"), ("http://x.test", "")]
)  # fmt: skip
def test_a_cookie_file_is_sent_where_it_belongs(url, sent, tmp_path):
    path = tmp_path / "cookies.txt"
    path.write_text(COOKIES)
    headers = Target(parse(url), options("-b", str(path))).request_headers([])
    assert headers == ([("Cookie", sent)] if sent else [])


def test_several_files_and_pairs_are_all_sent(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(COOKIES.replace("session", name))
    given = options("-b", str(tmp_path / "a"), "-b", "c=3", "-b", str(tmp_path / "b"))
    assert Target(parse(URL), given).request_headers([]) == [("Cookie", "a=secret-x; b=secret-x; c=3")]


COOKIE_FILES = [
    # name, content, in the message
    ("too large", b"x" * (MAX_COOKIE_FILE_BYTES + 1), f"expected at most {MAX_COOKIE_FILE_BYTES} bytes"),
    ("not text", b"\xff\xfesecret-x", ", line 1: not a cookie; expected a cookie file"),
    (
        "a wrong line",
        b"# Netscape HTTP Cookie File\n\nsecret-x\n",
        ", line 3: not a cookie; expected a cookie file",
    ),
]


@pytest.mark.parametrize(("name", "content", "says"), COOKIE_FILES, ids=[row[0] for row in COOKIE_FILES])
def test_a_cookie_file_that_cannot_be_used_is_refused_without_its_content(name, content, says, tmp_path):
    path = tmp_path / "cookies.txt"
    path.write_bytes(content)
    with pytest.raises(UsageError) as raised:
        options("-b", str(path))
    assert says in str(raised.value)
    assert "secret-x" not in str(raised.value)


BUNDLES = [
    # name, arguments, environment, which is used
    ("the option first",      ["--cacert", "A"], {"CURL_CA_BUNDLE": "B", "REQUESTS_CA_BUNDLE": "C"}, "A"),
    ("then curl's",           [],                {"CURL_CA_BUNDLE": "B", "REQUESTS_CA_BUNDLE": "C"}, "B"),
    ("then requests'",        [],                {"CURL_CA_BUNDLE": "", "REQUESTS_CA_BUNDLE": "C"},  "C"),
    ("then Python's own",     [],                {},                                                 ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "arguments", "environ", "used"), BUNDLES, ids=[row[0] for row in BUNDLES])
def test_bundles_of_other_tools_are_honoured(name, arguments, environ, used, tmp_path):
    bundle = self_signed(tmp_path).cert
    files = {letter: str(bundle.with_name(letter)) for letter in "ABC"}
    for path in files.values():
        Path(path).write_bytes(bundle.read_bytes())
    arguments = [files.get(argument, argument) for argument in arguments]
    given = options(*arguments, environ={name: files.get(value, "") for name, value in environ.items()})
    assert given.tls.ca == files.get(used, "")


def test_a_bundle_that_is_missing_matters_for_https_only():
    for variable in ("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        environ = {variable: "/none.pem"}
        assert options(environ=environ).tls.verify
        with pytest.raises(
            UsageError, match=rf"{variable}=/none\.pem: no such file; expected .* for example"
        ):
            options(environ=environ, url="https://site.test")


def test_a_variable_that_does_not_count_may_name_nothing(tmp_path):
    bundle = str(self_signed(tmp_path).cert)
    environ = {"CURL_CA_BUNDLE": bundle, "REQUESTS_CA_BUNDLE": "/none.pem", "SSL_CERT_FILE": "/none.pem"}
    assert options(environ=environ, url="https://site.test").tls.ca == bundle
    del environ["CURL_CA_BUNDLE"]
    assert options("--cacert", bundle, environ=environ, url="https://site.test").tls.ca == bundle


def test_a_wrong_proxy_in_the_environment_is_wrong_usage(monkeypatch, capsys):
    monkeypatch.setenv("http_proxy", "http://alice:secret-x@proxy.test:99999")
    monkeypatch.delenv("no_proxy", raising=False)
    assert main(["diagnose", URL, "--proxy", "env"]) == 2
    error = capsys.readouterr().err
    assert "the proxy in the environment: expected http://" in error
    assert "secret-x" not in error
