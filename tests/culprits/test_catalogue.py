"""The catalogue: what each culprit says of itself in data, found by its id, explained as text, JSON and page."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html import escape
from importlib import import_module
from pathlib import Path

import pytest

from flushcheck.configs.versions import CADDY_ENCODE_FLUSH, NGINX_UPSTREAM_HTTP11
from flushcheck.culprits import CATALOGUE, CULPRITS, DETECTORS, FALLBACK_DETECTORS, LINTERS
from flushcheck.culprits.catalogue import FLOWS, MAX_WORDS, SERVERS, Selection, find, near, read_selection
from flushcheck.model import Culprit, Fix, Flow, Owner, Source, Symptom, UsageError
from flushcheck.reports import culprit_pages, explain, fixes

EVERY = [pytest.param(culprit, id=culprit.id) for culprit in CULPRITS.values()]

HOSTILE = Culprit(
    id='"><script>',
    title="<b>bold</b>",
    why="why & how\x1b[2J",
    symptoms="</p>",
    detection="<i>",
    fixes=(Fix("<where>", "change <line>\nsecond", Owner.APP, cost="a 'cost'", note="<u>"),),
    references=("https://example.org/?a=1&b=2", "javascript:alert(1)"),
)


def page_of(culprit, **options):
    return culprit_pages.explanation_html(
        culprit, root="../", settings={"a": "</script>"}, url="http://h", **options
    )


def ids(modules):
    return {module.CULPRIT.id for module in modules}


MODULES = [
    path
    for path in sorted((Path(__file__).parents[2] / "flushcheck" / "culprits").glob("*.py"))
    if re.search(r"^CULPRIT\b", path.read_text(), re.MULTILINE)
]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_every_culprit_is_listed_under_the_name_of_its_file(path):
    culprit = import_module(f"flushcheck.culprits.{path.stem}").CULPRIT
    listed = culprit in CULPRITS.values()
    assert listed, f"add {path.stem} to CATALOGUE in flushcheck/culprits/__init__.py"
    assert culprit.id == path.stem.replace("_", "-"), (
        f"flushcheck/culprits/{path.name}: the file and the id need the same name; id={culprit.id!r}"
    )


WAYS = [
    # shown by,                                 how to look for it
    ({Source.PATH, Source.FILE},                [explain.IN_FILES]),
    ({Source.FILE},                             [explain.IN_FILES]),
    ({Source.PATH},                             [explain.NOT_IN_FILES]),
    ({Source.PATH, Source.APP, Source.TAP},     [explain.NOT_IN_FILES, explain.AT_A_TAP]),
    ({Source.APP, Source.TAP},                  [explain.AT_A_TAP]),
    ({Source.APP},                              []),
]  # fmt: skip


@pytest.mark.parametrize(("sources", "ways"), WAYS)
def test_an_explanation_says_how_to_look_for_it(sources, ways):
    culprit = replace(HOSTILE, shown_by=frozenset(sources))
    text = explain.explanation_text(culprit, width=200, color=False)
    assert [way for way in (explain.IN_FILES, explain.NOT_IN_FILES, explain.AT_A_TAP) if way in text] == ways


def test_no_id_stands_twice():
    assert len(CULPRITS) == len(CATALOGUE)


@pytest.mark.parametrize(
    ("source", "modules"),
    [(Source.PATH, (*DETECTORS, *FALLBACK_DETECTORS)), (Source.FILE, LINTERS)],
)
def test_a_culprit_says_who_can_show_it(source, modules):
    assert {culprit.id for culprit in CULPRITS.values() if source in culprit.shown_by} == ids(modules)


def test_a_tap_shows_a_culprit_by_the_layers_that_it_lists():
    tapped = {culprit.id for culprit in CULPRITS.values() if Source.TAP in culprit.shown_by}
    assert tapped == {culprit.id for culprit in CULPRITS.values() if culprit.layers}
    layers = [layer for culprit in CULPRITS.values() for layer in culprit.layers]
    assert len(layers) == len(set(layers))


def test_only_the_last_resorts_name_no_program():
    assert ids(FALLBACK_DETECTORS) == {
        "http-hop",
        "compressor",
        "joined-response",
        "buffering-hop",
        "byte-buffer",
    }


def test_only_the_idle_timeout_ends_silent_streams_alone():
    assert {culprit.id for culprit in CULPRITS.values() if culprit.idle_only} == {"idle-timeout"}


@pytest.mark.parametrize("culprit", EVERY)
def test_look_alikes_are_other_culprits(culprit):
    assert set(culprit.looks_like) <= CULPRITS.keys() - {culprit.id}


@pytest.mark.parametrize("culprit", EVERY)
def test_every_culprit_has_a_fix_and_only_apps_send_response_headers(culprit):
    assert culprit.fixes
    assert {fix.by for fix in culprit.fixes if fix.response_header} <= {Owner.APP}
    for fix in culprit.fixes:
        assert fix.response_header is (fix.where == "the app, on each streamed response")


@pytest.mark.parametrize("culprit", EVERY)
def test_every_culprit_is_explained_in_full(culprit):
    assert find(culprit.id) is culprit
    text = " ".join(explain.explanation_text(culprit, width=100, color=False).split())
    assert f"status: {explain.status_sentence(culprit)}" in text
    page = page_of(culprit)
    for needed in (culprit.title, culprit.why, culprit.symptoms, culprit.detection):
        assert needed
        assert " ".join(needed.split()) in text
    for fix in culprit.fixes:
        assert " ".join(fix.where.split()) in text
        assert " ".join(fix.change.split()) in text
        assert escape(fix.change) in page
        for label, remark in (("cost", fix.cost), ("note", fix.note)):
            assert not remark or f"{label}: {remark}" in text
            assert not remark or f"{label.capitalize()}: {escape(remark)}" in page
    assert page.count("<section") == len(culprit.fixes)
    assert page.count("<figure>") == len(culprit.shows)
    document = json.loads(json.dumps(explain.explanation_document(culprit)))
    assert [shown["flow"] for shown in document["shows"]] == [symptom.flow for symptom in culprit.shows]
    assert (document["status"], document["measured_on"]) == (culprit.status, list(culprit.measured_on))
    assert [fix["change"] for fix in document["fixes"]] == [fix.change for fix in culprit.fixes]
    assert ("what its versions do" in text) is bool(culprit.versions)
    for change in culprit.versions:
        assert f"{change.sentence()}. Source: {change.source}." in text
    assert [
        (entry["program"], entry["before"], entry["after"], entry["source"]) for entry in document["versions"]
    ] == [(change.program, change.before, change.after, change.source) for change in culprit.versions]
    assert all(re.fullmatch(r"\d+(\.\d+)+", entry["since"]) for entry in document["versions"])
    assert document["shown_by"] == sorted(source.value for source in culprit.shown_by)


@pytest.mark.parametrize(
    ("fix", "labels"),
    [
        (Fix("w", "c", Owner.APP), []),
        (Fix("w", "c", Owner.APP, until=NGINX_UPSTREAM_HTTP11), ["for:"]),
        (Fix("w", "c", Owner.APP, since=NGINX_UPSTREAM_HTTP11), ["for:"]),
        (Fix("w", "c", Owner.APP, cost="x"), ["cost:"]),
        (Fix("w", "c", Owner.APP, note="x"), ["note:"]),
        (Fix("w", "c", Owner.APP, cost="x", note="x"), ["cost:", "note:"]),
    ],
)
def test_no_label_stands_without_a_text(fix, labels):
    culprit = Culprit("id", "title", "why", "symptoms", "detection", (fix,))
    words = explain.explanation_text(culprit, width=80, color=False).split()
    assert [word for word in words if word in ("for:", "cost:", "note:")] == labels


VERSIONS = [
    # before, and from this change on            what the fix is for
    ((None, None),                               ""),
    ((NGINX_UPSTREAM_HTTP11, None),              "nginx before 1.29.7"),
    ((None, NGINX_UPSTREAM_HTTP11),              "nginx 1.29.7 and later"),
    ((CADDY_ENCODE_FLUSH, NGINX_UPSTREAM_HTTP11), "Caddy before 2.9, nginx 1.29.7 and later"),
]  # fmt: skip


@pytest.mark.parametrize(("sides", "text"), VERSIONS)
def test_a_fix_says_for_which_versions_it_is(sides, text):
    until, since = sides
    assert fixes.versions(Fix("w", "c", Owner.APP, until=until, since=since)) == text
    assert fixes.fix_document(Fix("w", "c", Owner.APP, until=until, since=since))["versions"] == text


BUFFERING = ("nginx-scgi-buffering", "nginx-uwsgi-buffering")
GZIP = ("gzip-members", "django-gzip-middleware", "nginx-gzip", "varnish-gzip")
NEAR = [
    # given                 the ids offered
    ("nginx_gzip",          ("nginx-gzip", "nginx-ssi", "varnish-gzip", "nginx-brotli")),
    ("Nginx-Gzip",          ("nginx-gzip", "nginx-ssi", "varnish-gzip", "nginx-brotli")),
    ("nginx - gzip",        ("nginx-gzip", "nginx-ssi", "varnish-gzip", "nginx-brotli")),
    ("nginx buffering",     (*BUFFERING, "nginx-proxy-buffering", "nginx-fastcgi-buffering")),
    ("proxy_buffering",     ("nginx-proxy-buffering", "traefik-buffering", "php-output-buffering", "envoy-buffer")),
    ("ngnix-proxy-bufering", ("nginx-proxy-buffering", *BUFFERING, "nginx-fastcgi-buffering")),
    ("varnish",             ("varnish-gzip", "varnish-do-stream")),
    ("websocket",           ("websocket-upgrade", "gateway-websocket")),
    ("haproxy",             ("haproxy-http-delay", "haproxy-compression", "haproxy-wait-for-body")),
    ("gzip",                GZIP),
    ("zip",                 GZIP),  # three letters are a word
    ("wait for body",       ("haproxy-wait-for-body", "lighttpd-stream-response-body", "waitress-send-bytes", "nginx-body-filter")),
    ("limit_rate",          ("nginx-limit-rate", "apache-ratelimit", "http2-stream-limit", "app-server-limit")),
    ("-" * 57 + "gzip",     GZIP),  # 60 characters count
    ("-" * 58 + "gzip",     ()),
    ("cache zzzzzzzz zzzzzzzzzz zzzzzzz nginx", ("nginx-proxy-cache", "nginx-proxy-buffering", "nginx-gzip", "nginx-brotli")),
    ("an ap",               ()),
]  # fmt: skip


@pytest.mark.parametrize(("given", "offered"), NEAR)
def test_an_unknown_id_is_answered_with_the_nearest(given, offered):
    assert near(given) == offered


ERRORS = [
    # given         the error
    ("gzip",        "no culprit is called 'gzip'. Did you mean gzip-members, django-gzip-middleware, nginx-gzip, varnish-gzip?"),
    ("z" * 60,      f"no culprit is called '{'z' * 60}': expected an id that `flushcheck explain` lists, for example app-layer"),
    ("z" * 61,      f"no culprit is called '{'z' * 60}…': expected an id that `flushcheck explain` lists, for example app-layer"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "error"), ERRORS)
def test_the_error_offers_what_is_near_or_an_example(given, error):
    with pytest.raises(UsageError) as raised:
        find(given)
    assert str(raised.value) == error


@pytest.mark.parametrize("given", ["", "zzz", "x" * 10_000, "\0", "-", "_ _"])
def test_an_id_like_nothing_gets_an_example(given):
    with pytest.raises(UsageError, match="for example") as error:
        find(given)
    assert len(str(error.value)) < 400


@pytest.mark.parametrize("width", [10, 40, 60, 80, 200])
def test_the_list_and_the_explanations_respect_the_width(width):
    every = CULPRITS.values()
    texts = [explain.catalogue_text(every, width=width, color=False)]
    texts += [explain.explanation_text(culprit, width=width, color=False) for culprit in every]
    to_copy = {
        line.strip() for culprit in every for fix in culprit.fixes for line in fix.change.splitlines()
    } | {reference for culprit in every for reference in culprit.references}
    for text in texts:
        for line in text.splitlines():
            assert len(line) <= max(40, min(width, 100)) or line.strip() in to_copy


def test_the_list_names_all():
    text = explain.catalogue_text(CULPRITS.values(), width=80, color=False)
    page = culprit_pages.catalogue_html(Selection(), root="")
    listed = explain.catalogue_document(CULPRITS.values())["culprits"]
    assert [entry["id"] for entry in listed] == list(CULPRITS)
    for name in CULPRITS:
        assert name in text
        assert f'href="culprits/{name}"' in page


def test_nothing_in_a_culprit_becomes_markup_or_steers_a_terminal():
    page = page_of(HOSTILE)
    assert page.count("</script>") == 2  # of the settings, and of the module
    for raw in ("<script>", "<b>", "<i>", "<u>", "<where>", "<line>", 'href="javascript:'):
        assert raw not in page
    assert "https://example.org/?a=1&amp;b=2" in page
    assert "\x1b" not in explain.explanation_text(HOSTILE, width=80, color=False)


STATUSES = [
    # name, culprit, its sentence
    ("measured", replace(HOSTILE, measured_on=("nginx 1.22.1", "Caddy 2.6.2")), "measured here on nginx 1.22.1 and Caddy 2.6.2"),
    ("measured, though it names no program", replace(HOSTILE, measured_on=("A 1",), generic=True), "measured here on A 1"),
    ("generic", replace(HOSTILE, generic=True), "names no program: it describes what a run shows"),
    ("documented", HOSTILE, "from documentation: https://example.org/?a=1&b=2"),
    ("documented without an address", replace(HOSTILE, references=()), "from documentation"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "culprit", "sentence"), STATUSES, ids=[row[0] for row in STATUSES])
def test_a_culprit_says_where_its_knowledge_is_from(name, culprit, sentence):
    assert explain.status_sentence(culprit) == sentence
    assert "flushcheck explain" not in sentence
    page = page_of(culprit)
    assert escape(sentence.partition(": http")[0]) in page
    assert ("culprits/measured?q=" in page_of(culprit, has_cases=True)) is True
    assert "culprits/measured?q=" not in page


SEE_IT = [
    # first symptom that can be pretended, in the page; "": no live picture
    ((Symptom(Flow.BLOCKS, block_bytes=4096),), "size=512&amp;spread=256&amp;end=done&amp;format=delta&amp;pretend=blocks-4096"),
    ((Symptom(Flow.LATE), Symptom(Flow.TICKS, tick_s=0.2)), "pretend=ticks-200"),
    ((Symptom(Flow.HELD, compressed=True),), "curl -N --compressed &#x27;http://h/stream/chunked?"),
    ((Symptom(Flow.HELD),), "curl -N &#x27;http://h/stream/chunked?"),
    ((Symptom(Flow.BLOCKS),), ""),
    ((Symptom(Flow.FAILED),), ""),
    ((), ""),
]  # fmt: skip


@pytest.mark.parametrize(("shows", "expected"), SEE_IT)
def test_a_page_shows_its_hold_live_where_the_service_can_pretend_it(shows, expected):
    page = page_of(replace(HOSTILE, shows=shows))
    assert ('id="see-it"' in page) is bool(expected)
    assert expected in page


SELECTIONS = [
    # query, what is listed
    ({}, list(CULPRITS)),
    ({"server": "", "symptom": "", "q": ""}, list(CULPRITS)),
    ({"server": "iis"}, ["iis-response-buffer", "iis-dynamic-compression"]),
    ({"symptom": "ticks"}, ["haproxy-http-delay", "tcp-middlebox"]),
    ({"server": "haproxy", "symptom": "ticks"}, ["haproxy-http-delay"]),
    ({"server": "iis", "symptom": "ticks"}, []),
    ({"q": "VARNISH gzip"}, ["varnish-gzip"]),
    ({"q": "proxy_http_version"}, ["nginx-proxy-buffering", "websocket-upgrade"]),  # in a fix
    ({"q": "3.7.15"}, ["traefik-buffering"]),  # where it was measured
    ({"q": "zzz"}, []),
    ({"q": "z" * MAX_WORDS}, []),
]


@pytest.mark.parametrize(("query", "listed"), SELECTIONS)
def test_culprits_are_selected_by_server_symptom_and_words(query, listed):
    assert [culprit.id for culprit in read_selection(query).select()] == listed


WRONG = [
    ({"server": "ngnix"}, "server=ngnix: expected one of nginx, apache"),
    ({"server": "x" * 100}, f"server={'x' * 60}: "),
    ({"symptom": "flowing"}, "symptom=flowing: expected one of blocks, ticks"),
    ({"symptom": "y" * 100}, f"symptom={'y' * 60}: "),
    ({"q": "z" * (MAX_WORDS + 1)}, "q of 101 characters: expected at most 100"),
    ({"query": "x"}, "unknown parameter 'query': expected server, symptom or q"),
]


@pytest.mark.parametrize(("query", "error"), WRONG)
def test_a_wrong_selection_gets_an_example(query, error):
    with pytest.raises(UsageError, match=re.escape(error)) as raised:
        read_selection(query)
    assert "for example " in str(raised.value)


def test_the_index_lists_each_server_and_symptom_with_its_number():
    page = culprit_pages.catalogue_html(read_selection({"server": "nginx", "q": 'a"b'}), root="")
    for server in {server for servers in SERVERS.values() for server in servers}:
        number = sum(server in servers for servers in SERVERS.values())
        assert f'culprits?server={server}"' in page or server == "nginx"
        assert f"{escape(server.display_name)} <span class=soft>{number}</span>" in page
    assert set(FLOWS) == set(culprit_pages.FLOW_NAMES)
    for flow in FLOWS:
        assert f"server=nginx&amp;symptom={flow}" in page
    assert page.count("aria-current=true") == 2
    assert 'name="server" value="nginx"' in page
    assert 'value="a&quot;b"' in page
    assert page.count(" hidden>") == len(CULPRITS)
