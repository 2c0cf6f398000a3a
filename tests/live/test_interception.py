"""Proxies that open TLS on the way: Squid with ssl-bump, and an nginx that stands in place of the site.

Each is seen by its certificate. It is a culprit only where it holds or breaks a stream.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from flushcheck import diagnose
from flushcheck.cli import main
from flushcheck.culprits.upgrade_lines import SQUID_FIX
from flushcheck.model import CertificateMatch, FaultPlace, Report, Transport, Verdict
from flushcheck.prober.address import parse
from flushcheck.prober.certificate import certificate
from flushcheck.prober.proxy_server import parse_proxy
from flushcheck.prober.target import ConnectionOptions, ConnectTo, TlsOptions
from tests.live import servers
from tests.live.test_forward_proxy import certain, flows
from tests.prober.certificates import Pair, der_of, self_signed, signed

HTTP = (Transport.POLLING, Transport.CHUNKED, Transport.EVENTS)
PEEK = "acl begin at_step SslBump1\nssl_bump peek begin\n"
COMPANY, PUBLIC = "Company, Company TLS", "Test Authority, test"
HOP = "an intercepting proxy, which opens TLS and encrypts anew"


class Site(NamedTuple):
    """The service over TLS, with its certificates."""

    url: str
    pair: Pair
    company: Pair  # the authority of the proxies
    trusted: Path  # both authorities


def squid_with_openssl() -> Path:
    """The Squid that can intercept TLS. Debian's own is built without OpenSSL: `make test` unpacks the other one."""
    unpacked = servers.ROOT / ".venv" / "lab" / "squid-openssl"
    for program in (shutil.which("squid", path="/usr/sbin:/usr/bin"), unpacked / "usr/sbin/squid"):
        if program and Path(program).exists():
            version = subprocess.run([program, "-v"], capture_output=True, text=True, check=False).stdout
            if "--enable-ssl-crtd" in version:
                return Path(program)
    pytest.fail("no Squid with OpenSSL (make test unpacks Debian's squid-openssl)")


@contextmanager
def squid(site: Site, lines: str) -> Iterator[str]:
    """Run Squid as a forward proxy with these lines about TLS; yields its URL."""
    program = squid_with_openssl()
    maker = program.parents[1] / "lib" / "squid" / "security_file_certgen"
    folder, port = servers.new_folder("squid"), servers.free_port()
    (folder / "ca.pem").write_text(site.company.cert.read_text() + site.company.key.read_text())
    subprocess.run([maker, "-c", "-s", folder / "certs", "-M", "4MB"], check=True, capture_output=True)
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o777)  # as root it becomes another user
    config = folder / "squid.conf"
    config.write_text(
        f"http_port 127.0.0.1:{port} ssl-bump generate-host-certificates=on cert={folder}/ca.pem\n"
        f"sslcrtd_program {maker} -s {folder}/certs -M 4MB\n{lines}\n"
        f"tls_outgoing_options cafile={site.trusted}\nhttp_access allow all\ncache deny all\n"
        f"access_log none\ncache_log {folder}/cache.log\npid_filename {folder}/squid.pid\n"
        f"coredump_dir {folder}\nvisible_hostname test\nshutdown_lifetime 0 seconds\n"
    )
    with servers.start_program(
        "squid", [str(program), "-N", "-f", str(config)], port=port, cwd=folder
    ) as service:
        yield service.url


@pytest.fixture(scope="module")
def site(origin, tmp_path_factory) -> Iterator[Site]:
    folders = [tmp_path_factory.mktemp(name) for name in ("public", "site", "company")]
    public, company = self_signed(folders[0]), self_signed(folders[2], subject="/O=Company/CN=Company TLS")
    pair = signed(public, folders[1], "DNS:localhost")  # Squid verifies no address
    trusted = folders[2] / "trusted.pem"
    trusted.write_text(public.cert.read_text() + company.cert.read_text())
    folders[2].chmod(0o755)
    port = servers.free_port()
    text = (
        f"server {{\nlisten 80;\nlisten 127.0.0.1:{port} ssl http2;\nssl_certificate {pair.cert};\n"
        f"ssl_certificate_key {pair.key};\nlocation / {{ proxy_pass http://127.0.0.1:8000; proxy_http_version 1.1;\n"
        "proxy_buffering off; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; } }"
    )
    with servers.start_nginx(text, upstreams={8000: origin.port}):
        yield Site(f"https://localhost:{port}", pair, company, trusted)


def through(site: Site, url: str) -> Report:
    """Diagnose the site through a proxy and past it."""
    options = ConnectionOptions(proxy=parse_proxy(url), tls=TlsOptions(ca=str(site.trusted)))
    return diagnose(site.url, quick=True, direct=site.url, options=options)


def matched(report: Report) -> CertificateMatch:
    assert report.certificate is not None
    return report.certificate.match


def test_an_intercepting_squid_that_drops_upgrade_is_named_and_cured(site):
    with squid(site, f"{PEEK}ssl_bump bump all") as url:
        report = through(site, url)
        assert flows(report) == {**dict.fromkeys(HTTP, "flowing"), Transport.WEBSOCKET: "failed"}, (
            report.headline
        )
        assert certain(report) == ["websocket-upgrade"]
        assert report.fault_location is not None
        assert report.fault_location.place is FaultPlace.PATH
        assert matched(report) is CertificateMatch.OTHER
        assert HOP in [hop.what for hop in report.hops]
        expected = f"is not the site's: its issuer is {COMPANY}; past the proxy it is {PUBLIC}"
        assert any(expected in note for note in report.notes), report.notes
    with squid(site, f"{PEEK}ssl_bump bump all\n{SQUID_FIX.change}") as url:
        report = through(site, url)
        assert (report.verdict, report.culprits) == (Verdict.FLOWING, ()), report.headline
        assert matched(report) is CertificateMatch.OTHER
        assert HOP in [hop.what for hop in report.hops]


def test_a_squid_that_only_looks_at_the_name_does_not_intercept(site):
    with squid(site, f"{PEEK}ssl_bump splice all") as url:
        report = through(site, url)
    assert (report.verdict, report.culprits) == (Verdict.FLOWING, ()), report.headline
    assert matched(report) is CertificateMatch.SAME
    assert HOP not in [hop.what for hop in report.hops]


def test_every_command_says_whose_certificate_arrives(site, capsys):
    own = certificate(der_of(site.pair))
    with squid(site, f"{PEEK}ssl_bump bump all") as url:
        for command in (
            ["diagnose", site.url, "--only", "chunked", "--quick"],
            ["watch", f"{site.url}/stream/events?count=20"],
            ["doctor", site.url],
        ):
            way = ["-x", url, "--cacert", str(site.trusted)]
            assert main([*command, *way, "--pin", own.public_key]) in (0, 1), command
            output = capsys.readouterr()
            text = " ".join((output.out + output.err).split())
            assert "the certificate that your network presents is not the site's" in text, command
            assert f"its issuer is {COMPANY}; --pin does not match" in text, command
            way = ["--cacert", str(site.trusted)]
            assert main([*command, *way, "--pin", own.sha256]) in (0, 1), command
            output = capsys.readouterr()
            text = " ".join((output.out + output.err).split())
            assert "the certificate is the site's own: it matches --pin" in text, command


def test_an_authority_that_is_not_trusted_is_named(site):
    with squid(site, f"{PEEK}ssl_bump bump all") as url:
        options = ConnectionOptions(proxy=parse_proxy(url), tls=TlsOptions(ca=str(site.pair.cert)))
        report = diagnose(site.url, only=[Transport.CHUNKED], quick=True, options=options)
    assert (report.verdict, report.culprits) == (Verdict.UNKNOWN, ())
    assert "its authority is not trusted here; pass --cacert FILE" in report.headline
    assert f"the issuer of the certificate is {COMPANY}" in report.notes


@pytest.mark.parametrize("buffering", ["on", "off"])
def test_a_server_in_place_of_the_site_is_a_culprit_only_where_it_holds(buffering, site, origin, tmp_path):
    """As with a DNS entry of the network: nothing but the certificate shows it."""
    pair, port = signed(site.company, tmp_path, "DNS:localhost"), servers.free_port()
    text = (
        f"server {{\nlisten 80;\nlisten 127.0.0.1:{port} ssl http2;\nssl_certificate {pair.cert};\n"
        f"ssl_certificate_key {pair.key};\nlocation / {{ proxy_pass http://127.0.0.1:8000; proxy_buffering {buffering}; }} }}"
    )
    own = certificate(der_of(site.pair))
    options = ConnectionOptions(
        connect_to=(ConnectTo("", parse(site.url).port, "127.0.0.1", port),),
        tls=TlsOptions(ca=str(site.trusted)),
        pins=(own.public_key,),
    )
    with servers.start_nginx(text, upstreams={8000: origin.port}):
        report = diagnose(site.url, only=[Transport.EVENTS], options=options)
    assert matched(report) is CertificateMatch.OTHER
    assert HOP in [hop.what for hop in report.hops]
    expected = (Verdict.HELD, ["nginx-proxy-buffering"]) if buffering == "on" else (Verdict.FLOWING, [])
    assert (report.verdict, certain(report)) == expected, report.headline
