"""compose.yaml: a file of its specification, whose two nginx do what it says they do."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from typing import Any

import pytest
import yaml

from flushcheck import diagnose
from flushcheck.model import Flow, Report
from flushcheck.streaming.limits import PREFIX, Limits
from tests.deploy.shipped import DEPLOY, text_of, with_http3
from tests.live import nginxconf
from tests.live.servers import Nginx, Service, start_nginx

FILE = DEPLOY / "docker" / "compose.yaml"
SERVICES: dict[str, Any] = yaml.safe_load(FILE.read_text())["services"]


def told(argv: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)


def by_schema(path: str) -> subprocess.CompletedProcess[str]:
    return told([sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", path])


def test_it_is_a_file_of_the_compose_specification(tmp_path):
    assert by_schema(str(FILE)).returncode == 0, by_schema(str(FILE)).stdout
    # And the schema is one that says no.
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(FILE.read_text().replace("read_only: true", "read_only: 12", 1))
    assert by_schema(str(wrong)).returncode == 1


def test_with_its_lines_for_tls_it_is_one_too_and_publishes_what_nginx_listens_on(tmp_path):
    file = tmp_path / "compose.yaml"
    file.write_text(with_http3(FILE.read_text()))
    assert by_schema(str(file)).returncode == 0, by_schema(str(file)).stdout
    services = yaml.safe_load(file.read_text())["services"]
    new = {
        name: [one for one in services[name][key] if one not in SERVICES[name][key]]
        for name, key in (("app", "ports"), ("nginx", "volumes"))
    }
    assert new == {"app": ["443:443", "443:443/udp"], "nginx": ["/etc/letsencrypt:/etc/letsencrypt:ro"]}
    nginx = with_http3(text_of("nginx/flushcheck.conf"))
    assert "listen 443 ssl" in nginx
    assert "listen 443 quic" in nginx
    assert "ssl_certificate /etc/letsencrypt/" in nginx


def test_only_the_guilty_one_waits_for_its_profile():
    assert {name: service.get("profiles") for name, service in SERVICES.items()} == {
        "app": None,
        "nginx": None,
        "guilty": ["guilty"],
    }


def test_what_it_builds_and_mounts_is_there():
    assert (FILE.parent / SERVICES["app"]["build"]["context"] / "Dockerfile").exists()
    for name, text in (
        ("nginx", text_of("nginx/flushcheck.conf")),
        ("guilty", text_of("docker/guilty.conf")),
    ):
        (mount,) = SERVICES[name]["volumes"]
        assert (FILE.parent / mount.split(":")[0]).read_text() == text


def test_the_published_ports_are_those_on_which_the_two_listen():
    ports = dict(port.rsplit(":", 2)[1:] for port in SERVICES["app"]["ports"])
    assert ports == {"8080": "80", "8081": "81"}
    # They share one network, so they can only stand side by side on two ports.
    assert all(SERVICES[name]["network_mode"] == "service:app" for name in ("nginx", "guilty"))
    for name, port in (("nginx/flushcheck.conf", "80"), ("docker/guilty.conf", "81")):
        (server,) = [one for one in nginxconf.directives(text_of(name)) if one.words[0] == "server"]
        assert server.body
        inside = nginxconf.directives(text_of(name), start=server.body[0], end=server.body[1])
        assert [one.words[1] for one in inside if one.words[0] == "listen"] == [port]


def test_its_settings_are_the_services():
    given = {name: value for name, value in SERVICES["app"]["environment"].items() if name.startswith(PREFIX)}
    assert {name.removeprefix(PREFIX).lower() for name in given} <= {field.name for field in fields(Limits)}
    # Both nginx add one address, the visitor's.
    assert Limits.from_environ(given).trusted_proxies == 1


def test_the_app_is_killed_only_after_its_streams_had_their_time():
    code = compile(text_of("gunicorn.conf.py"), "gunicorn.conf.py", "exec")
    settings: dict[str, Any] = {"__file__": str(DEPLOY / "gunicorn.conf.py")}
    exec(code, settings)
    assert int(SERVICES["app"]["stop_grace_period"].removesuffix("s")) > settings["graceful_timeout"]


def flows(report: Report) -> dict[str, Flow]:
    return {verdict.transport.value: verdict.flow for verdict in report.transports}


ALL_FLOW = dict.fromkeys(("polling", "chunked", "events", "websocket"), Flow.FLOWING)


def started(name: str, origin: Service) -> Any:
    # The harness moves port 80 to a free one.
    return start_nginx(text_of(name).replace("listen 81;", "listen 80;"), upstreams={8000: origin.port})


def test_the_good_one_lets_everything_through(origin):
    with started("nginx/flushcheck.conf", origin) as front:
        assert flows(diagnose(front.url, quick=True)) == ALL_FLOW


def test_the_guilty_one_is_named_and_the_printed_lines_free_it(origin):
    front: Nginx
    with started("docker/guilty.conf", origin) as front:
        report = diagnose(front.url, quick=True)
        seen = flows(report)
        culprits = {culprit_report.culprit.id: culprit_report.culprit for culprit_report in report.culprits}
        assert (seen["polling"], seen["chunked"], seen["websocket"]) == (Flow.FLOWING, Flow.HELD, Flow.FAILED)
        assert list(culprits) == ["nginx-proxy-buffering", "websocket-upgrade"]
        for culprit in culprits.values():
            front.apply_fix(culprit.fixes[0].change)
        assert flows(diagnose(front.url, quick=True)) == ALL_FLOW


@pytest.mark.parametrize("service", ["nginx", "guilty"])
def test_nginx_is_of_a_version_that_still_asks_over_http_1_0_by_itself(service):
    # nginx.org, CHANGES 1.29.7: proxy_http_version is 1.1 by default. The guilty one would look half innocent.
    name, _, tag = SERVICES[service]["image"].partition(":")
    assert name == "nginx"
    assert tuple(map(int, tag.split("-")[0].split("."))) < (1, 29)
