"""Realistic configurations with many blocks and includes: the marked lines are found, and no others."""

from pathlib import Path

import pytest

from flushcheck.files import check_all, read
from flushcheck.reports.findings import findings_text
from tests.checking.marks import CONFIGS, expected, found

CASES = sorted(path for path in (CONFIGS / "real").iterdir() if path.is_dir())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_real_configuration_has_the_findings_that_are_marked(
    case: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(case.parent)
    got = read([case.name])
    texts = {name: text for config in got.configs for name, text in config.texts.items()}
    assert {Path(name) for name in texts} == {
        path.relative_to(case.parent) for path in case.rglob("*") if path.is_file()
    }
    checked = check_all(got)
    marked, marked_notes = expected(texts)
    seen, seen_notes = found(checked)
    assert seen == marked
    assert marked_notes <= seen_notes
    assert [problem for problem in checked.problems if problem.incomplete] == []
    assert checked.findings or checked.passed or checked.unknown


WORDS = [
    # case                          what must be said
    ("nginx-map-and-snippets",      "/chat/: proxy_buffering off (nginx-map-and-snippets/snippets/ws.conf:4)"),
    ("nginx-auth-and-assets",       "add_header X-Accel-Buffering no does nothing against the hold here"),
    ("apache-shared-hosting",       "SetEnv FcgidOutputBufferSize 0 does nothing against the hold here"),
    ("nginx-behind-nginx",          "the inner nginx (nginx-behind-nginx/nginx.conf:14) removes X-Accel-Buffering"),
    ("apache-php-htaccess",         "php_flag zlib.output_compression off"),
    ("caddy-imports",               "inside the encode block"),
    ("gunicorn-docker-entrypoint",  "in gunicorn wsgi"),
    ("gunicorn-unit-and-settings",  "3 streams at a time with 3 workers, all others wait, unless WORKER_CLASS in the environment"),
    ("varnish-esi",                 "stores every response that no return (pass) exempts"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "words"), WORDS, ids=[case for case, _ in WORDS])
def test_the_text_of_a_real_configuration(case: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(CONFIGS / "real")
    text = findings_text(check_all(read([case])), width=100, color=False)
    assert words in " ".join(text.split())
