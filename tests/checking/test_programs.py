"""The server programs accept every fixture, as it is and after the patch."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from flushcheck.configs.findings import Server
from flushcheck.files import check_text
from flushcheck.reports.diff import diff
from tests.checking.marks import CONFIGS, fixtures, server_of

pytestmark = pytest.mark.live

SBIN = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
NGINX_MODULES = {
    "js_import": "/usr/lib/nginx/modules/ngx_http_js_module.so",
    "subs_filter": "/usr/lib/nginx/modules/ngx_http_subs_filter_module.so",
    "xslt_stylesheet": "/usr/lib/nginx/modules/ngx_http_xslt_filter_module.so",
    "brotli": "/usr/lib/nginx/modules/ngx_http_brotli_filter_module.so",
    "passenger": "/usr/lib/nginx/modules/ngx_http_passenger_module.so",
    "stream {": "/usr/lib/nginx/modules/ngx_stream_module.so",
}
APACHE_MODULES = (
    *(
        "mpm_event",
        "authz_core",
        "proxy",
        "proxy_http",
        "proxy_wstunnel",
        "proxy_fcgi",
        "proxy_ajp",
        "proxy_balancer",
        "http2",
    ),
    *(
        "slotmem_shm",
        "lbmethod_byrequests",
        "rewrite",
        "alias",
        "mime",
        "env",
        "fcgid",
        "security2",
        "unique_id",
    ),
    *("filter", "deflate", "buffer", "ext_filter", "xml2enc", "proxy_html", "substitute"),
    *("cache", "cache_disk", "wsgi", "passenger", "setenvif", "macro"),
)


def nginx(file: Path) -> Sequence[str]:
    text = file.read_text()
    for params in Path("/etc/nginx").glob("*_params"):
        shutil.copy(params, file.parent)
    (file.parent / "filters.js").write_text(
        "export default { mask: (r, data, flags) => r.sendBuffer(data, flags) }"
    )
    (file.parent / "feed.xslt").write_text(
        '<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"/>'
    )
    needs = [path for word, path in NGINX_MODULES.items() if word in text]
    for path in needs:
        if not Path(path).exists():
            pytest.skip(f"{path} is not installed")
    loads = "".join(f"load_module {path};\n" for path in needs)
    inner = (
        text
        if "events {" in text
        else f"events {{}}\nhttp {{\n{text}\n}}\n"
        if "http {" not in text
        else f"events {{}}\n{text}"
    )
    file.write_text(
        f"{loads}pid {file.parent}/nginx.pid;\n{inner}".replace("/var/cache/nginx", f"{file.parent}/cache")
    )
    return ["nginx", "-t", "-q", "-e", "stderr", "-p", f"{file.parent}/", "-c", str(file)]


def apache(file: Path) -> Sequence[str]:
    text = file.read_text()
    folder = Path("/usr/lib/apache2/modules")
    text = re.sub(r"^LoadModule .*$", "", text, flags=re.MULTILINE)
    lines = []
    for name in APACHE_MODULES:
        if (folder / f"mod_{name}.so").exists():
            lines.append(f"LoadModule {name}_module {folder}/mod_{name}.so")
        elif re.search(
            {"wsgi": "WSGI", "passenger": "Passenger", "security2": "Sec", "fcgid": "(?i)fcgid"}.get(
                name, "^$"
            ),
            text,
        ):
            pytest.skip(f"mod_{name} is not installed")
    (file.parent / "root").mkdir(exist_ok=True)
    head = f'ServerRoot "{file.parent}"\nServerName x\nPidFile p\nErrorLog stderr.log\nTypesConfig /etc/mime.types\nListen 127.0.0.1:1\n'
    file.write_text("\n".join([*lines, head, text.replace("/srv/www", str(file.parent))]))
    return ["apache2", "-t", "-f", str(file)]


def haproxy(file: Path) -> Sequence[str]:
    return ["haproxy", "-c", "-q", "-f", str(file)]


def lighttpd(file: Path) -> Sequence[str]:
    file.write_text(
        f'server.document-root = "/"\n{file.read_text().replace("server.modules +=", "server.modules =")}'
    )
    return ["lighttpd", "-tt", "-f", str(file)]


def caddy(file: Path) -> Sequence[str]:
    return ["caddy", "validate", "--adapter", "caddyfile", "--config", str(file)]


def varnish(file: Path) -> Sequence[str]:
    return ["varnishd", "-j", "none", "-C", "-n", str(file.parent / "work"), "-f", str(file)]


ASK: dict[Server, Callable[[Path], Sequence[str]]] = {
    Server.NGINX: nginx,
    Server.APACHE: apache,
    Server.HAPROXY: haproxy,
    Server.LIGHTTPD: lighttpd,
    Server.CADDY: caddy,
    Server.VARNISH: varnish,
}
# A part of stream { }; .htaccess is read with requests, not with -t; response_buffers is of Caddy 2.7, Debian 12 has 2.6.
NOT_ASKED = {
    "nginx/stream-alone.innocent.conf",
    "apache/php-output-buffering.htaccess",
    "apache/php-output-buffering.innocent.htaccess",
    "caddy/caddy-buffer-responses.caddyfile",
}

FILES = [path for path in fixtures(*ASK) if path.relative_to(CONFIGS).as_posix() not in NOT_ASKED]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CONFIGS).as_posix())
@pytest.mark.parametrize("fixed", [False, True], ids=["", "fixed"])
def test_the_server_program_accepts_a_fixture(path: Path, fixed: bool, tmp_path: Path) -> None:
    server = server_of(path)
    text = path.read_text()
    if fixed:
        patch = diff(check_text(text, server=server, name=path.name).findings, {path.name: text}, strict=True)
        if not patch:
            pytest.skip("nothing to fix")
        (tmp_path / path.name).write_text(text)
        subprocess.run(
            ["git", "apply", "-p1", "-"], cwd=tmp_path, input=patch.encode(), check=True, timeout=30
        )
        text = (tmp_path / path.name).read_text()
    file = tmp_path / path.name
    file.write_text(text)
    command = ASK[server](file)
    program = shutil.which(command[0], path=SBIN)
    if program is None:
        pytest.skip(f"{command[0]} is not installed")
    done = subprocess.run([program, *command[1:]], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:] + file.read_text()
