"""A fix lands where a person would put it, and nowhere else."""

import pytest

from tests.live.nginxconf import apply_fix, directives, placed, site, without

TRICKY = """\
map $http_upgrade $up { default upgrade; '' close; }  # a { brace } in a comment
server {
    listen 80;
    # location / { proxy_pass http://no-such-host; }
    location /other { return 200 "a } and a ;"; }
    location / {
        proxy_pass http://127.0.0.1:8000;  # proxy_buffering off;
        proxy_set_header Host ${host}x;
    }
}
"""

FIXES = [
    # name                  body before                         change                      body after
    ("a new line",          "a 1;",                             "proxy_buffering off;",     "a 1; proxy_buffering off;"),
    ("takes the old place", "proxy_buffering on; a 1;",         "proxy_buffering off;",     "proxy_buffering off; a 1;"),
    ("several",             "a 1;",                             "b 2; c 3;",                "a 1; b 2; c 3;"),
    ("another header",      "proxy_set_header A 1;",            "proxy_set_header B 2;",    "proxy_set_header A 1; proxy_set_header B 2;"),
    ("the same header",     "proxy_set_header A 1; x 1;",       "proxy_set_header A 2;",    "proxy_set_header A 2; x 1;"),
    ("not in a comment",    "# proxy_buffering on;\na 1;",      "proxy_buffering off;",     "# proxy_buffering on; a 1; proxy_buffering off;"),
    ("quotes stay",         "a 1;",                             'b "x;{";',                 'a 1; b "x;{";'),
]  # fmt: skip


@pytest.mark.parametrize(("name", "before", "change", "after"), FIXES, ids=lambda v: v[:20])
def test_fix_is_applied(name: str, before: str, change: str, after: str) -> None:
    assert apply_fix(site(before), change).split() == site(after).split(), name


def test_only_the_named_location_changes() -> None:
    fixed = apply_fix(TRICKY, "gzip off;", location="/other")
    assert [d.words[0] for d in directives(fixed)] == ["map", "server"]
    assert fixed.replace("\n        gzip off;", "") == TRICKY
    assert 'return 200 "a } and a ;";\n        gzip off;' in fixed


def test_a_fix_for_the_top_goes_first() -> None:
    assert apply_fix(TRICKY, "map $a $b { x y; }", location=None).startswith("map $a $b { x y; }\nmap")


def test_a_location_that_is_not_there_is_told() -> None:
    with pytest.raises(LookupError, match="location /nowhere: expected one, found 0"):
        apply_fix(TRICKY, "a 1;", location="/nowhere")


@pytest.mark.parametrize("text", ["a 1", "a {", "}", "server { a 1; "])
def test_half_a_file_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"unfinished|a brace too many"):
        directives(text)


def test_a_line_that_matters_is_deleted() -> None:
    assert without(TRICKY, "proxy_set_header Host") == TRICKY.replace(
        "        proxy_set_header Host ${host}x;\n", ""
    )
    assert "proxy_buffering" not in without(TRICKY, "proxy_pass")


def test_a_line_that_is_not_there_cannot_be_deleted() -> None:
    with pytest.raises(LookupError, match="expected once, found 0"):
        without(TRICKY, "proxy_buffering off;")


def test_only_ports_are_moved() -> None:
    assert placed(TRICKY + "server { listen 8080; }", port=5, upstreams={8000: 6}) == (
        TRICKY.replace("listen 80;", "listen 127.0.0.1:5;").replace(":8000", ":6") + "server { listen 8080; }"
    )
