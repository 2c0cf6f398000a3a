"""Comments that allow a Finding: where they stand, and that a comment without effect is reported."""

import pytest

from flushcheck.configs.findings import Level, Server
from flushcheck.configs.tree import ReadProblem
from flushcheck.files import check_text


def nginx(text):
    return check_text(text, server=Server.NGINX, name="f")


def heavy(checked):
    return [finding for finding in checked.findings if finding.level is not Level.NOTE]


COMMENTS = [
    # name                     text                                                                                     allowed, counted
    ("above the block",        "# flushcheck: allow nginx-proxy-buffering short responses\nlocation / {\nproxy_pass http://x;\n}",  1, 0),
    ("on the block",           "location / { # flushcheck: allow nginx-proxy-buffering short responses\nproxy_pass http://x;\n}",   1, 0),
    ("above the pass",         "location / {\n# flushcheck: allow nginx-proxy-buffering: short responses\nproxy_pass http://x;\n}", 1, 0),
    ("over comments",          "# flushcheck: allow nginx-proxy-buffering short\n\n# more\nlocation / {\nproxy_pass http://x;\n}", 1, 0),
    ("above the line",         "location / {\n# flushcheck: allow nginx-proxy-buffering short\nproxy_buffering on;\nproxy_pass http://x;\n}", 1, 0),
    ("several ids",            "# flushcheck: allow nginx-gzip, nginx-proxy-buffering short\nlocation / {\nproxy_pass http://x;\n}", 1, 0),
    ("two statements",         "location / {\nproxy_pass http://x; # flushcheck: allow nginx-proxy-buffering short\n}",          1, 0),
    ("one id, used elsewhere", "# flushcheck: allow nginx-proxy-buffering short\nlocation / { root /x; }\nlocation / {\nproxy_pass http://x;\n}", 0, 1),
    ("no reason",              "# flushcheck: allow nginx-proxy-buffering\nlocation / {\nproxy_pass http://x;\n}",            0, 1),
    ("another id",             "# flushcheck: allow nginx-gzip short\nlocation / {\nproxy_pass http://x;\n}",                 0, 1),
    ("below the block",        "location / { proxy_pass http://x; }\n# flushcheck: allow nginx-proxy-buffering short",            0, 1),
    ("another line",           "# flushcheck: allow nginx-proxy-buffering short\nserver {\nlocation / {\nproxy_pass http://x;\n} }", 0, 1),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "allowed", "counted"), COMMENTS, ids=[row[0] for row in COMMENTS])
def test_a_comment_with_a_reason_allows(name, text, allowed, counted):
    checked = nginx(text)
    assert (len(checked.allowed), len(heavy(checked))) == (allowed, counted)
    if allowed:
        assert checked.allowed[0].reason.startswith("short")
        assert checked.passed == ()  # it has a finding, so it has not passed
        assert checked.exit_code() == 0
    else:
        assert "has no effect" in " ".join(problem.reason for problem in checked.problems)


EFFECTLESS = [
    # comment, and the problem
    ("# flushcheck: allow nginx-gzip short",  "allow nginx-gzip has no effect: there is no such finding here"),
    ("# flushcheck: allow nginx-gzip",        "allow nginx-gzip has no effect without a reason: add one behind it"),
    ("# flushcheck: allow b, a : -",          "allow a, b has no effect without a reason: add one behind it"),
]  # fmt: skip


@pytest.mark.parametrize(("comment", "reason"), EFFECTLESS)
def test_a_comment_without_effect_is_reported(comment, reason):
    checked = nginx(f"{comment}\nlocation / {{ root /x; }}")
    assert checked.problems == (ReadProblem("f", 1, reason, incomplete=False),)


REASONS = [
    # behind the id                reason
    ("short answers",              "short answers"),
    (": short answers",            "short answers"),
    (" - short -",                 "short"),
    (" – short\t\r",               "short"),
    (" — short —",                 "short"),
    ("XML of 2 KB, no X",          "XML of 2 KB, no X"),
]  # fmt: skip


@pytest.mark.parametrize(("written", "reason"), REASONS)
def test_an_allowed_finding_says_where_and_why(written, reason):
    checked = nginx(
        f"location / {{\n# flushcheck: allow nginx-proxy-buffering {written}\nproxy_pass http://x;\n}}"
    )
    (allowed,) = checked.allowed
    assert allowed.finding.culprit.id == "nginx-proxy-buffering"
    assert (allowed.file, allowed.line, allowed.reason) == ("f", 2, reason)


def test_each_allowed_finding_is_listed():
    block = "location / { proxy_pass http://x; } # flushcheck: allow nginx-proxy-buffering short\n"
    assert [(each.finding.line, each.line) for each in nginx(block * 2).allowed] == [(1, 1), (2, 2)]


def test_of_two_comments_for_one_line_the_one_without_effect_is_reported():
    used = "# flushcheck: allow nginx-proxy-buffering short\n"
    unused = "# flushcheck: allow nginx-gzip short\n"
    for comments in (used + unused, unused + used):
        (problem,) = nginx(f"{comments}location / {{\nproxy_pass http://x;\n}}").problems
        assert "allow nginx-gzip has no effect" in problem.reason


def test_a_used_comment_is_no_problem():
    checked = nginx("# flushcheck: allow nginx-proxy-buffering short\nlocation / {\nproxy_pass http://x;\n}")
    assert checked.problems == ()
