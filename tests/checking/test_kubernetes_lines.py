"""An Ingress and the nginx file that its controller makes of it have the same verdict.

`written` of tests/deploy is what ingress-nginx's template writes; tests/deploy/test_kubernetes.py runs such files on
the real nginx, over plain http and over TLS, and tests/lab/cases/nginx/tls-h1-buffer-4k.conf measured the buffer.
"""

import shutil
import subprocess
from types import SimpleNamespace
from typing import Any

import pytest

from flushcheck.configs.findings import Level, Server
from flushcheck.files import check_text
from tests.checking.test_programs import SBIN
from tests.configs.test_kubernetes import N, config_map, ingress
from tests.deploy.test_kubernetes import written

POD: Any = SimpleNamespace(port=8000)
TLS = "listen 443 ssl http2;\nssl_buffer_size 4k;"

CASES: list[tuple[dict[str, str], dict[str, str]]] = [
    # annotations                                                   ConfigMap
    ({},                                                            {}),
    ({"proxy-buffering": "off"},                                    {"proxy-buffering": "on"}),
    ({"proxy-buffering": "on"},                                     {}),
    ({"proxy-buffering": "on", "proxy-http-version": "1.0"},        {}),
    ({"proxy-buffering": "on"},                                     {"use-gzip": "true"}),
    ({},                                                            {"proxy-buffering": "on"}),
    ({},                                                            {"proxy-buffering": "on", "use-gzip": "true"}),
    ({},                                                            {"use-gzip": "true"}),
    ({"proxy-http-version": "1.0"},                                 {}),
    ({"proxy-http-version": "1.1"},                                 {"proxy-http-version": "1.0"}),
    ({"proxy-read-timeout": "10"},                                  {}),
    ({"proxy-read-timeout": "3600"},                                {"proxy-read-timeout": "5"}),
    ({},                                                            {"proxy-read-timeout": "5"}),
]  # fmt: skip


def verdict(text: str, server: Server, name: str) -> tuple[set[tuple[str, Level, tuple[str, ...]]], bool]:
    """What is found, for whom, and whether it passes."""
    checked = check_text(text, server=server, name=name)
    # The controller writes lines that a person would write in hope: no findings.
    found = [each for each in checked.findings if each.culprit.id != "line-without-effect"]
    return {(each.culprit.id, each.level, each.readers) for each in found}, bool(checked.passed)


@pytest.mark.parametrize(("annotations", "settings"), CASES)
def test_the_verdict_is_that_of_the_nginx_file(annotations, settings):
    own = [f'{N}{key}: "{value}"' for key, value in annotations.items()]
    shared = [f'{key}: "{value}"' for key, value in settings.items()]
    objects = (config_map(*shared) + "---\n" if shared else "") + ingress(*own)
    full = {f"{N}{key}": value for key, value in annotations.items()}
    generated = written(full, settings, POD, listen=TLS)
    # Its gzip_types stand in the file, and the template's switch does not.
    if settings.get("use-gzip") == "true":
        generated = generated.replace("gzip_types", "gzip on;\ngzip_types", 1)
    assert verdict(objects, Server.KUBERNETES, "a.yaml") == verdict(generated, Server.NGINX, "nginx.conf")


REFUSED = ["proxy_buffering off", "proxy_read_timeout 1h", "proxy_http_version 1.1"]


@pytest.mark.parametrize("line", REFUSED)
def test_nginx_refuses_a_directive_that_the_controller_has_written(line, tmp_path):
    program = shutil.which("nginx", path=SBIN)
    if program is None:
        pytest.skip("nginx is not installed")
    text = (
        written({}, {}, POD)
        .replace("proxy_pass http", f"{line};\n        proxy_pass http")
        .replace("80;", "8099;")
    )
    file = tmp_path / "nginx.conf"
    file.write_text(f"pid {tmp_path}/nginx.pid;\nevents {{}}\nhttp {{\n{text}\n}}\n")
    command = [program, "-t", "-q", "-e", "stderr", "-p", f"{tmp_path}/", "-c", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert f'"{line.split()[0]}" directive is duplicate' in done.stderr
    snippet = ingress(f"{N}configuration-snippet: |", f"  {line};")
    (unknown,) = check_text(snippet, name="a.yaml").unknown
    assert "nginx refuses the second one" in unknown.reason
