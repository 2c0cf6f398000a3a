"""Through a real forward proxy and past it: Squid, tinyproxy and microsocks, plain and by tunnel, with and without a login."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from flushcheck import diagnose
from flushcheck.model import Confidence, FaultPlace, Report, Transport, Verdict
from flushcheck.prober.proxy_server import parse_proxy
from flushcheck.prober.target import ConnectionOptions, TlsOptions
from tests.live import servers
from tests.prober.certificates import self_signed

LOGIN = "alice:wonderland"
STREAMS = (Transport.POLLING, Transport.CHUNKED, Transport.EVENTS)


@contextmanager
def squid(login: str = "") -> Iterator[str]:
    """Run Squid as a forward proxy; yields its URL."""
    folder, port = servers.new_folder("squid"), servers.free_port()
    folder.chmod(0o777)  # as root it becomes another user
    access = "http_access allow all"
    if login:
        user, password = login.split(":")
        crypted = subprocess.run(
            ["openssl", "passwd", "-apr1", password], check=True, capture_output=True, text=True
        )
        (folder / "users").write_text(f"{user}:{crypted.stdout}")
        access = (
            f"auth_param basic program /usr/lib/squid/basic_ncsa_auth {folder}/users\n"
            "acl known proxy_auth REQUIRED\nhttp_access allow known\nhttp_access deny all"
        )
    config = folder / "squid.conf"
    config.write_text(
        f"http_port 127.0.0.1:{port}\n{access}\ncache deny all\naccess_log none\ncache_log {folder}/cache.log\n"
        f"pid_filename {folder}/squid.pid\ncoredump_dir {folder}\nvisible_hostname test\nshutdown_lifetime 0 seconds\n"
    )
    program = shutil.which("squid", path="/usr/sbin:/usr/bin") or "squid"
    argv = [program, "-N", "-f", str(config)]
    with servers.start_program("squid", argv, port=port, cwd=folder) as service:
        yield service.url


@contextmanager
def tinyproxy(login: str = "") -> Iterator[str]:
    """Run tinyproxy; yields its URL."""
    folder, port = servers.new_folder("tinyproxy"), servers.free_port()
    config = folder / "tinyproxy.conf"
    login_line = f"BasicAuth {login.replace(':', ' ')}\n" if login else ""
    config.write_text(f"Port {port}\nListen 127.0.0.1\nTimeout 60\nAllow 127.0.0.1\n{login_line}")
    argv = ["tinyproxy", "-d", "-c", str(config)]
    with servers.start_program("tinyproxy", argv, port=port, cwd=folder) as service:
        yield service.url


@contextmanager
def microsocks(login: str = "") -> Iterator[str]:
    """Run a SOCKS5 proxy; yields its URL."""
    port = servers.free_port()
    user, _, password = login.partition(":")
    argv = ["microsocks", "-i", "127.0.0.1", "-p", str(port)]
    argv += ["-u", user, "-P", password] if login else []
    with servers.start_program(
        "microsocks", argv, port=port, cwd=servers.new_folder("microsocks")
    ) as service:
        yield service.url.replace("http:", "socks5h:")


PROXIES = {"squid": squid, "tinyproxy": tinyproxy, "microsocks": microsocks}


@pytest.fixture(scope="module", params=[(name, login) for name in PROXIES for login in ("", LOGIN)],
                ids=lambda param: f"{param[0]}{' with a login' if param[1] else ''}")  # fmt: skip
def proxy(request) -> Iterator[tuple[str, str]]:
    """The URL of a proxy, and its login."""
    name, login = request.param
    if shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin") is None:
        pytest.fail(f"{name} is not installed (on Debian: apt-get install {name})")
    with PROXIES[name](login) as url:
        yield url, login


@pytest.fixture(scope="module")
def over_tls(origin, tmp_path_factory) -> Iterator[tuple[str, Path]]:
    """The service on gunicorn with TLS: its URL, and its certificate."""
    pair = self_signed(tmp_path_factory.mktemp("tls"))
    with ExitStack() as stack:
        site = (
            "server {\nlisten 80;\nlisten PORT ssl; \nssl_certificate CERT;\nssl_certificate_key KEY;\n"
            "location / { proxy_pass http://127.0.0.1:8000; proxy_http_version 1.1; proxy_buffering off;\n"
            "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } }"
        )
        port = servers.free_port()
        for word, value in (("PORT", f"127.0.0.1:{port}"), ("CERT", pair.cert), ("KEY", pair.key)):
            site = site.replace(word, str(value), 1)
        stack.enter_context(servers.start_nginx(site, upstreams={8000: origin.port}))
        yield f"https://127.0.0.1:{port}", pair.cert


def flows(report: Report) -> dict[str, str]:
    return {transport.transport: transport.flow for transport in report.transports}


def certain(report: Report) -> list[str]:
    return [
        culprit.culprit.id for culprit in report.culprits if culprit.confidence is not Confidence.POSSIBLE
    ]


def test_the_service_flows_through_the_proxy_and_past_it(proxy, origin):
    url, login = proxy
    options = ConnectionOptions(proxy=parse_proxy(url, login))
    report = diagnose(origin.url, only=STREAMS, quick=True, direct=origin.url, options=options)
    assert flows(report) == dict.fromkeys(STREAMS, "flowing"), report.headline
    assert report.verdict is Verdict.FLOWING
    assert f"tested through the proxy {url}" in report.notes
    assert report.fault_location is not None
    assert report.fault_location.place is FaultPlace.NOWHERE
    assert report.fault_location.summary == f"nothing is wrong, neither through the proxy {url} nor past it"


def test_tls_flows_through_a_tunnel_and_a_websocket_too(proxy, over_tls):
    url, login = proxy
    site, certificate = over_tls
    options = ConnectionOptions(proxy=parse_proxy(url, login), tls=TlsOptions(ca=str(certificate)))
    report = diagnose(site, quick=True, options=options)
    assert flows(report) == dict.fromkeys(Transport, "flowing"), report.headline


def test_a_login_that_is_missing_or_wrong_has_its_own_sentence_and_no_culprit(proxy, origin, over_tls):
    url, login = proxy
    if not login:
        return
    wrong = f"{login}-not"
    for site in (origin.url, over_tls[0]):
        for given, words in (("", "asks for a name and password"), (wrong, "name and password")):
            options = ConnectionOptions(proxy=parse_proxy(url, given), tls=TlsOptions(verify=False))
            report = diagnose(site, only=[Transport.CHUNKED], quick=True, options=options)
            assert (report.verdict, report.culprits) == (Verdict.UNKNOWN, ())
            assert "--proxy-user" in report.headline
            # tinyproxy 1.11 responds 401 to a wrong password, as a server would.
            assert words in report.headline or "(status 401)" in report.headline


HOLDS = "server {\nlisten 80;\nlocation / { proxy_pass http://127.0.0.1:8000; } }"
# nginx as a forward proxy for plain HTTP: the request names the whole URL, so Host is where it goes.
FORWARDS = "server {\nlisten 80;\nlocation / { proxy_pass http://$http_host$request_uri; } }"


def test_a_server_that_holds_is_told_from_the_proxy(origin):
    with tinyproxy() as url, servers.start_nginx(HOLDS, upstreams={8000: origin.port}) as nginx:
        options = ConnectionOptions(proxy=parse_proxy(url))
        report = diagnose(nginx.url, only=[Transport.EVENTS], direct=nginx.url, options=options)
    assert report.verdict is Verdict.HELD
    assert report.fault_location is not None
    assert report.fault_location.place is FaultPlace.APP
    assert report.fault_location.summary == f"the fault is not in the proxy: it shows past {url} too"
    assert certain(report) == ["nginx-proxy-buffering"], "and the app is not accused"


def test_a_proxy_that_holds_is_told_from_the_server(origin):
    with servers.start_nginx(FORWARDS) as nginx:
        options = ConnectionOptions(proxy=parse_proxy(nginx.url))
        report = diagnose(origin.url, only=[Transport.EVENTS], direct=origin.url, options=options)
    assert report.verdict is Verdict.HELD
    assert report.fault_location is not None
    assert report.fault_location.place is FaultPlace.PATH
    expected = f"the fault is in the proxy {nginx.url}: past it the same streams flow"
    assert report.fault_location.summary == expected
