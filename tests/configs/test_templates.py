"""Marks of template languages: what a parser gets in their place."""

import pytest

from flushcheck.configs.findings import Server
from flushcheck.configs.templates import for_yaml, is_marked, parseable, reorders, without_marks

MARKS = [
    # text                                      without its marks
    ("a b;",                                    "a b;"),
    ("a {{ b }};",                              "a ⟨b⟩;"),
    ("a {{- b -}};",                            "a ⟨b⟩;"),
    ("a {{ b | join(' ') }};",                  "a ⟨b_join⟩;"),
    ("a http://{{ b }}:{{ c.d }}/;",            "a http://⟨b⟩:⟨c.d⟩/;"),
    ("a {{ }};",                                "a ⟨value⟩;"),
    ("{% if x %}\na;\n{% endif %}",           "\na;\n"),
    ("a {% if x %}b{% endif %};",               "a b;"),
    ("a x{% if x %}y;",                         "a x⟨if_x⟩y;"),
    ("{{ if .x }}\na;\n{{ end }}",            "\na;\n"),
    ("{{- range $i := .x }}\na;\n{{- end }}", "\na;\n"),
    ("{{#each x}}\na;\n{{/each}}",            "\na;\n"),
    ("{{ $x := 1 }}\na;",                      "\na;"),
    ("{{ iffy }};",                             "⟨iffy⟩;"),
    ("{# a\nb #}c;",                           "\nc;"),
    ("<% x.each do |y| -%>\na <%= y %>;",      "\na ⟨y⟩;"),
    ("a <%- y %>;",                             "a ⟨y⟩;"),
    ("<%- x.each do |y| -%>\na;\n<%- end -%>",  "\na;\n"),
    ("<%- x.times do -%>\na;",                  "\na;"),
    ("<%- redo -%>;",                           "⟨redo⟩;"),
    ("{{ ansible_managed }}\na;",              "\na;"),
    ("{{ ansible_managed | comment }}\na;",    "\na;"),
    ("{{ note | comment('c') }}\na;",          "\na;"),
    ("{{ ansible_managed_by }}\na;",           "⟨ansible_managed_by⟩\na;"),
    ("{{ comment }}\na;",                      "⟨comment⟩\na;"),
    ("{% include 'a.conf' %}\na;",             "⟨include_a.conf⟩\na;"),
    ("{%- include 'a.conf' -%}\na;",           "⟨include_a.conf⟩\na;"),
    ("{% includes %}\na;",                     "\na;"),
    ("a { b }",                                 "a { b }"),
    ("{{ " + "x" * 61 + " }}",                  "⟨" + "x" * 60 + "⟩"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MARKS)
def test_a_mark_becomes_one_word_or_nothing_and_lines_stay(text, expected):
    assert without_marks(text) == expected
    assert without_marks(text).count("\n") == text.count("\n")


PARSED = [
    (Server.NGINX,    "  {{ x }}\n",           "  include ⟨x⟩;\n"),
    (Server.APACHE,   "{{ x }}",                "Include ⟨x⟩"),
    (Server.CADDY,    "{{ x }}",                "import ⟨x⟩"),
    (Server.LIGHTTPD, "{{ x }}",                'include "⟨x⟩"'),
    (Server.HAPROXY,  "{{ x }}",                "template ⟨x⟩"),
    (Server.VARNISH,  "{{ x }}",                'include "⟨x⟩";'),
    (Server.PHP,      "{{ x }}",                "# ⟨x⟩"),
    (Server.GUNICORN, "{{ x }}",                "{{ x }}"),
    (Server.NGINX,    "#⟨x⟩",                   "include ⟨x⟩;"),
    (Server.NGINX,    "a ${PORT};",             "a ⟨PORT⟩;"),
    (Server.NGINX,    "a ${PORT:-80};",         "a ⟨PORT:-80⟩;"),
    (Server.NGINX,    "a $PORT;",               "a ⟨PORT⟩;"),
    (Server.NGINX,    "a $host ${host};",       "a $host ${host};"),
    (Server.NGINX,    "a @PORT@ __PORT__ %%p%%;", "a ⟨PORT⟩ ⟨PORT⟩ ⟨p⟩;"),
    (Server.NGINX,    "location @app { }",      "location @app { }"),
    (Server.APACHE,   "a ${PORT}",              "a ${PORT}"),
]  # fmt: skip


@pytest.mark.parametrize(("server", "text", "expected"), PARSED)
def test_what_a_parser_gets(server, text, expected):
    assert parseable(text, server) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a: {{ x }}\n{{ y }}\nb: c", "a: ⟨x⟩\n#⟨y⟩\nb: c"), ("{{ if x }}\na: b", "\na: b"), ("a: b", "a: b")],
)
def test_a_line_of_a_chart_that_is_a_mark_becomes_a_comment(text, expected):
    assert for_yaml(text) == expected


@pytest.mark.parametrize(("text", "marked"), [("a ⟨b⟩", True), ("a b", False)])
def test_a_mark_is_seen(text, marked):
    assert is_marked(text) is marked


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{% macro a() %}", True),
        ("{%- block a %}", True),
        ("{% call a() %}", True),
        ('{{ define "a" }}', True),
        ('{{- block "a" . }}', True),
        ("{% blocks %}", False),
        ("{% if a %}", False),
        ("{{ defined }}", False),
        ("a { macro b; }", False),
    ],
)
def test_a_template_may_write_its_parts_in_another_place(text, expected):
    assert reorders(text) is expected
