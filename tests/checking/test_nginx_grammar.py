"""Lines that nginx refuses, held against the real nginx: it refuses what the check says, and accepts the rest."""

import subprocess
from pathlib import Path

import pytest

from flushcheck.configs.findings import Server
from flushcheck.configs.tree import MAX_DEPTH
from flushcheck.files import check_text, read_text
from flushcheck.files.nginx_grammar import MAX_REFUSED
from flushcheck.files.read_configs import read_dump
from tests.checking.test_programs import SBIN


def in_location(line: str) -> str:
    return f"events {{}}\nhttp {{ server {{ location / {{ proxy_pass http://127.0.0.1:8000;\n{line}\n}} }} }}"


ACCEPTED = [
    in_location("proxy_buffering off;"),
    in_location("proxy_buffering OFF;"),
    in_location("proxy_buffers 8 4k;"),
    in_location("if ($http_accept) { gzip off; }"),
    in_location("limit_except GET { proxy_pass http://127.0.0.1:1; }"),
    in_location("location /inner { proxy_buffering on; }"),
    in_location("keepalive_time 1h;"),
    "events {}\nhttp { map $uri $x { default 1; proxy_bufering 2; } upstream a { server 127.0.0.1:1; keepalive 2; } }",
    "events {}\nhttp { server { ssl_reject_handshake on; listen 127.0.0.1:9; } }",
    "worker_processes 2;\nevents { worker_connections 100; }",
]

REFUSED = [
    (in_location("proxy_bufering off;"), "unknown directive 'proxy_bufering'; did you mean proxy_buffering?"),
    (
        in_location("proxy_read_timeout: 24h;"),
        "unknown directive 'proxy_read_timeout:'; did you mean proxy_read_timeout?",
    ),
    (
        in_location("Proxy-Buffering off;"),
        "unknown directive 'Proxy-Buffering'; did you mean proxy_buffering?",
    ),
    (
        "http2_max_concurrent_streams 9;\nevents {}\nhttp {}",
        "http2_max_concurrent_streams is not allowed in the main context; expected in http or server",
    ),
    (in_location("proxy_buffer off;"), "no directive 'proxy_buffer' in http; did you mean proxy_buffers?"),
    (
        in_location("proxy_buffering of;"),
        'invalid value "of" in "proxy_buffering" directive, it must be "on" or "off"',
    ),
    (in_location("proxy_buffering;"), 'invalid number of arguments in "proxy_buffering" directive'),
    (in_location("proxy_buffers 4k;"), 'invalid number of arguments in "proxy_buffers" directive'),
    (
        in_location("if ($http_accept) { proxy_buffering off; }"),
        "proxy_buffering is not allowed in if; expected in http or server or location",
    ),
    (
        in_location("worker_processes 2;"),
        "worker_processes is not allowed in location; expected in the main context",
    ),
    (in_location("location;"), 'directive "location" has no opening "{"'),
    (
        "events {}\nhttp { proxy_pass http://127.0.0.1:1; }",
        "proxy_pass is not allowed in http; expected in location or if or limit_except",
    ),
    (
        "proxy_buffering off;\nevents {}",
        "proxy_buffering is not allowed in the main context; expected in http or server or location",
    ),
]


def reasons(text: str) -> list[str]:
    (config,) = read_text(text, server=Server.NGINX).configs
    return [problem.reason for problem in config.problems if problem.refused]


def real_nginx_accepts(text: str, tmp_path: Path) -> bool:
    file = tmp_path / "nginx.conf"
    file.write_text(f"pid {tmp_path}/nginx.pid;\n{text}")
    command = ["nginx", "-t", "-q", "-e", "stderr", "-p", f"{tmp_path}/", "-c", str(file)]
    return subprocess.run(command, env={"PATH": SBIN}, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("text", ACCEPTED)
def test_what_nginx_accepts_is_not_refused(text) -> None:
    assert reasons(text) == []


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_nginx_refuses_is_told_with_the_reason(text, reason) -> None:
    assert reasons(text) == [f"nginx refuses this file: {reason}"]


@pytest.mark.live
@pytest.mark.parametrize("text", ACCEPTED)
def test_the_real_nginx_accepts_it(text, tmp_path) -> None:
    assert real_nginx_accepts(text, tmp_path)


@pytest.mark.live
@pytest.mark.parametrize("text", [text for text, _ in REFUSED])
def test_the_real_nginx_refuses_it(text, tmp_path) -> None:
    assert not real_nginx_accepts(text, tmp_path)


FRAGMENTS = [
    # The context of the outermost lines is not known, so only what fails everywhere is refused.
    ("proxy_buffering off;", 0),
    ("worker_processes 1;", 0),
    ("proxy_bufering off;", 1),
    ("proxy_buffering of;", 1),
    ("server { listen 1; proxy_pass 127.0.0.1:1; }", 0),  # may belong to stream { }
    ("server { proxy_pass http://x; location / { } }", 1),
    ("location / { proxy_pass http://x; worker_processes 1; }", 1),
    ("location / { proxy_pass http://x; }", 0),
]


@pytest.mark.parametrize(("text", "count"), FRAGMENTS)
def test_a_fragment_is_refused_only_for_what_no_context_allows(text, count) -> None:
    assert len(reasons(text)) == count


def test_an_unknown_name_may_belong_to_a_module() -> None:
    assert reasons(in_location("frobnicate_responses on;")) == [
        "'frobnicate_responses' is no directive of nginx: nginx refuses this file, unless a module has it that is not known here"
    ]


FILTERS = [
    (
        "body_filter_by_lua_block { ngx.arg[1] = nil }",
        "body_filter_by_lua_block (line 3): responses go through Lua code, which may collect them",
    ),
    (
        "subs_filter a b;",
        "",
    ),
    (
        "modsecurity on;",
        "modsecurity (line 3): responses go through ModSecurity, which may collect them",
    ),
    ("modsecurity off;", ""),
    ("header_filter_by_lua_block { ngx.header.x = 1 }", ""),
    ("access_by_lua_block { return }", ""),
]


@pytest.mark.parametrize(("line", "reason"), FILTERS)
def test_a_body_filter_of_another_module_makes_a_block_unknown(line, reason) -> None:
    checked = check_text(in_location(f"{line} proxy_buffering off;"), server=Server.NGINX)
    assert [block.reason for block in checked.unknown] == ([reason] if reason else [])
    assert checked.exit_code() == (3 if reason else 0)
    assert len(checked.passed) == (0 if reason else 1)


def test_a_body_filter_does_not_hide_a_finding() -> None:
    checked = check_text(in_location("subs_filter a b;"), server=Server.NGINX)
    assert [finding.culprit.id for finding in checked.findings if finding.level == "error"] == [
        "nginx-proxy-buffering"
    ]
    assert (checked.unknown, checked.exit_code()) == ((), 1)


def test_what_nginx_itself_printed_is_not_refused() -> None:
    (config,) = read_dump({"nginx.conf": in_location("frobnicate on;")}, server=Server.NGINX).configs
    assert config.problems == ()


def test_a_file_of_refused_lines_ends() -> None:
    assert len(reasons("\n".join(f"line_{number} {'x' * 1000};" for number in range(1000)))) == MAX_REFUSED
    assert len(reasons(f"{'x' * 100_000} on;")) == 1
    assert (
        len(reasons("location / { " * (MAX_DEPTH - 1) + "proxy_bufering off;" + "}" * (MAX_DEPTH - 1))) >= 1
    )
