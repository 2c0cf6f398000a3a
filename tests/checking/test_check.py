"""Blocks judged: values in force and where they come from, marks that allow, exit codes."""

import pytest

from flushcheck.checking.check import CheckResult, merge
from flushcheck.configs.findings import Level, Server
from flushcheck.configs.tree import ReadProblem
from flushcheck.files import check_text


def nginx(text, **more):
    return check_text(text, kind=Server.NGINX, name="f", **more)


def heavy(checked):
    return [(one.line, one.culprit.id) for one in checked.findings if one.level is not Level.NOTE]


def test_a_finding_says_what_is_in_force_and_where_it_comes_from():
    text = "http {\n proxy_buffering on;\n proxy_buffers 4 16k;\n server { location /a { proxy_pass http://x; } }\n}"
    (one,) = [one for one in nginx(text).findings if one.level is Level.ERROR]
    assert (one.line, one.block, one.block_line) == (2, "location /a", 4)
    assert (one.value, one.source) == ("proxy_buffering on", "f:2")
    assert "HTTP/1.0 (nginx's default until 1.29.7)" in one.message
    assert "16384 bytes" in one.message
    assert "X-Accel-Buffering: no" in one.override


def test_the_default_changed_with_the_version():
    text = "location / { proxy_pass http://x; }"
    assert heavy(nginx(text)) == [(1, "nginx-proxy-buffering")]
    assert heavy(nginx(text, server_version=(1, 28, 0))) == [(1, "nginx-proxy-buffering")]
    new = nginx(text, server_version=(1, 29, 7))
    assert heavy(new) == []
    assert "since 1.29.7" in new.passed[0].reason
    old = nginx("location / { proxy_pass http://x; proxy_http_version 1.0; }", server_version=(1, 29, 7))
    assert heavy(old) == [(1, "nginx-proxy-buffering")]


OVERRIDES = [
    # what stands in the block                                       what the app can do
    ("",                                                             "the app can free each response"),
    ("proxy_ignore_headers X-Accel-Buffering;",                      "the app cannot free it by itself: f:1 ignores"),
    ("proxy_ignore_headers Expires x-accel-buffering;",              "the app cannot free it by itself: f:1 ignores"),
    ("proxy_ignore_headers Cache-Control;",                          "the app can free each response"),
    ("fastcgi_ignore_headers X-Accel-Buffering;",                    "the app can free each response"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), OVERRIDES)
def test_what_the_app_can_still_do_is_said(lines, expected):
    checked = nginx(f"location / {{ {lines} proxy_pass http://x; }}")
    (one,) = [one for one in checked.findings if one.culprit.id == "nginx-proxy-buffering"]
    assert one.override.startswith(expected)


def test_a_line_that_was_meant_to_help_is_named():
    checked = nginx("location / {\n add_header X-Accel-Buffering no;\n proxy_pass http://x;\n}")
    assert "add_header X-Accel-Buffering (f:2) changes nothing here" in checked.findings[0].message


def test_an_include_that_was_not_read_makes_a_default_less_certain():
    text = "location / {{\n include {};\n proxy_pass http://x;\n}}"
    (one,) = [
        one for one in nginx(text.format("app.inc")).findings if one.culprit.id == "nginx-proxy-buffering"
    ]
    assert one.level is Level.WARNING
    assert "unless app.inc, which could not be read, sets proxy_buffering" in one.message
    # Debian's and nginx's own lists of parameters set nothing of the kind.
    assert nginx(text.format("/etc/nginx/proxy_params")).worst is Level.ERROR
    # A line that says it is certain whatever was not read.
    certain = nginx(
        "location / {\n include x;\n proxy_buffering on;\n proxy_http_version 1.0;\n proxy_pass http://x;\n}"
    )
    assert certain.worst is Level.ERROR


MARKS = [
    # name                     text                                                                                     allowed, counted
    ("above the block",        "# flushcheck: allow nginx-proxy-buffering short answers\nlocation / {\nproxy_pass http://x;\n}",  1, 0),
    ("on the block",           "location / { # flushcheck: allow nginx-proxy-buffering short answers\nproxy_pass http://x;\n}",   1, 0),
    ("above the pass",         "location / {\n# flushcheck: allow nginx-proxy-buffering: short answers\nproxy_pass http://x;\n}", 1, 0),
    ("over comments",          "# flushcheck: allow nginx-proxy-buffering short\n\n# more\nlocation / {\nproxy_pass http://x;\n}", 1, 0),
    ("above the line",         "location / {\n# flushcheck: allow nginx-proxy-buffering short\nproxy_buffering on;\nproxy_pass http://x;\n}", 1, 0),
    ("several ids",            "# flushcheck: allow nginx-gzip, nginx-proxy-buffering short\nlocation / {\nproxy_pass http://x;\n}", 1, 0),
    ("no reason",              "# flushcheck: allow nginx-proxy-buffering\nlocation / {\nproxy_pass http://x;\n}",            0, 1),
    ("another id",             "# flushcheck: allow nginx-gzip short\nlocation / {\nproxy_pass http://x;\n}",                 0, 1),
    ("another line",           "# flushcheck: allow nginx-proxy-buffering short\nserver {\nlocation / {\nproxy_pass http://x;\n} }", 0, 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "allowed", "counted"), MARKS, ids=[row[0] for row in MARKS])
def test_a_mark_with_a_reason_allows(name, text, allowed, counted):
    checked = nginx(text)
    assert (len(checked.allowed), len(heavy(checked))) == (allowed, counted)
    if allowed:
        assert checked.allowed[0].reason.startswith("short")
        assert checked.passed == ()  # allowed is not innocent
        assert checked.exit_code() == 0
    else:
        assert any(
            "allow" in trouble.reason for trouble in checked.problems
        )  # a mark that does nothing is told


CODES = [
    # name                  text                                                           plain, strict
    ("guilty",              "location / { proxy_pass http://x; }",                         1, 1),
    ("notes only",          "location / { proxy_buffering off; proxy_pass http://x; }",    0, 1),
    ("clean",               "location / { uwsgi_buffering off; uwsgi_read_timeout 1h; uwsgi_pass x; }", 0, 1),
    ("static",              "location / { root /srv; }",                                   0, 0),
    ("empty",               "",                                                            0, 0),
    ("a brace missing",     "location / { root /srv;",                                     3, 3),
    ("guilty and broken",   "location / { proxy_pass http://x; } }",                       1, 1),
    ("unread and nothing",  "server { include x; }",                                       3, 3),
    ("unread beside it",    "server { include x; proxy_buffering off; location / { proxy_pass http://x; } }", 0, 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "plain", "strict"), CODES, ids=[row[0] for row in CODES])
def test_the_exit_code_is_what_was_found(name, text, plain, strict):
    checked = nginx(text)
    assert (checked.exit_code(), checked.exit_code(strict=True)) == (plain, strict)


def test_what_two_checks_found_alike_counts_once():
    part = nginx("location / { proxy_pass http://x; }")
    assert merge([part, part]) == part
    unread = CheckResult(problems=(ReadProblem("g", 0, "why"),))
    assert merge([part, unread]).problems == (*part.problems, ReadProblem("g", 0, "why"))


def test_a_block_that_another_reading_found_guilty_is_not_innocent():
    guilty = nginx("location / { proxy_pass http://x; }")
    innocent = nginx("location / { proxy_buffering off; proxy_pass http://x; }")
    assert merge([guilty, innocent]).passed == ()


WORDS = [
    # name                         server           text                                                          said of the block
    ("apache: the worker shared",  Server.APACHE,   "ProxyPass /a fcgi://x/\nProxyPass /b fcgi://x/b flushpackets=on", "f:1 made the worker first"),
    ("apache: the forum's advice", Server.APACHE,   "SetEnv FcgidOutputBufferSize 0\nAddHandler fcgid-script .fcgi",   "SetEnv FcgidOutputBufferSize (f:1) does nothing"),
    ("nginx: two of them",         Server.NGINX,    "server { listen 8080; location / { proxy_pass http://x; } }\nserver { location / { proxy_pass http://127.0.0.1:8080; } }", "takes X-Accel-Buffering out"),
    ("nginx: lost headers",        Server.NGINX,    "server {\nproxy_http_version 1.1;\nproxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection upgrade;\nlocation / {\nproxy_set_header Host x;\nproxy_pass http://x;\n}\n}", "f:3 is not inherited, because f:6 starts a list of its own"),
    ("haproxy: HTTP/2 is clean",   Server.HAPROXY,  "frontend f\nmode http\nbind :443 ssl crt x alpn h2,http/1.1\ndefault_backend b\nbackend b\nmode http\nserver s x:1", "do not speak HTTP/2"),
    ("gunicorn: the environment",  Server.GUNICORN, "import os\nworker_class = os.environ.get('K', 'sync')",           "unless K in the environment says otherwise"),
    ("gunicorn: a file unread",    Server.GUNICORN, "web: gunicorn -c conf.py a:b",                                    "unless conf.py, which could not be read, sets worker_class"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "server", "text", "expected"), WORDS, ids=[row[0] for row in WORDS])
def test_a_message_names_the_cause(name, server, text, expected):
    checked = check_text(text, kind=server, name="f")
    assert expected in " ".join(f"{one.message} {one.override}" for one in checked.findings)


def test_htaccess_cannot_say_what_the_host_has_set():
    checked = check_text("AddHandler fcgid-script .fcgi", kind=Server.APACHE, name="www/.htaccess")
    (one,) = [one for one in checked.findings if one.culprit.id == "apache-mod-fcgid"]
    assert one.level is Level.WARNING
    assert "which .htaccess cannot change" in one.message
    assert one.edits == ()


def test_hostile_words_in_a_file_do_not_reach_the_terminal():
    from flushcheck.reports.findings import findings_text

    text = "location /\x1b[31m\u202e {\n proxy_pass http://x;\n}"
    shown = findings_text(nginx(text), width=80, color=False)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
