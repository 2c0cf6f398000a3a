"""flushcheck.yaml: objects of the Kubernetes API, what its Ingress stands for, and replicas that take turns."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import fields
from typing import Any

import kubernetes_validate
import pytest
import requests
import yaml

from flushcheck import ConnectionOptions, diagnose
from flushcheck.model import Client, Flow, Verdict
from flushcheck.prober.target import TlsOptions
from flushcheck.service.metrics import exposition
from flushcheck.service.metrics_store import MetricsStore
from flushcheck.streaming.limits import PREFIX, Limits
from tests.deploy.shipped import DEPLOY, text_of, with_tls
from tests.lab.tls import HOST, authority
from tests.live import nginxconf, servers
from tests.live.servers import ROOT, Nginx, Service, start_nginx, start_origin

OBJECTS: dict[str, Any] = {
    one["kind"]: one for one in yaml.safe_load_all(text_of("kubernetes/flushcheck.yaml"))
}
POD = OBJECTS["Deployment"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]
ANNOTATIONS: dict[str, str] = OBJECTS["Ingress"]["metadata"]["annotations"]

# The oldest has all that is used here; the newest is whatever the package brings.
VERSIONS = ("1.27", kubernetes_validate.latest_version())


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", OBJECTS)
def test_the_api_takes_it(kind, version):
    kubernetes_validate.validate(OBJECTS[kind], version, strict=True)


def test_the_schemas_say_no_to_what_is_wrong():
    wrong = {**OBJECTS["Service"], "spec": {**OBJECTS["Service"]["spec"], "selektor": {}}}
    with pytest.raises(kubernetes_validate.ValidationError, match="selektor"):
        kubernetes_validate.validate(wrong, VERSIONS[0], strict=True)


def test_the_objects_find_each_other():
    labels = OBJECTS["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert OBJECTS["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert OBJECTS["Service"]["spec"]["selector"] == labels
    assert OBJECTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    target = OBJECTS["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", OBJECTS["Deployment"]["metadata"]["name"])
    (rule,) = OBJECTS["Ingress"]["spec"]["rules"]
    asked = rule["http"]["paths"][0]["backend"]["service"]
    (port,) = OBJECTS["Service"]["spec"]["ports"]
    assert (asked["name"], asked["port"]["name"]) == (OBJECTS["Service"]["metadata"]["name"], port["name"])
    assert port["targetPort"] in [one["name"] for one in CONTAINER["ports"]]


def test_it_fits_the_image():
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    (user,) = [line.split()[1] for line in lines if line.startswith("USER")]
    assert user == "{runAsUser}:{runAsGroup}".format_map(POD["securityContext"])
    port = next(one["value"] for one in CONTAINER["env"] if one["name"] == "PORT")
    assert port == str(CONTAINER["ports"][0]["containerPort"])
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert CONTAINER["image"].endswith(f":{version}")


def test_it_scales_by_a_metric_that_each_pod_exports():
    metrics = OBJECTS["HorizontalPodAutoscaler"]["spec"]["metrics"]
    (name,) = [metric["pods"]["metric"]["name"] for metric in metrics if metric["type"] == "Pods"]
    text = exposition(MetricsStore().totals()).decode()
    assert f"# TYPE {name} gauge\n" in text
    annotations = OBJECTS["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/port"] == str(CONTAINER["ports"][0]["containerPort"])


def test_its_settings_are_the_services():
    given = {one["name"]: one["value"] for one in CONTAINER["env"] if one["name"].startswith(PREFIX)}
    assert {name.removeprefix(PREFIX).lower() for name in given} <= {field.name for field in fields(Limits)}
    assert Limits.from_environ(given).trusted_proxies == 1


def test_an_ending_pod_is_killed_only_after_its_streams_had_their_time():
    settings: dict[str, Any] = {"__file__": str(DEPLOY / "gunicorn.conf.py")}
    exec(compile(text_of("gunicorn.conf.py"), "gunicorn.conf.py", "exec"), settings)
    (_, pause) = CONTAINER["lifecycle"]["preStop"]["exec"]["command"]
    assert int(pause) + settings["graceful_timeout"] < POD["terminationGracePeriodSeconds"]


def test_the_probes_are_answered(origin):
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        path = CONTAINER[name]["httpGet"]["path"]
        assert requests.get(origin.url + path, timeout=60).status_code == 200, path


# What ingress-nginx writes for a location, as far as it touches a stream: an annotation, or else the ConfigMap, or else
# the default, and what it writes in any case. Source: rootfs/etc/nginx/template/nginx.tmpl and
# internal/ingress/controller/config/config.go of kubernetes/ingress-nginx, controller v1.15.0. Lua, which picks the Pod
# there, is an upstream that takes turns here.
DEFAULTS = {
    "proxy-buffering": "off",
    "proxy-http-version": "1.1",
    "proxy-read-timeout": "60",
    "proxy-send-timeout": "60",
    "use-gzip": "false",
}
GZIPPED = "application/javascript application/json application/xml text/css text/javascript text/plain text/x-component"


def written(
    annotations: Mapping[str, str], config_map: Mapping[str, str], *pods: Service, listen: str = ""
) -> str:
    """The nginx configuration for an Ingress with these annotations, in a cluster with this ConfigMap.

    Args:
        annotations: of the Ingress.
        config_map: settings for all of the cluster.
        pods: what stands behind it.
        listen: more lines of the server block, for TLS.
    """
    own = {name.removeprefix("nginx.ingress.kubernetes.io/"): value for name, value in annotations.items()}
    value = {**DEFAULTS, **config_map, **own}
    servers = "".join(f"server 127.0.0.1:{pod.port};\n" for pod in pods)
    gzip = (
        f"gzip_types {GZIPPED};\ngzip_proxied any;\ngzip_min_length 256;\n"
        if value["use-gzip"] == "true"
        else ""
    )
    return f"""\
map $http_upgrade $connection_upgrade {{ default upgrade; '' ''; }}
upstream upstream_balancer {{
{servers}keepalive 320;
}}
{gzip}server {{
    listen 80;
{listen}
    location / {{
        proxy_set_header Host $http_host;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection $connection_upgrade;
        proxy_send_timeout {value["proxy-send-timeout"]}s;
        proxy_read_timeout {value["proxy-read-timeout"]}s;
        proxy_buffering {value["proxy-buffering"]};
        proxy_buffer_size 4k;
        proxy_buffers 4 4k;
        proxy_request_buffering on;
        proxy_http_version {value["proxy-http-version"]};
        add_header X-Pod $upstream_addr always;
        proxy_pass http://upstream_balancer;
        proxy_redirect off;
    }}
}}
"""


def without(*names: str) -> dict[str, str]:
    """The Ingress's annotations but for these."""
    return {key: value for key, value in ANNOTATIONS.items() if key.rpartition("/")[2] not in names}


# Cluster-wide settings of an administrator, and the culprit that each of them is. (Buffering alone holds nothing where
# the Pods are asked over HTTP/1.1.)
CLUSTERS = [
    # name                  ConfigMap                                         without these annotations                 culprit
    ("buffering and gzip",  {"proxy-buffering": "on", "use-gzip": "true"},    ("proxy-buffering",),                     "nginx-gzip"),
    ("HTTP/1.0",            {"proxy-http-version": "1.0"},                    ("proxy-http-version",),                  "websocket-upgrade"),
    ("both",                {"proxy-buffering": "on", "proxy-http-version": "1.0"}, ("proxy-buffering", "proxy-http-version"), "nginx-proxy-buffering"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "config_map", "missing", "culprit"), CLUSTERS)
def test_the_annotations_free_a_stream_whatever_the_cluster_has_set(
    name, config_map, missing, culprit, origin
):
    with start_nginx(written(without(*missing), config_map, origin)) as front:
        report = diagnose(front.url, quick=True)
        assert culprit in [one.culprit.id for one in report.culprits]
        text = written(ANNOTATIONS, config_map, origin)
        front.rewrite(nginxconf.placed(text, port=front.port))
        freed = diagnose(front.url, quick=True)
        assert {verdict.flow for verdict in freed.transports} == {Flow.FLOWING}


# TLS: what the controller writes for it, with its default of 4k for ssl-buffer-size and with HTTP/2.

WITH_TLS: dict[str, Any] = {
    one["kind"]: one for one in yaml.safe_load_all(with_tls(text_of("kubernetes/flushcheck.yaml")))
}


@pytest.mark.parametrize("version", VERSIONS)
def test_with_its_lines_for_tls_the_api_takes_it(version):
    ingress = WITH_TLS["Ingress"]
    kubernetes_validate.validate(ingress, version, strict=True)
    (tls,) = ingress["spec"]["tls"]
    assert tls["hosts"] == [rule["host"] for rule in ingress["spec"]["rules"]]
    # cert-manager writes the Secret of each `tls` entry of an Ingress with this annotation.
    assert "cert-manager.io/cluster-issuer" in ingress["metadata"]["annotations"]


def test_over_tls_the_annotations_free_http1_clients_too(origin):
    files, port = authority(), servers.free_port()
    listen = (
        f"listen 127.0.0.1:{port} ssl http2;\nssl_certificate {files.cert};\nssl_certificate_key {files.key};\n"
        "ssl_buffer_size 4k;"
    )
    options = ConnectionOptions(tls=TlsOptions(ca=str(files.ca)))
    buffering = {"proxy-buffering": "on"}

    def verdicts() -> tuple[dict[Client, Verdict], list[str]]:
        report = diagnose(f"https://{HOST}:{port}", quick=True, options=options)
        assert [transport.clients[0].http_version for transport in report.transports] == [
            "2",
            "2",
            "2",
            "1.1",
        ]
        return dict(report.clients), [culprit.id for culprit in report.culprits]

    with start_nginx(written(without("proxy-buffering"), buffering, origin, listen=listen)) as front:
        held = {Client.BROWSER: Verdict.FLOWING, Client.HTTP1: Verdict.HELD}
        assert verdicts() == (held, ["nginx-proxy-buffering"])
        front.rewrite(
            nginxconf.placed(
                written(WITH_TLS["Ingress"]["metadata"]["annotations"], buffering, origin, listen=listen),
                port=front.port,
            )
        )
        assert verdicts() == (dict.fromkeys(held, Verdict.FLOWING), [])


def test_a_quiet_stream_outlives_the_default_of_a_minute():
    timeout = ANNOTATIONS["nginx.ingress.kubernetes.io/proxy-read-timeout"]
    # The longest silence that the service can be asked for is 300 s (FLUSHCHECK_MAX_INTERVAL_S).
    assert int(timeout) > 300


# Any replica serves any request.


@pytest.fixture(scope="module")
def replicas() -> Iterator[tuple[Nginx, Service, Service]]:
    with ExitStack() as stack:
        one, other = (stack.enter_context(start_origin()) for _ in range(2))
        yield stack.enter_context(start_nginx(written(ANNOTATIONS, {}, one, other))), one, other


TEXT = "count=30&unit=word"


def the_text(origin: Service) -> list[str]:
    """The pieces as one replica by itself sends them."""
    return [
        piece
        for _, piece in events(
            requests.get(f"{origin.url}/stream/events?{TEXT}&interval=0.01", timeout=30).text
        )
    ]


def events(text: str) -> list[tuple[int, str]]:
    """(number, piece) of each whole event that is a piece."""
    found = re.findall(r"^id: (\d+)\n((?:data: .*\n)+)\n", text, re.MULTILINE)
    return [(int(seq), "\n".join(re.findall(r"^data: (.*)$", data, re.MULTILINE))) for seq, data in found]


def test_every_poll_may_land_elsewhere(replicas):
    front, one, _ = replicas
    responses = [requests.get(f"{front.url}/stream/polling?{TEXT}&cnt={n}", timeout=60) for n in range(31)]
    # The 31st has no piece: past the end.
    assert [response.json()["message"] for response in responses[:-1]] == the_text(one)
    assert responses[-1].status_code == 400
    assert len({response.headers["X-Pod"] for response in responses}) == 2


def test_an_event_stream_goes_on_at_another_replica(replicas):
    front, one, _ = replicas
    url = f"{front.url}/stream/events?{TEXT}&interval=0.02"
    seen: list[tuple[int, str]] = []
    pods = set()
    for _turn in range(10):
        headers = {"Last-Event-ID": str(seen[-1][0])} if seen else {}
        with requests.get(url, headers=headers, stream=True, timeout=30) as response:
            if response.status_code == 204:  # nothing is left
                break
            pods.add(response.headers["X-Pod"])
            got = ""
            # A client that disconnects after a few pieces, before the stream ends.
            for chunk in response.iter_content(None, decode_unicode=True):
                got += chunk
                if len(events(got)) >= 7:
                    break
            seen += events(got)
    assert [number for number, _ in seen] == list(range(30))
    assert [piece for _, piece in seen] == the_text(one)
    assert len(pods) == 2


def test_an_ending_replica_hands_its_readers_to_the_other_one():
    with (
        start_origin() as one,
        start_origin() as other,
        start_nginx(written(ANNOTATIONS, {}, one, other)) as front,
    ):
        url = f"{front.url}/stream/events?{TEXT}&interval=0.2"
        whole = the_text(one)
        with requests.get(url, stream=True, timeout=30) as response:
            begun_at = response.headers["X-Pod"]
            ending, staying = (one, other) if begun_at.endswith(f":{one.port}") else (other, one)
            got = ""
            for chunk in response.iter_content(None, decode_unicode=True):
                # As the kubelet does; what comes from now on is the stream's own end.
                if not got:
                    ending.process.terminate()
                got += chunk
        seen = events(got)
        assert 0 < len(seen) < 30
        ending.process.wait(12)
        # The same text; only the rest of it is not waited for.
        rest = url.replace("interval=0.2", "interval=0.01")
        with requests.get(rest, headers={"Last-Event-ID": str(seen[-1][0])}, timeout=30) as response:
            assert response.headers["X-Pod"].endswith(f":{staying.port}")
            seen += events(response.text)
        assert seen == list(enumerate(whole))
