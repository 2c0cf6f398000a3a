"""The layers of an app as an origin names them."""

from __future__ import annotations

from importlib.metadata import version

import pytest

from flushcheck.origins.layers import MAX_LAYERS, MAX_NAME, described, inside

PYTEST = f"pytest/{version('pytest')}"

ROWS = [
    # name                      paths                                              names
    ("none",                    [],                                                []),
    ("of the app",              ["app.Logs"],                                      ["app.Logs"]),
    ("of a package",            ["pytest.Logs"],                                   [f"pytest.Logs {PYTEST}"]),
    ("without a module",        [""],                                              [""]),
    ("around the outer mount",  ["app.A", "flushcheck.origins.wsgi.M", "app.B"],   ["app.B"]),
    ("a name like flushcheck",  ["flushchecker.A", "app.B"],                       ["flushchecker.A", "app.B"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "paths", "names"), ROWS, ids=[row[0] for row in ROWS])
def test_layers_have_their_package_and_version(name, paths, names):
    assert inside(paths) == names


def test_names_are_bounded():
    assert inside(["a" * 300]) == ["a" * MAX_NAME]
    assert len(inside([f"app.{number}" for number in range(60)])) == MAX_LAYERS


def test_a_package_is_found_by_either_spelling():
    assert described("flask_compress").lower().startswith("flask-compress/")
    assert described("no_such_package") == ""
