"""monitoring/: rules by promtool's unit tests, queries and alerts by a real Prometheus that scrapes a real exporter."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import requests
import yaml

from flushcheck.cli import parser
from flushcheck.cli.exporter import DEFAULT_LISTEN
from flushcheck.cli.exporter_targets import load
from flushcheck.culprits import CULPRITS
from tests.deploy.conftest import need
from tests.deploy.shipped import DEPLOY, text_of
from tests.deploy.test_kubernetes import VERSIONS
from tests.live import nginxconf
from tests.live.servers import Service, free_port, start_nginx
from tests.live.servers.process import kept, new_folder, spawn, wait_until

FOLDER = DEPLOY / "monitoring"
DASHBOARD: dict[str, Any] = json.loads(text_of("monitoring/dashboard.json"))
PANELS: list[dict[str, Any]] = DASHBOARD["panels"]
OBJECTS: dict[str, Any] = {
    each["kind"]: each for each in yaml.safe_load_all(text_of("monitoring/kubernetes.yaml"))
}
MONITOR: dict[str, Any] = yaml.safe_load(text_of("monitoring/servicemonitor.yaml"))

# The targets of this path over plain HTTP have none of it.
NO_RESULT_HERE = "flushcheck_tls_info"


def promtool(*arguments: str) -> None:
    need("promtool")
    done = subprocess.run(
        ["promtool", *arguments], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_accepts_the_scrape_configuration_and_the_rules():
    promtool("check", "config", "prometheus.yml")
    promtool("check", "rules", "--lint-fatal", "alerts.yml")


def test_each_alert_is_raised_and_not_raised_by_the_series_that_should():
    promtool("test", "rules", "alerts.test.yml")
    alerts = {
        rule["alert"] for rule in yaml.safe_load(text_of("monitoring/alerts.yml"))["groups"][0]["rules"]
    }
    tested = [
        row
        for test in yaml.safe_load(text_of("monitoring/alerts.test.yml"))["tests"]
        for row in test["alert_rule_test"]
    ]
    assert {row["alertname"] for row in tested if row["exp_alerts"]} == alerts


def test_the_targets_are_read_and_have_the_names_of_the_scrape_configuration():
    names = {target.name for target in load(str(FOLDER / "targets.yaml"), 300.0)}
    jobs = yaml.safe_load(text_of("monitoring/prometheus.yml"))["scrape_configs"]
    (probe,) = [job for job in jobs if job.get("metrics_path") == "/probe"]
    assert set(probe["static_configs"][0]["targets"]) <= names
    assert DEFAULT_LISTEN in str(jobs)


def test_the_dashboard_is_whole():
    assert {"uid", "title", "schemaVersion", "panels", "templating", "time"} <= DASHBOARD.keys()
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    assert set(re.findall(r"\$\{?(\w+)", json.dumps(DASHBOARD))) <= {*variables, "__rate_interval"}
    cells: set[tuple[int, int]] = set()
    for panel in PANELS:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        mine = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not mine & cells, f"{panel['title']} lies over another panel"
        cells |= mine
        assert panel["targets"]
        assert panel["description"]
        letters = [query["refId"] for query in panel["targets"]]
        assert len(set(letters)) == len(letters)


# Kubernetes.


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("kind", OBJECTS)
def test_the_api_takes_it(kind, version):
    kubernetes_validate.validate(OBJECTS[kind], version, strict=True)


def test_the_objects_find_each_other():
    template = OBJECTS["Deployment"]["spec"]["template"]
    labels = template["metadata"]["labels"]
    assert OBJECTS["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert OBJECTS["Service"]["spec"]["selector"] == labels
    assert MONITOR["spec"]["selector"]["matchLabels"] == OBJECTS["Service"]["metadata"]["labels"]
    (container,) = template["spec"]["containers"]
    (port,) = OBJECTS["Service"]["spec"]["ports"]
    assert MONITOR["spec"]["endpoints"][0]["port"] == port["name"]
    assert port["targetPort"] == container["ports"][0]["name"]
    assert OBJECTS["Service"]["metadata"]["annotations"]["prometheus.io/port"] == str(port["port"])
    (volume,) = template["spec"]["volumes"]
    assert volume["configMap"]["name"] == OBJECTS["ConfigMap"]["metadata"]["name"]
    assert container["volumeMounts"][0]["name"] == volume["name"]


def test_its_command_and_its_targets_are_the_exporters(tmp_path):
    (container,) = OBJECTS["Deployment"]["spec"]["template"]["spec"]["containers"]
    program, *arguments = container["command"]
    assert program == "flushcheck"
    given = parser(["exporter"]).parse_args(arguments)
    assert given.listen == ("", container["ports"][0]["containerPort"])
    folder, _, name = given.targets.rpartition("/")
    assert container["volumeMounts"][0]["mountPath"] == folder
    (tmp_path / name).write_text(OBJECTS["ConfigMap"]["data"][name])
    assert load(str(tmp_path / name), 300.0)
    image = next(
        each["spec"]["template"]["spec"]["containers"][0]["image"]
        for each in yaml.safe_load_all(text_of("kubernetes/flushcheck.yaml"))
        if each["kind"] == "Deployment"
    )
    assert container["image"] == image


# A real exporter and a real Prometheus.

HELD = nginxconf.site("proxy_pass http://127.0.0.1:8000;")


@contextmanager
def start(name: str, argv: list[str], port: int, folder: Path, ready: str) -> Iterator[Service]:
    log = folder / f"{name}.log"
    service = Service(name, port, spawn(argv, log=log, cwd=folder), log)
    with kept(service):
        wait_until(service, lambda: answers(service.url + ready), "respond")
        yield service


def answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=60).status_code == 200
    except requests.ConnectionError:
        return False


@pytest.fixture(scope="module")
def prometheus(origin: Service) -> Iterator[Service]:
    """A Prometheus with the shipped files, but for shorter times. It scrapes an exporter in both ways."""
    need("prometheus", "nginx")
    folder = new_folder("prometheus")
    with ExitStack() as stack:
        held = stack.enter_context(start_nginx(HELD, upstreams={8000: origin.port}))
        options = "options: [--quick, --only, chunked]"
        (folder / "targets.yaml").write_text(
            f"- {{name: held, url: '{held.url}', {options}}}\n- {{name: clean, url: '{origin.url}', {options}}}\n"
        )
        port = free_port()
        argv = [sys.executable, "-m", "flushcheck", "exporter", "--targets", "targets.yaml"]
        stack.enter_context(
            start("exporter", [*argv, "--listen", f"127.0.0.1:{port}"], port, folder, "/-/healthy")
        )
        rules = re.sub(r"\bfor: \w+", "for: 0s", text_of("monitoring/alerts.yml"))
        (folder / "alerts.yml").write_text(rules)
        config = yaml.safe_load(
            text_of("monitoring/prometheus.yml").replace(DEFAULT_LISTEN, f"127.0.0.1:{port}")
        )
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        plain, probe = config["scrape_configs"]
        probe |= {"scrape_interval": "3s", "scrape_timeout": "3s"}
        probe["static_configs"][0]["targets"] = ["held"]
        assert plain["job_name"] == "flushcheck"
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
        own = free_port()
        argv = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data", "--log.level=warn"]
        yield stack.enter_context(
            start("prometheus", [*argv, f"--web.listen-address=127.0.0.1:{own}"], own, folder, "/-/ready")
        )


def query(prometheus: Service, expression: str) -> list[dict[str, Any]]:
    response = requests.get(f"{prometheus.url}/api/v1/query", params={"query": expression}, timeout=60).json()
    assert response["status"] == "success", response
    result: list[dict[str, Any]] = response["data"]["result"]
    return result


def eventually(prometheus: Service, ask: Callable[[], Any], what: str) -> Any:
    ends_s = time.monotonic() + 120
    while not (found := ask()):
        assert time.monotonic() < ends_s, f"{what}\n{prometheus.tail()}"
        time.sleep(0.1)
    return found


@pytest.mark.parametrize("job", ["flushcheck", "flushcheck-probe"])
def test_an_alert_is_raised_for_a_held_path_with_its_culprit(job, prometheus):
    def firing() -> list[dict[str, Any]]:
        alerts = requests.get(f"{prometheus.url}/api/v1/alerts", timeout=60).json()["data"]["alerts"]
        return [
            alert
            for alert in alerts
            if alert["state"] == "firing"
            and (alert["labels"]["alertname"], alert["labels"].get("job")) == ("FlushcheckHeld", job)
        ]

    (alert,) = eventually(prometheus, firing, "no alert")
    assert alert["labels"]["target"] == "held"
    assert "nginx-proxy-buffering" in alert["annotations"]["description"]


def test_no_alert_is_raised_for_a_path_that_flows(prometheus):
    (sample,) = eventually(
        prometheus, lambda: query(prometheus, 'probe_success{target="clean"}'), "no result of the clean path"
    )
    assert sample["value"][1] == "1"
    assert query(prometheus, 'ALERTS{target="clean"}') == []


@pytest.mark.parametrize(
    ("title", "expression"),
    [(panel["title"], each["expr"]) for panel in PANELS for each in panel["targets"]],
)
def test_each_query_of_the_dashboard_has_a_result(title, expression, prometheus):
    plain = expression.replace("$target", ".+").replace("$__rate_interval", "1m")
    assert "$" not in plain
    if expression.startswith(NO_RESULT_HERE):
        assert query(prometheus, plain) == []
    else:
        assert eventually(prometheus, lambda: query(prometheus, plain), f"no result of {plain}")


def test_every_label_has_a_bounded_number_of_values(prometheus):
    labels = requests.get(f"{prometheus.url}/api/v1/labels", timeout=60).json()["data"]
    assert set(labels) <= {
        *(
            "__name__",
            "job",
            "instance",
            "target",
            "transport",
            "verdict",
            "flow",
            "stat",
            "culprit",
            "confidence",
        ),
        *("client", "version", "python", "ending", "code", "alertname", "alertstate", "severity"),
    }
    culprits = query(prometheus, "count by (culprit) (flushcheck_culprit)")
    assert {each["metric"]["culprit"] for each in culprits} <= set(CULPRITS)
