"""A block passes under conditions, and is unknown where the file does not show whether it passes."""

from __future__ import annotations

import pytest

from flushcheck.checking.check import CheckResult
from flushcheck.configs.assumptions import Assumption
from flushcheck.configs.findings import Level, Server
from flushcheck.files import check_text
from flushcheck.reports.findings import findings_document, findings_text
from flushcheck.reports.sarif import sarif
from tests.culprits.configurations import APACHE, CADDY, HAPROXY, NGINX

HTTP11 = "proxy_http_version 1.1;"
CHUNKED, EMPTY, PLAIN, FLUSHES = Assumption


def server(lines: str, target: str = "http://x", listen: str = "listen 80;") -> str:
    return f"server {{ {listen} location / {{ {lines} proxy_pass {target}; }} }}"


LISTEN = "listen l\nmode http\noption http-no-delay\nserver s x:1\n"

PASSED = [
    # server, configuration, and what has to be true for its block to pass
    (NGINX, server(HTTP11), [CHUNKED]),
    (NGINX, server("proxy_buffering off;"), []),
    (NGINX, f"location / {{ {HTTP11} proxy_pass http://x; }}", [CHUNKED, PLAIN]),
    (NGINX, "location / { proxy_buffering off; proxy_pass http://x; }", []),
    (NGINX, server("proxy_buffering off;", "https://x"), [FLUSHES]),
    (NGINX, server(HTTP11, "https://x"), [CHUNKED, FLUSHES]),
    (NGINX, server("proxy_buffering off;", "https://127.0.0.1:8") + server("proxy_buffering off;", listen="listen 8 ssl;"), []),
    (NGINX, "location / { fastcgi_buffering off; fastcgi_pass x; }", []),
    (NGINX, "location / { passenger_enabled on; }", []),
    (NGINX, "include a; " + server("proxy_buffering off;"), [EMPTY]),
    (NGINX, server("include a; proxy_buffering off;"), [EMPTY]),
    (NGINX, "include a; http { " + server("proxy_buffering off;") + " }", []),
    (NGINX, server("include proxy_params; proxy_buffering off;"), []),
    (NGINX, server("include /etc/letsencrypt/options-ssl-nginx.conf; proxy_buffering off;"), []),
    (NGINX, "proxy_redirect https://a /; proxy_buffering off;", []),  # a fragment has no pass and no listeners
    (NGINX, "proxy_redirect ws://a /; proxy_buffering off;", []),
    (HAPROXY, "listen l\nmode http\noption http-no-delay\nserver s x:1\n", []),
    (HAPROXY, LISTEN + "filter trace\nfilter\nhttp-response set-header A b\nhttp-response\n", []),
    (CADDY, "a {\n@m path /x\nencode @m gzip {\nmatch {\nheader Content-Type text/css*\n}\n}\nlog\nreverse_proxy x\n}\n", []),
    (APACHE, "ProxyPass / http://x/\n", []),
    (APACHE, "FcgidOutputBufferSize 0\n<Location /a>\nSetEnv a b\n</Location>\n", []),
]  # fmt: skip


@pytest.mark.parametrize(("of", "text", "expected"), PASSED)
def test_a_block_passes_under_these_conditions(of, text, expected):
    checked = check_text(text, server=of)
    assert checked.exit_code() == 0
    block = checked.passed[0]
    assert [condition.assumption for condition in block.conditions] == expected
    assert all(condition.clause in block.reason for condition in block.conditions)
    settled = check_text(text, server=of, assumed=expected)
    assert settled.passed[0].conditions == ()
    assert settled.passed[0].reason == block.reason.partition(" while")[0].partition(" if ")[0]


UNKNOWN = [
    # server, configuration, and why its block is not known
    (NGINX, server(f"include a; {HTTP11}"), "a could not be read; if it adds nothing: proxied with HTTP/1.1 (line 1): chunks pass one by one"),
    (NGINX, f"include a; include b/c; location / {{ {HTTP11} proxy_pass http://x; }}", "a, b/c could not be read; if"),
    (NGINX, "proxy_buffering off; " + server("include a;"), "a could not be read; if it adds nothing: proxy_buffering off (line 1)"),
    (NGINX, "http { include a; " + server(HTTP11) + " }", "a could not be read"),
    (NGINX, server(f"js_body_filter a; proxy_buffering off; {HTTP11}"), "js_body_filter (line 1): responses go through JavaScript code"),
    (NGINX, server(f"replace_filter a b; include b; {HTTP11}"), "which may collect them; b could not be read"),
    (APACHE, "Include a.conf\nProxyPass / http://x/\n", "a.conf could not be read; if it adds nothing: mod_proxy_http passes"),
    (APACHE, "ProxyPass / scgi://x/\n", "scgi: flushcheck does not know how Apache passes such a response on"),
    (APACHE, "ProxyPass / ftp://x/\n", "ftp: flushcheck does not know"),
    (CADDY, "a {\ntemplates\nreverse_proxy x\n}\n", "templates (line 2) collects whole responses of text/html"),
    (CADDY, "a {\nhandle {\nReplace a b\n@m path /x\nreverse_proxy x\n}\n}\n", "Replace (line 3) is of a module that flushcheck does not know"),
    (CADDY, "a {\nw\nx\ny\nz\nreverse_proxy x\n}\n", "w (line 2) is of a module that flushcheck does not know; x (line 3)"),
    (HAPROXY, LISTEN + "filter lua.a\n", "filter lua.a (line 5): responses go through this filter, which may collect them"),
    (HAPROXY, LISTEN + "filter bwlim-out a limit 1k key src\n", "filter bwlim-out a"),
    (HAPROXY, LISTEN + "http-response lua.b\n", "http-response lua.b (line 5): responses go through Lua code"),
    (CADDY, "a {\nimport b\nreverse_proxy x\n}\n", "b could not be read; if it adds nothing: nothing encodes"),
]  # fmt: skip


@pytest.mark.parametrize(("of", "text", "reason"), UNKNOWN)
def test_a_block_is_unknown_and_says_why(of, text, reason):
    checked = check_text(text, server=of)
    assert checked.exit_code() == 3
    (block,) = checked.unknown
    assert reason in block.reason
    assert checked.passed == ()


def test_a_person_settles_what_an_unread_include_adds():
    text = server(f"include a; {HTTP11}")
    checked = check_text(text, server=NGINX, assumed=[EMPTY])
    assert (checked.exit_code(), checked.unknown, len(checked.passed)) == (0, (), 1)


def conditional() -> CheckResult:
    return check_text(server(HTTP11), server=NGINX, name="site.conf")


def test_each_output_says_the_condition():
    reason = "proxied with HTTP/1.1 (line 1): chunks pass one by one while the app sends chunks"
    checked = conditional()
    text = " ".join(findings_text(checked, width=80, color=False).split())
    assert f"site.conf:1 location /: {reason}" in text
    (passed,) = findings_document(checked)["passed"]
    assert passed["reason"] == reason
    assert passed["conditions"] == [{"assumption": "chunked", "clause": "while the app sends chunks"}]
    (notification,) = sarif(checked)["runs"][0]["invocations"][0]["toolExecutionNotifications"]
    assert (notification["level"], notification["message"]["text"]) == (
        "note",
        f"location / passes a stream on: {reason}",
    )
    assert (
        sarif(check_text(server("proxy_buffering off;"), server=NGINX))["runs"][0]["invocations"][0][
            "toolExecutionNotifications"
        ]
        == []
    )


HEDGED = [
    # culprit, configuration, level, and the end of its message
    ("websocket-upgrade", f"include a; location / {{ {HTTP11} proxy_pass http://x; }}", Level.NOTE, "; unless a, which could not be read, adds what is missing"),
    ("websocket-upgrade", f"include a; location / {{ {HTTP11} proxy_set_header Upgrade $http_upgrade; proxy_pass http://x; }}", Level.ERROR, "Connection is not set to upgrade"),
    ("websocket-upgrade", f"location / {{ include a; {HTTP11} proxy_set_header Upgrade $http_upgrade; proxy_pass http://x; }}", Level.WARNING, "adds what is missing"),
    ("idle-timeout", "include a; location / { proxy_pass http://x; }", Level.NOTE, "; unless a, which could not be read, sets proxy_read_timeout"),
    ("idle-timeout", "include a; location / { proxy_read_timeout 60s; proxy_pass http://x; }", Level.NOTE, "is cut"),
    ("nginx-proxy-buffering", "proxy_buffering on; location / { include a; proxy_pass http://x; }", Level.WARNING, "; unless a, which could not be read, sets proxy_buffering"),
    ("nginx-proxy-buffering", "include a; location / { proxy_buffering on; proxy_pass http://x; }", Level.ERROR, "at once"),
]  # fmt: skip


@pytest.mark.parametrize(("culprit", "text", "level", "end"), HEDGED)
def test_an_include_that_was_not_read_hedges_notes_as_well(culprit, text, level, end):
    checked = check_text(text, server=Server.NGINX)
    (finding,) = [finding for finding in checked.findings if finding.culprit.id == culprit]
    assert finding.level is level
    assert finding.message.endswith(end)
