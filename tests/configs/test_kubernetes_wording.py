"""What to write into a file of Kubernetes objects: fixes as annotations and keys, and the patch of --diff."""

import pytest

from flushcheck.files import check_text
from flushcheck.reports.diff import diff
from tests.configs.test_kubernetes import TLS, N, config_map, ingress

F5 = 'nginx.org/rewrites: "x"'
FIXES = [
    # name               text                                                              culprit                    where, text to paste
    ("annotation",       ingress(f'{N}proxy-buffering: "on"'),                             "nginx-proxy-buffering",   "Ingress a, metadata.annotations", f'{N}proxy-buffering: "off"'),
    ("ConfigMap",        config_map('proxy-buffering: "on"'),                              "nginx-proxy-buffering",   "ConfigMap ingress-nginx-controller, data", 'proxy-buffering: "off"'),
    ("values",           "controller:\n  config: {proxy-buffering: 'on'}\n",               "nginx-proxy-buffering",   "values controller.config", 'proxy-buffering: "off"'),
    ("values of a chart", f"a:\n  annotations:\n    {N}proxy-buffering: 'on'\n",           "nginx-proxy-buffering",   "values a.annotations", f'{N}proxy-buffering: "off"'),
    ("F5",               ingress(F5, spec=TLS),                                            "nginx-proxy-buffering",   "Ingress a, metadata.annotations", 'nginx.org/proxy-buffering: "False"'),
    ("F5's time",        ingress('nginx.org/proxy-read-timeout: "9s"'),                    "idle-timeout",            "Ingress a, metadata.annotations", 'nginx.org/proxy-read-timeout: "3600s"'),
    ("F5's WebSocket",   ingress(F5),                                                      "websocket-upgrade",       "Ingress a, metadata.annotations", 'nginx.org/websocket-services: "NAME-OF-THE-SERVICE"'),
    ("Kong",             ingress(cls="kong"),                                              "nginx-proxy-buffering",   "Ingress a, metadata.annotations", 'konghq.com/response-buffering: "false"'),
    ("time",             ingress(f'{N}proxy-read-timeout: "9"'),                           "idle-timeout",            "Ingress a, metadata.annotations", f'{N}proxy-read-timeout: "3600"'),
    ("rate",             ingress(f'{N}proxy-buffering: "on"', f'{N}limit-rate: "4"'),      "nginx-limit-rate",        "Ingress a, metadata.annotations", f'{N}limit-rate: "0"'),
    ("HTTP/1.0",         ingress(f'{N}proxy-http-version: "1.0"'),                         "websocket-upgrade",       "Ingress a, metadata.annotations", f'{N}proxy-http-version: "1.1"'),
    ("FastCGI",          ingress(f'{N}backend-protocol: "FCGI"'),                          "nginx-fastcgi-buffering", "Ingress a, metadata.annotations", f"{N}configuration-snippet: |\n  fastcgi_buffering off;"),
    ("FastCGI's time",   ingress(f'{N}backend-protocol: "FCGI"'),                          "idle-timeout",            "Ingress a, metadata.annotations", f"{N}configuration-snippet: |\n  fastcgi_read_timeout 1h;"),
    ("Kong's time",      ingress(cls="kong"),                                              "idle-timeout",            "nginx, the location block that passes to the app", "proxy_read_timeout 1h;"),
    ("nginx's own line", ingress(f"{N}server-snippet: |", "  location / { proxy_pass http://x; }"), "nginx-proxy-buffering", "nginx, the location block with proxy_pass", "proxy_buffering off;"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "culprit", "where", "change"), [row[1:] for row in FIXES], ids=[row[0] for row in FIXES]
)
def test_a_fix_is_text_to_paste_into_the_object(text, culprit, where, change):
    (finding,) = (each for each in check_text(text, name="a.yaml").findings if each.culprit.id == culprit)
    assert (finding.fix.where, finding.fix.change) == (where, change)


def test_a_fix_by_snippet_says_that_snippets_must_be_allowed():
    (finding,) = check_text(ingress(f'{N}backend-protocol: "FCGI"'), name="a.yaml").findings[:1]
    assert finding.fix.note == "the controller must allow snippet annotations"


def test_a_fix_as_an_annotation_names_no_version_of_nginx():
    findings = check_text(ingress(f'{N}proxy-http-version: "1.0"'), name="a.yaml").findings
    assert all(each.fix.until is None and not each.fix.note for each in findings)


ANNOTATIONS = f'annotations:\n    {N}proxy-buffering: "on"\n'
PATCHES = [
    # name              text                                                              lines taken away and added
    ("a value",         ingress(f'{N}proxy-buffering: "on"', f'{N}proxy-read-timeout: "3600"'), [f'-    {N}proxy-buffering: "on"', f'+    {N}proxy-buffering: "off"']),
    ("a new line",      ingress(f'{N}proxy-buffering: "off"'),                            [f'+    {N}proxy-read-timeout: "3600"']),
    ("a comment",       ingress(f'{N}proxy-read-timeout: "9" # short'),                   [f'-    {N}proxy-read-timeout: "9" # short', f'+    {N}proxy-read-timeout: "3600" # short']),
    ("an ignored one",  ingress(f'{N}proxy-read-timeout: "9s"'),                          [f'-    {N}proxy-read-timeout: "9s"', f'+    {N}proxy-read-timeout: "3600"']),
    ("a key",           config_map('proxy-buffering: "on"'),                              ['-  proxy-buffering: "on"', '+  proxy-buffering: "off"']),
    ("a key for an Ingress", config_map('proxy-buffering: "on"') + "---\n" + ingress(f'{N}proxy-read-timeout: "3600"'), ['-  proxy-buffering: "on"', '+  proxy-buffering: "off"']),
    ("in one line",     "{apiVersion: x, kind: Ingress, metadata: {annotations: {" + N + 'proxy-buffering: "on"}}}\n', []),
    ("a quoted key",    ingress(f'"{N}proxy-read-timeout": "9"'),                         []),
    ("no annotation",   ingress(),                                                        []),
    ("in a snippet",    ingress(f"{N}configuration-snippet: |", "  proxy_buffering on;", f'{N}proxy-read-timeout: "3600"'), []),
    ("FastCGI",         ingress(f'{N}backend-protocol: "FCGI"'),                          []),
    ("in a location of a snippet", ingress(f'{N}proxy-read-timeout: "3600"', f"{N}server-snippet: |", "  location / {", "    proxy_http_version 1.0;", "    proxy_read_timeout 1h;", "    proxy_buffering on;", "    proxy_pass http://x;", "  }")[:-1],
        ["-        proxy_http_version 1.0;", "-        proxy_buffering on;", "+        proxy_http_version 1.1;", "+        proxy_set_header Upgrade $http_upgrade;", '+        proxy_set_header Connection "upgrade";', "+        proxy_buffering off;"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "changes"), [row[1:] for row in PATCHES], ids=[row[0] for row in PATCHES])
def test_the_patch_keeps_the_file_valid(text, changes):
    patch = diff(check_text(text, name="a.yaml").findings, {"a.yaml": text}, strict=True)
    lines = [line for line in patch.split("\n") if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert sorted(filter(None, lines)) == sorted(changes)
