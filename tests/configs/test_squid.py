"""squid.conf: text to tree, the peers that are apps, and what is not known of them."""

import pytest

from flushcheck.configs import squid
from flushcheck.configs.findings import Server
from tests.configs.shape import blocks, shape

READ = [
    # text, and the shape of what is read
    ("a b c\n# d\n\n e f # g",               [("a", "b", "c", 1), ("e", "f", 4)]),
    ("a b \\\n  c\\",                       [("a", "b", "c\\", 1)]),
    ("A B",                                 [("a", "B", 1)]),
    ("if x\na b\nelse\nc d\nendif\ne f",   [("if", "x", 1, [("a", "b", 2)]), ("if", "else", 3, [("c", "d", 4)]), ("e", "f", 6)]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), READ)
def test_a_text_is_read(text, expected):
    parsed = squid.parse(text, "f")
    assert shape(parsed.directives) == expected
    assert parsed.problems == ()


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [("a\nendif", 2, "endif: no if is open"), ("if a\nb", 1, "an if is not ended by endif")],
)
def test_an_unbalanced_condition_is_a_problem(text, line, reason):
    assert [(problem.line, problem.reason) for problem in squid.parse(text, "f").problems] == [(line, reason)]


PEERS = [
    # text, and the blocks
    ("cache_peer a parent 80 0 originserver",     ["cache_peer a parent 80"]),
    ("cache_peer a parent 3128 0",                []),
    ("http_port 3128",                            []),
    ("cache_peer a parent 1 0 originserver\ncache_peer b parent 2 0 no-query originserver", ["cache_peer a parent 1", "cache_peer b parent 2"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PEERS)
def test_a_peer_that_is_an_origin_server_is_a_block(text, expected):
    assert [block.name for block in blocks(Server.SQUID, text)] == expected


def test_a_block_knows_where_its_readers_come_in():
    (block,) = blocks(
        Server.SQUID, "http_port 80 accel\nhttps_port 443 accel\ncache_peer a parent 1 0 originserver"
    )
    assert [(listener.at.line, listener.tls) for listener in block.listeners] == [(1, False), (2, True)]


TIMES = [
    (("1",), 1), (("1", "minute"), 60), (("2", "hours"), 7200), (("0.5", "Minutes"), 30), (("100", "milliseconds"), 0.1),
    (("1", "day"), 86_400), (("1", "week"), 604_800), ((), None), (("x",), None), (("1", "x"), None),
    (("12345678",), None), (("1234567",), 1_234_567), (("1.2345",), None),
]  # fmt: skip


@pytest.mark.parametrize(("args", "expected"), TIMES)
def test_a_time(args, expected):
    assert squid.seconds(args) == expected


ICAP = "icap_enable on\nicap_service s respmod_precache icap://a"
THROUGH = [
    "icap_service s respmod_precache icap://a (line 3): responses go through this service, which may collect them"
]
DOUBTS = [
    # lines behind a peer, and why it is not known
    ("",                                                             []),
    (f"{ICAP}\nadaptation_access s allow all",                       THROUGH),
    (f"{ICAP}\nadaptation_access s deny all",                        []),
    (f"{ICAP}\nadaptation_access t allow all",                       []),
    (f"{ICAP}\nadaptation_service_set t s\nadaptation_access t allow all", THROUGH),
    (f"{ICAP}\nadaptation_service_chain t x s\nadaptation_access t allow all", THROUGH),
    (f"{ICAP}\nadaptation_service_set t x\nadaptation_access t allow all", []),
    (f"{ICAP}\nadaptation_access s allow all\nicap_enable off",      []),
    ("icap_service s respmod_precache icap://a\nadaptation_access s allow all", []),
    ("icap_enable on\nicap_service s reqmod_precache icap://a\nadaptation_access s allow all", []),
    ("ecap_enable on\necap_service s respmod_precache ecap://a\nadaptation_access s allow all", ["ecap_service s respmod_precache ecap://a (line 3): responses go through this service, which may collect them"]),
    ("if a\ncache_dir b\nendif",                                     []),
    ("if a\nread_timeout 1\nendif",                                  ["lines under if a (line 2) count only where the condition holds: not checked"]),
    ("adaptation_access\ndelay_access\nhttp_port",                   []),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), DOUBTS)
def test_what_is_not_known_has_its_reason(lines, expected):
    (block,) = blocks(Server.SQUID, f"cache_peer a parent 1 0 originserver\n{lines}")
    assert list(squid.doubts(block)) == expected
