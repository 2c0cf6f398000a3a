"""PHP: text to tree, and the Blocks of settings and pools."""

import pytest

from flushcheck.configs import php
from flushcheck.configs.findings import Server
from tests.configs.shape import blocks, shape

READ = [
    # name, text, and the shape of what is read
    ("ini", "a = 1 ; b\n[S]\nc.d = \"x;y\"\n;e = 2",        [("", 1, [("a", "1", 1)]), ("S", 2, [("c.d", "x;y", 3)])]),
    ("comments", "; a = 1\n# b = 2\n\nc = 3\n ; d = 4", [("", 1, [("c", "3", 4)])]),
    ("quotes", "a = 'b;c' ; 'd'\ne = \"f\" ; \"g\"", [("", 1, [("a", "b;c", 1), ("e", "f", 2)])]),
    ("pool", "[w]\nphp_value[a.b] = 2\nenv[X] = 3",          [("", 1, []), ("w", 1, [("a.b", "2", 2), ("env", "3", 3)])]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), READ, ids=[row[0] for row in READ])
def test_a_text_is_read(name, text, expected):
    parsed = php.parse(text, "f")
    assert shape(parsed.directives) == expected
    assert parsed.problems == ()


PASSING = [
    # name, text, and the name and kind of every Block
    ("settings",              "output_buffering = 4096",                      [("PHP's settings", "ini")]),
    ("no setting of output",  "memory_limit = 1G",                            []),
    ("php.ini by its section", "[PHP]\nmemory_limit = 1G",                    [("PHP's settings", "ini")]),
    ("an empty php.ini",      "[PHP]",                                        []),
    ("two sections",          "[A]\noutput_buffering = 1\n[B]\nc = 1",       [("PHP's settings", "ini")]),
    ("compression",           "zlib.output_compression = On",                 [("PHP's settings", "ini")]),
    ("a handler",             "output_handler = x",                           [("PHP's settings", "ini")]),
    ("a pool",                "[www]\npm = dynamic",                          [("pool [www]", "pool")]),
    ("two pools",             "[a]\nlisten = x\n[b]\npm.max_children = 2",    [("pool [a]", "pool"), ("pool [b]", "pool")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), PASSING, ids=[row[0] for row in PASSING])
def test_the_blocks_that_pass(name, text, expected):
    assert [(block.name, block.via) for block in blocks(Server.PHP, text)] == expected


def test_php_ini_of_the_command_line_has_no_block():
    assert len(blocks(Server.PHP, "output_buffering = 1", "/etc/php/8.2/fpm/php.ini")) == 1
    assert blocks(Server.PHP, "output_buffering = 1", "/etc/php/8.2/cli/php.ini") == []
    assert blocks(Server.PHP, "output_buffering = 1", "C:\\php\\cli\\php.ini") == []


SIZES = [
    ("On", 1),
    ("yes", 1),
    ("Off", 0),
    ("", 0),
    ("none", 0),
    ("4K", 4096),
    ("2m", 2 << 20),
    ("1g", 1 << 30),
    ("7", 7),
    ("0", 0),
    ("no", 0),
    ("false", 0),
    ("true", 1),
    ("x", None),
]


@pytest.mark.parametrize(("text", "expected"), SIZES)
def test_a_size(text, expected):
    assert php.size_bytes(text) == expected
