"""Check a megabyte of one pattern: prints seconds of CPU and megabytes of memory. Run as a program of its own.

    python -m tests.checking.shapes nginx 1000000 [pairs]

With `pairs`, each of the program's own shapes fills one half and each other one the rest.

Each shape is a few characters repeated. They slow down a parser that recurses, backtracks, or compares every
line with every line.
"""

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from flushcheck.configs.findings import Server
from flushcheck.files import check_text
from flushcheck.reports.diff import diff
from flushcheck.reports.findings import findings_document, findings_text
from flushcheck.reports.sarif import sarif

ANY_SERVER = {
    "semicolons": ";", "statements": "a;", "one statement": "a ", "open": "{", "named": "a {\n", "close": "}",
    "empty blocks": "a {}\n", "quote": '"', "quotes": '" ', "single": "'", "backtick": "`", "backslash": "\\",
    "continued": "a\\\n", "comment": "# x\n", "empty lines": "\n", "CR": "\r", "spaces": " ", "parens": "(",
    "dollar": "${", "slashes": "/* ", "long string": '{"', "inline": "C{ ", "brackets": "[[[[", "keys": "a=1\n", "colon": "a: ",
    "marks": "# flushcheck: allow nginx-gzip x\n", "marks behind": "a; # flushcheck: allow nginx-gzip,",
    "words": 'a "b c" \'d\' e\\ f\n', "commas": "a, ", "equals": "a += b + ",
}  # fmt: skip

OWN = {
    Server.NGINX: {
        "locations": "location / { proxy_pass http://x; }\n",
        "servers": "server { listen 80; location / { proxy_pass http://127.0.0.1:80; } }\n",
        "nested": "location / { proxy_pass http://x; ",
        "ifs": "location / { if ($a) { proxy_pass http://x; gzip on; } }\n",
        "headers": "proxy_set_header A b;\n",
        "ignored": "proxy_ignore_headers a b c d e f g;\n",
        "ignored list": "proxy_ignore_headers " + "a " * 400 + ";\n",
        "types": "gzip on; gzip_types " + "a/b " * 400 + "; proxy_http_version 1.1;\n",
        "asides": "auth_request /a; location = /a { proxy_pass http://x; }\n",
        "time": "proxy_read_timeout 111111111111111111111111111111x;\n",
        "upstreams": "upstream a { server 127.0.0.1:80; }\n",
        "upgrades": "location / { proxy_set_header Upgrade a; proxy_pass http://x; }\n",
        "includes": "include x;\n",
        "lua": "content_by_lua_block {",
    },
    Server.APACHE: {
        "angles": "<a>\n", "unclosed": "<Location /x>\n", "closing": "</x>\n",
        "locations": "<Location /x>\nProxyPass http://a/\n</Location>\n",
        "fcgi": "ProxyPass /a fcgi://x/\n",
        "http": "ProxyPass /a/a/a/a/a/a/a http://x/ upgrade=websocket\n",
        "hosts": "<VirtualHost *>\nProxyPass / fcgi://x/\n</VirtualHost>\n",
        "macros": "<Macro a $a>\nUse a $a$a\nUse a $a\n</Macro>\nUse a b\n",
        "workers": "<Proxy fcgi://x>\nProxySet flushpackets=on\n</Proxy>\n",
        "fcgid": "SetEnv a b\nAddHandler fcgid-script .a\n",
        "includes": "Include x\n",
        "caches": "ProxyPass /a http://x/\nCacheEnable disk /\n",
        "conditions": "<IfModule !a>\n",
        "section of spaces": "<a" + " " * 99_999 + "x>\n",
        "rates": "ProxyPass /a http://x/\nSetOutputFilter RATE_LIMIT\nSetEnv rate-limit 1\nUnsetEnv a\n",
        "security": "SecRuleEngine On\nSecResponseBodyAccess On\nSecResponseBodyMimeType a/b\n",
    },
    Server.HAPROXY: {
        "backends": "backend a\nmode http\nserver a b:1\n",
        "fronts": "frontend a\nmode http\ndefault_backend b\n",
        "fronts and backends": "frontend a\nmode http\ndefault_backend b\nbackend b\nmode http\nserver a b\n",
        "defaults": "defaults a from a\nmode http\n",
        "rules": "listen a\nmode http\nserver a b\nhttp-response wait-for-body\n",
        "one with rules": "http-response wait-for-body\n",
    },
    Server.LIGHTTPD: {
        "conditions": '$HTTP["url"] == "a" { proxy.server = ( "" => ( ( "port" => 80 ) ) ) }\n',
        "array": 'a.b = ( "a" => "b",\n',
        "includes": 'include "a"\n',
        "headers": 'proxy.header = ( "a" => "b" )\nproxy.server = ( "" => 1 )\n',
    },
    Server.CADDY: {
        "sites": "a {\n encode gzip\n reverse_proxy b\n}\n",
        "snippets": "(a) {\n import a\n import a\n reverse_proxy x\n}\nb {\n import a\n}\n",
        "routes": "route {\n reverse_proxy b\n",
        "one site": "reverse_proxy a\nencode gzip\n",
        "matchers": "@a not path b\nencode @a gzip\nreverse_proxy b\n",
    },
    Server.VARNISH: {
        "subs": "sub vcl_backend_response { set beresp.do_stream = false; if (a) { set beresp.do_gzip = true; } }\n",
        "backends": 'backend a { .host = "b"; }\n',
    },
    Server.PHP: {
        "sections": "[a]\noutput_buffering = 1\n",
        "pools": "[a]\npm = x\nphp_value[output_buffering] = 1\n",
    },
    Server.IIS: {
        "elements": "<configuration><system.webServer></system.webServer></configuration>",
        "texts": "<a>x</a>",
        "comments": "<!-- x -->\n",
        "sections": "<![CDATA[x]]>",
        "types": "<configuration><system.webServer><urlCompression/>" + "<httpCompression><dynamicTypes><add mimeType='a/b'/></dynamicTypes></httpCompression><urlCompression/><proxy/>" * 300
        + "</system.webServer>" + "<location path='a'><system.webServer><handlers><add name='a' modules='FastCgiModule'/></handlers></system.webServer></location>" * 400,
        "open elements": "<configuration>",
        "handlers": '<add modules="FastCgiModule"/>',
        "attributes": '<a b="c" ',
        "entities": '<!DOCTYPE a [<!ENTITY a "&b;&b;">]>',
    },
    Server.SQUID: {
        "peers": "cache_peer a parent 80 0 originserver\n",
        "conditions": "cache_peer a parent 80 0 originserver\nif a\ncache_peer a\n",
        "services": "icap_enable on\nicap_service a respmod b\nadaptation_access a allow b\ncache_peer a b 1 originserver\n",
        "pools": "delay_parameters 1 2/2\ndelay_access 1 allow a\ncache_peer a b 1 originserver\n",
    },
    Server.UWSGI: {
        "sections": "[a]\nhttp = :80\n",
        "takes": "[a]\nini = :b\nhttp = :80\n[b]\nini = :a\n",
        "conditions": "[a]\nhttp = :80\nif-env = a\n",
        "routes": "[uwsgi]\nhttp = :80\nroute = ^/a offload:\n",
        "elements": "<uwsgi><http>:80</http></uwsgi>\n",
        "open elements": "<uwsgi>",
        "entities": '<!DOCTYPE a [<!ENTITY a "&b;&b;">]>',
        "command": "uwsgi-command: --http :80 ",
    },
    Server.APP_SERVER: {
        "processes": "web: uvicorn a:b --workers 2\n",
        "others": "web: node a.js\n",
        "docker": 'FROM a\nCMD ["uvicorn", "a:b"]\n',
        "lists": "CMD [[[[",
        "continued": "ExecStart=uvicorn a:b \\\n",
        "units": "ExecStart=uvicorn a:b\nExecStart=\n",
        "environments": "ENV A=b\nCMD uvicorn a:b\n",
        "both": "web: gunicorn a\nENV GUNICORN_CMD_ARGS='-k sync'\n",
        "shells": "web: sh -c 'uvicorn a; uvicorn b'\n",
        "options": "web: uvicorn " + "--a=b " * 20 + "\n",
        "objects": '{"scripts": {"start": ',
    },
    Server.HOSTING: {
        "settings": "module.exports = { compress: true }\n",
        "comments": "/* a */ // b\n",
        "strings": "a = 'b",
        "functions": "functions:\n  a:\n    url: true\n",
        "events": "a:\n  events:\n  - http: x\n",
        "compress": "compress ",
        "runtimes": "runtime: a\n",
    },
    Server.GUNICORN: {
        "settings": "worker_class = 'sync'\n", "or": "a = b or ", "ifs": "if a:\n if b:\n", "calls": "f(" ,
        "processes": "web: gunicorn a:b -k sync\n",
        "docker": 'FROM a\nCMD ["gunicorn", "a:b"]\n',
        "lists": "CMD [[[[",
        "continued": "ExecStart=gunicorn a:b \\\n",
        "units": "ExecStart=gunicorn a:b\n",
        "environments": 'ENV GUNICORN_CMD_ARGS="-k sync"\nCMD gunicorn a:b\n',
        "shells": "web: sh -c 'gunicorn a; gunicorn b'\n",
    },
    Server.TRAEFIK: {
        "documents": "---\nhttp:\n routers:\n  a:\n   middlewares: [b, c]\n middlewares:\n  b:\n   chain:\n    middlewares: [b, c]\n  c:\n   buffering: {a: b}\n",
        "labels": "labels:\n - traefik.http.routers.a.middlewares=b\n - traefik.http.middlewares.b.buffering.a=1\n",
        "many labels": "- traefik.http.routers.a.middlewares=b,c,d\n",
        "resources": "---\napiVersion: traefik.io/v1alpha1\nkind: IngressRoute\nspec:\n routes:\n - middlewares:\n   - name: a\n",
        "points": "- --entrypoints.a.http.middlewares=" + "b,c," * 99 + "\n- --entrypoints.d.address=a\n",
        "long chains": "- labels: {traefik.http.routers.a.middlewares: b, traefik.http.middlewares.b.chain.middlewares: 'b," + "c,d," * 900 + "'}\n",
        "lists in lists": "kind: List\nitems: [{kind: List, items: [",
        "flags": "- --entrypoints.a.http.middlewares=b\n",
        "http": "http:\n # a\n",
        "headers": "[http.routers.a]\nmiddlewares = ['b']\n[http.middlewares.b.buffering]\n",
        "tables": "[[a.b]]\n", "keys with dots": "a.b.c = {d = [1, 2]}\n", "one key": "a.", "inline": "a = {b = ", "texts": "a = \"\"\"\n",
    },
    Server.ENVOY: {
        "filters": "- name: envoy.filters.http.buffer\n",
        "routes": "---\nvirtual_hosts:\n- routes:\n  - match: {prefix: /}\n    route: {cluster: a}\n",
        "managers": "---\nfilter_chains:\n- filters:\n  - name: a.http_connection_manager\n    typed_config:\n      http_filters:\n      - name: envoy.filters.http.buffer\n      upgrade_configs: [{upgrade_type: websocket}]\n      route_config: {virtual_hosts: [{routes: [{route: {cluster: a}, typed_per_filter_config: {a: {disabled: true}}}]}]}\n",
        "many routes": "filter_chains: [{filters: [{name: a.http_connection_manager, typed_config: {http_filters: [" + "{name: envoy.filters.http.lua}, " * 40 + "], route_config: {virtual_hosts: [{routes: [" + "{route: {cluster: a}}, " * 40 + "]}]}}}]}]\n---\n",
        "resources": "---\napiVersion: networking.istio.io/v1\nkind: VirtualService\nspec: {http: [{route: [a], timeout: 1s}]}\n",
        "long lists": "filter_chains: [{filters: [{name: a.http_connection_manager, typed_config: {upgrade_configs: [{upgrade_type: websocket}], http_filters: [" + "{name: envoy.filters.http.buffer}, " * 900 + "], route_config: {virtual_hosts: [{routes: [" + "{route: {cluster: a}}, " * 9_000 + "]}]}}}]}]\n---\n",
        "overrides": "virtual_hosts: [{typed_per_filter_config: {" + "a: {disabled: true}, " * 900 + "}, routes: [" + "{route: {cluster: a}}, " * 900 + "]}]\n---\n",
        "clusters": "static_resources: {clusters: [{name: a, x: [" + "b, " * 900 + "]}]}\nvirtual_hosts: [{routes: [" + "{route: {cluster: a}}, " * 900 + "]}]\n---\n",
        "anchors": "- &a [*a, *a]\n", "flow": "{a: [", "tabs": "{\t",
    },
    Server.KUBERNETES: {
        "ingresses": "---\napiVersion: v1\nkind: Ingress\nmetadata: {annotations: {nginx.ingress.kubernetes.io/proxy-buffering: 'on'}}\n",
        "annotations": "annotations:\n  nginx.ingress.kubernetes.io/limit-rate: '1'\n",
        "lists": "apiVersion: v1\nkind: List\nitems:\n" + "- {apiVersion: v1, kind: Ingress}\n" * 50 + "---\n",
        "snippets": "- annotations: {nginx.org/location-snippets: 'gzip on; proxy_pass http://x;'}\n",
        "values": "- controller: {config: {use-gzip: 'true', proxy-buffering: 'on'}}\n",
        "routes": "---\n{apiVersion: v1, kind: HTTPRoute, spec: {rules: [{timeouts: {request: 1s}}]}}\n",
        "aliases": "a: &a [x]\nb: [*a, *a, *a]\n",
        "numbers": "---\napiVersion: v1\nkind: Ingress\nmetadata: {annotations: {nginx.ingress.kubernetes.io/proxy-buffering: on}}\n",
        "flow items": "- [" + "a, " * 9_000 + "a]\n",
        "keys that are lists": "? [a, [b]]\n: c\n",
        "texts": "- |\n  server { location / { proxy_pass http://x; } }\n",
        "commands": "- command: [uvicorn, 'a:b']\n",
        "many settings": "---\ncontroller:\n config:\n" + "  use-gzip: a\n" * 90,
        "deep": "a: {",
        "items": "- - - ",
        "template marks": "{{ .a }}\n",
    },
}  # fmt: skip

# gunicorn's four kinds of file are told apart by name, as are YAML, TOML and JSON.
FILES = {
    Server.GUNICORN: ("gunicorn.conf.py",),
    Server.TRAEFIK: ("f.yaml", "f.toml"),
    Server.ENVOY: ("f.yaml", "f.json"),
    Server.KUBERNETES: ("ingress.yaml",),
    Server.HOSTING: ("next.config.js", "serverless.yml", "app.yaml"),
    Server.APP_SERVER: ("Dockerfile", "Procfile", "app.service", "package.json"),
}


def fill(shape: str, size: int) -> str:
    """The shape repeated, cut to this size."""
    return (shape * (size // len(shape) + 1))[:size]


def texts(server: Server, size: int, *, pairs: bool) -> Iterator[tuple[str, str]]:
    """Texts to check, each with its name."""
    for name, shape in ({} if pairs else {**ANY_SERVER, **OWN[server]}).items():
        yield name, fill(shape, size)
    for first, one in (OWN[server] if pairs else {}).items():
        for second, other in OWN[server].items():
            if first != second:
                yield f"{first}, {second}", f"{fill(one, size // 2)}\n{fill(other, size // 2)}"


def peak_mb() -> int:
    """The most memory this process has had. Not `ru_maxrss`: that begins with what the parent had at the fork."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def main(server: Server, size: int, *, pairs: bool) -> None:
    """Print one line of JSON for each shape: name, seconds to check, seconds to render, megabytes at most."""
    for name, text in texts(server, size, pairs=pairs):
        for file in FILES.get(server, ("file",)):
            start = time.process_time()
            checked = check_text(text, server=server, name=file)
            judged = time.process_time()
            findings_text(checked, width=100, color=True)
            json.dumps([findings_document(checked), sarif(checked)])
            diff(checked.findings, {file: text}, strict=True)
            rendered = time.process_time()
            most = peak_mb()
            print(json.dumps([f"{name} in {file}", judged - start, rendered - judged, most]), flush=True)


if __name__ == "__main__":
    main(Server(sys.argv[1]), int(sys.argv[2]), pairs=sys.argv[3:] == ["pairs"])
