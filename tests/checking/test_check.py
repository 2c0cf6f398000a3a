"""Blocks checked: values in force and where they come from, exit codes, results merged."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from flushcheck.checking.check import CheckedBlock, CheckResult, merge
from flushcheck.configs.address import Address
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block, ReadProblem
from flushcheck.culprits import CULPRITS
from flushcheck.files import check_text
from flushcheck.files.check_files import check_all
from flushcheck.files.read_configs import read_text


def nginx(text, **more):
    return check_text(text, server=Server.NGINX, name="f", **more)


def heavy(checked):
    return [
        (finding.line, finding.culprit.id) for finding in checked.findings if finding.level is not Level.NOTE
    ]


def test_a_finding_says_what_is_in_force_and_where_it_comes_from():
    text = "http {\n proxy_buffering on;\n proxy_buffers 4 16k;\n server { location /a { proxy_pass http://x; } }\n}"
    (finding,) = [finding for finding in nginx(text).findings if finding.level is Level.ERROR]
    assert (finding.line, finding.block, finding.block_line) == (2, "location /a", 4)
    assert (finding.value, finding.source) == ("proxy_buffering on", "f:2")
    assert "HTTP/1.0 (nginx's default until 1.29.7)" in finding.message
    assert "16384 bytes" in finding.message
    assert "X-Accel-Buffering: no" in finding.override


def test_the_default_changed_with_the_version():
    text = "location / { proxy_pass http://x; }"
    assert heavy(nginx(text)) == [(1, "nginx-proxy-buffering")]
    assert heavy(nginx(text, version=(1, 28, 0))) == [(1, "nginx-proxy-buffering")]
    new = nginx(text, version=(1, 29, 7))
    assert heavy(new) == []
    assert "since 1.29.7" in new.passed[0].reason
    old = nginx("location / { proxy_pass http://x; proxy_http_version 1.0; }", version=(1, 29, 7))
    assert heavy(old) == [(1, "nginx-proxy-buffering")]


FIXES = [
    # version        lines that a WebSocket needs
    ((),             3),
    ((1, 29, 6),     3),
    ((1, 29, 7),     2),
]  # fmt: skip


@pytest.mark.parametrize(("version", "lines"), FIXES)
def test_the_fix_is_the_first_one_for_the_version(version, lines):
    text = (
        "location / { proxy_pass http://x; proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; }"
    )
    (finding,) = (f for f in nginx(text, version=version).findings if f.culprit.id == "websocket-upgrade")
    assert len(finding.fix.change.splitlines()) == lines


def test_one_line_is_a_finding_of_every_block_that_inherits_it():
    block = "location / {\nproxy_pass http://x;\n}\n"
    checked = nginx(f"proxy_buffering on;\n{block}{block}")
    assert heavy(checked) == [(1, "nginx-proxy-buffering")] * 2
    held = [finding for finding in checked.findings if finding.level is not Level.NOTE]
    assert [finding.block_line for finding in held] == [2, 5]


OVERRIDES = [
    # what stands in the block                                       what the app can do
    ("",                                                             "the app can switch it off for each response"),
    ("proxy_ignore_headers X-Accel-Buffering;",                      "the app cannot switch it off with a response header: f:1 ignores"),
    ("proxy_ignore_headers Expires x-accel-buffering;",              "the app cannot switch it off with a response header: f:1 ignores"),
    ("proxy_ignore_headers Cache-Control;",                          "the app can switch it off for each response"),
    ("fastcgi_ignore_headers X-Accel-Buffering;",                    "the app can switch it off for each response"),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), OVERRIDES)
def test_a_finding_says_what_the_app_can_do_about_it(lines, expected):
    checked = nginx(f"location / {{ {lines} proxy_pass http://x; }}")
    (finding,) = [finding for finding in checked.findings if finding.culprit.id == "nginx-proxy-buffering"]
    assert finding.override.startswith(expected)


def test_a_line_without_effect_is_named():
    checked = nginx("location / {\n add_header X-Accel-Buffering no;\n proxy_pass http://x;\n}")
    (finding,) = [finding for finding in checked.findings if finding.culprit.id == "line-without-effect"]
    assert finding.line == 2
    assert finding.message.startswith("add_header X-Accel-Buffering no does nothing against the hold here")


def test_an_include_that_was_not_read_makes_a_default_less_certain():
    text = "location / {{\n include {};\n proxy_pass http://x;\n}}"
    (finding,) = [
        finding
        for finding in nginx(text.format("app.inc")).findings
        if finding.culprit.id == "nginx-proxy-buffering"
    ]
    assert finding.level is Level.WARNING
    assert "unless app.inc, which could not be read, sets proxy_buffering" in finding.message
    # Debian's and nginx's own lists of parameters set nothing of the kind.
    assert nginx(text.format("/etc/nginx/proxy_params")).worst is Level.ERROR
    # A line of its own is certain, whatever an unread file sets.
    certain = nginx(
        "location / {\n include x;\n proxy_buffering on;\n proxy_http_version 1.0;\n proxy_pass http://x;\n}"
    )
    assert certain.worst is Level.ERROR


CODES = [
    # name                  text                                                           plain, strict
    ("held",                "location / { proxy_pass http://x; }",                         1, 1),
    ("notes only",          "location / { proxy_buffering off; proxy_pass http://x; }",    0, 1),
    ("clean",               "location / { uwsgi_buffering off; uwsgi_read_timeout 1h; uwsgi_pass x; }", 0, 1),
    ("allowed, and a comment without effect", "# flushcheck: allow nginx-proxy-buffering short\n# flushcheck: allow nginx-gzip short\nlocation / { proxy_pass http://x; }", 0, 1),
    ("a note, and a comment without effect", "# flushcheck: allow nginx-gzip short\nlocation / { uwsgi_buffering off; uwsgi_read_timeout 1h; uwsgi_pass x; }", 0, 1),
    ("static",              "location / { root /srv; }",                                   0, 0),
    ("empty",               "",                                                            3, 3),
    ("a fragment",          "proxy_set_header Host $host;",                                3, 3),
    ("a fragment that frees", "proxy_buffering off;",                                      0, 0),
    ("a fragment that holds", "proxy_buffering on;",                                       1, 1),
    ("a filter",            "location / { trim on; proxy_buffering off; proxy_pass http://x; }", 3, 1),
    ("a brace missing",     "location / { root /srv;",                                     3, 3),
    ("held and broken",     "location / { proxy_pass http://x; } }",                       1, 1),
    ("unread and nothing",  "server { include x; }",                                       3, 3),
    ("unread beside it",    "server { include x; proxy_buffering off; location / { proxy_pass http://x; } }", 0, 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "plain", "strict"), CODES, ids=[row[0] for row in CODES])
def test_the_exit_code_says_what_was_found(name, text, plain, strict):
    checked = nginx(text)
    assert (checked.exit_code(), checked.exit_code(strict=True)) == (plain, strict)


TCP = "frontend f\nmode tcp\noption http-no-delay\nbind :80\nlisten l\nmode http\noption http-no-delay\nserver s x:1\n"
ADDRESSED = [
    # address, and the lines without effect: a section that passes no HTTP is not where a request goes
    (None,                     [3]),
    (Address("x", 80, ("/",)), []),
]  # fmt: skip


@pytest.mark.parametrize(("address", "lines"), ADDRESSED)
def test_an_address_leaves_out_the_blocks_that_pass_no_http(address, lines):
    checked = check_all(read_text(TCP, server=Server.HAPROXY), address=address)
    assert [
        finding.line for finding in checked.findings if finding.culprit.id == "line-without-effect"
    ] == lines
    assert [block.block for block in checked.passed] == ["listen l"]


@pytest.mark.parametrize(("text", "code"), [("proxy_buffering off;", 0), ("proxy_buffering on;", 1)])
def test_a_fragment_is_judged_for_every_address(text, code):
    address = Address("x", 443, ("/",))
    assert check_all(read_text(text, server=Server.NGINX), address=address).exit_code() == code


def test_a_file_whose_only_finding_is_allowed_is_clean():
    text = (
        "; flushcheck: allow php-zlib short\n"
        "; flushcheck: allow php-output-buffering short\n"
        "output_buffering = 4096\n"
    )
    checked = check_text(text, server=Server.PHP, name="php.ini")
    assert [finding.finding.culprit.id for finding in checked.allowed] == ["php-output-buffering"]
    assert (checked.findings, checked.passed, len(checked.problems)) == ((), (), 1)
    assert checked.exit_code() == 0


def test_a_block_without_a_finding_is_listed():
    (passed,) = nginx("location / {\n uwsgi_buffering off;\n uwsgi_pass x;\n}").passed
    assert passed == CheckedBlock(Server.NGINX, "f", 1, "location /", "uwsgi_buffering off (line 2)")


def test_a_block_of_a_refused_file_is_unknown():
    checked = nginx("location / {\n proxy_bufering off;\n proxy_http_version 1.1;\n proxy_pass http://x;\n}")
    why = "the server does not start with this configuration: see f:2"
    assert checked.unknown == (CheckedBlock(Server.NGINX, "f", 1, "location /", why),)
    assert (checked.passed, checked.exit_code()) == ((), 3)


def test_a_block_is_unknown_for_each_filter_that_may_collect_responses():
    (unknown,) = nginx(
        "location / {\n trim on;\n footer a;\n uwsgi_buffering off;\n uwsgi_pass x;\n}"
    ).unknown
    why = (
        "trim (line 2): responses go through the trim module, which may collect them; "
        "footer (line 3): responses go through the footer module, which may collect them"
    )
    assert unknown == CheckedBlock(Server.NGINX, "f", 1, "location /", why)


def test_more_blocks_than_the_limit_are_reported(monkeypatch):
    monkeypatch.setattr("flushcheck.checking.check.MAX_BLOCKS", 2)
    block = "location / { proxy_pass http://x; }\n"
    two, three = nginx(block * 2), nginx(block * 3)
    assert (len(heavy(two)), two.problems) == (2, ())
    assert len(heavy(three)) == 2
    assert three.problems == (ReadProblem("f", 0, "more than 2 blocks: the rest was not checked"),)


class ManyFindings:
    """A linter with so many findings in every block."""

    SERVERS = (Server.NGINX,)

    def __init__(self, count: int) -> None:
        self.count = count

    def lint(self, block: Block) -> Iterator[Finding]:
        finding = block.finding(CULPRITS["nginx-gzip"], Level.ERROR, "")
        for number in range(self.count):
            assert number <= 2_000, "asked for more than it takes to see that there are too many"
            yield replace(finding, line=number)


TOO_MANY = (ReadProblem("f", 0, "more than 2000 findings: the rest was not checked"),)
FINDINGS = [
    # name                     findings in a block, blocks    in all, problems
    ("as many as are kept",    2_000, 1,                      2_000,  ()),
    ("one more",               2_001, 1,                      2_000,  TOO_MANY),
    ("far more",               9_999, 1,                      2_000,  TOO_MANY),
    ("in two blocks",          1_000, 2,                      2_000,  ()),
    ("in two blocks, more",    1_001, 2,                      2_000,  TOO_MANY),
    ("and no block more",      2_001, 2,                      2_000,  TOO_MANY),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "count", "blocks", "kept", "problems"), FINDINGS, ids=[row[0] for row in FINDINGS]
)
def test_more_findings_than_the_limit_are_reported(monkeypatch, name, count, blocks, kept, problems):
    monkeypatch.setattr("flushcheck.checking.check.LINTERS", (ManyFindings(count),))
    checked = nginx("location / { proxy_pass http://x; }\n" * blocks)
    assert (len(checked.findings), checked.problems) == (kept, problems)


MADE = (ReadProblem("f", 0, "more than 20000 findings, many at one place: the rest was not checked"),)


@pytest.mark.parametrize(("blocks", "problems"), [(20, ()), (21, MADE), (22, MADE)])
def test_equal_findings_of_one_line_are_made_up_to_a_limit(monkeypatch, blocks, problems):
    monkeypatch.setattr("flushcheck.checking.check.LINTERS", (ManyFindings(1_000),))
    checked = nginx("location / { proxy_pass http://x; }" * blocks)
    assert (len(checked.findings), checked.problems) == (1_000, problems)


def test_equal_findings_of_two_results_count_once():
    part = nginx("location / { proxy_pass http://x; }")
    assert merge([part, part]) == part
    unread = CheckResult(problems=(ReadProblem("g", 0, "why"),))
    assert merge([part, unread]).problems == (*part.problems, ReadProblem("g", 0, "why"))


def test_a_block_with_a_finding_in_one_reading_has_not_passed():
    held = nginx("location / { proxy_pass http://x; }")
    passing = nginx("location / { proxy_buffering off; proxy_pass http://x; }")
    assert len(passing.passed) == 1
    assert merge([held, passing]).passed == ()
    unclear = nginx("location / { trim on; proxy_buffering off; proxy_pass http://x; }")
    assert len(unclear.unknown) == 1
    assert merge([unclear, unclear]).unknown == unclear.unknown
    assert merge([held, unclear]).unknown == ()


WORDS = [
    # name                         server           text                                                          a part of the message
    ("apache: the worker shared",  Server.APACHE,   "ProxyPass /a fcgi://x/\nProxyPass /b fcgi://x/b flushpackets=on", "f:1 made the worker first"),
    ("apache: the forum's advice", Server.APACHE,   "SetEnv FcgidOutputBufferSize 0\nAddHandler fcgid-script .fcgi",   "SetEnv FcgidOutputBufferSize 0 does nothing against the hold here"),
    ("nginx: two of them",         Server.NGINX,    "server { listen 8080; location / { proxy_pass http://x; } }\nserver { location / { proxy_pass http://127.0.0.1:8080; } }", "removes X-Accel-Buffering"),
    ("nginx: lost headers",        Server.NGINX,    "server {\nproxy_http_version 1.1;\nproxy_set_header Upgrade $http_upgrade;\nproxy_set_header Connection upgrade;\nlocation / {\nproxy_set_header Host x;\nproxy_pass http://x;\n}\n}", "f:3 is not inherited, because f:6 starts a new list"),
    ("haproxy: HTTP/2 is clean",   Server.HAPROXY,  "frontend f\nmode http\nbind :443 ssl crt x alpn h2,http/1.1\ndefault_backend b\nbackend b\nmode http\nserver s x:1", "browsers get each chunk at once over HTTP/2"),
    ("gunicorn: the environment",  Server.GUNICORN, "import os\nworker_class = os.environ.get('K', 'sync')",           "unless K in the environment says otherwise"),
    ("gunicorn: a file unread",    Server.GUNICORN, "web: gunicorn -c conf.py a:b",                                    "unless conf.py, which could not be read, sets worker_class"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "server", "text", "expected"), WORDS, ids=[row[0] for row in WORDS])
def test_a_message_names_the_cause(name, server, text, expected):
    checked = check_text(text, server=server, name="f")
    assert expected in " ".join(f"{finding.message} {finding.override}" for finding in checked.findings)


def test_htaccess_cannot_say_what_the_host_has_set():
    checked = check_text("AddHandler fcgid-script .fcgi", server=Server.APACHE, name="www/.htaccess")
    (finding,) = [finding for finding in checked.findings if finding.culprit.id == "apache-mod-fcgid"]
    assert finding.level is Level.WARNING
    assert "which .htaccess cannot change" in finding.message
    assert finding.edits == ()


def test_control_characters_of_a_file_do_not_reach_the_terminal():
    from flushcheck.reports.findings import findings_text

    text = "location /\x1b[31m\u202e {\n proxy_pass http://x;\n}"
    shown = findings_text(nginx(text), width=80, color=False)
    assert "\x1b" not in shown
    assert "\u202e" not in shown


BLOCKS = [
    # name, locations on one line each, the blocks of one note
    ("names that differ", "location /a { proxy_pass http://x; }\nlocation /b { proxy_pass http://x; }\n",
     "location /a, location /b (line 3)"),
    ("the same name twice", "location / { proxy_pass http://x; }\n} server {\nlocation / { proxy_pass http://x; }\n",
     "location / (line 2), location / (line 4)"),
]  # fmt: skip


SUMMED = [
    # locations, the places of the error, the summary
    (2, "location /0 (line 1), location /1 (line 5)", "1 error, 0 warnings, 2 notes in 2 blocks"),
    (12, "location /10 (line 32), location /11 (line 35)", "1 error, 0 warnings, 2 notes in 12 blocks"),
    (13, "location /11 (line 35) and 1 more", "1 error, 0 warnings, 2 notes in 13 blocks"),
]


@pytest.mark.parametrize(("count", "places", "summary"), SUMMED)
def test_the_same_finding_in_several_blocks_is_one_with_several_places(count, places, summary):
    from flushcheck.reports.findings import findings_text

    blocks = "".join(
        f"location /{number} {{\nproxy_buffering on;\nproxy_pass http://x; }}\n" for number in range(count)
    )
    shown = " ".join(findings_text(nginx(blocks), width=100, color=False).split())
    assert shown.count("nginx-proxy-buffering") == 1
    assert places in shown
    assert summary in shown


@pytest.mark.parametrize(("name", "locations", "blocks"), BLOCKS, ids=[row[0] for row in BLOCKS])
def test_blocks_of_one_name_are_told_apart_by_their_line(name, locations, blocks):
    from flushcheck.reports.findings import findings_text

    shown = findings_text(nginx(f"server {{\n{locations}}}\n"), width=100, color=False)
    assert f"idle-timeout  in {blocks}\n" in shown
