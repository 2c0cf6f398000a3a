"""The advice for a layer is that of its culprit, and its version decides which fixes are offered."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError

import pytest

from flushcheck.culprits import CULPRITS
from flushcheck.taps.recorder import Layer
from flushcheck.testing import known_layers
from flushcheck.testing.known_layers import WSGI_HANDLER, advice, culprit_of

LAYERS = [
    # where it is defined,                                   the culprit; "" for none
    ("flask_compress.flask_compress.Compress",               "flask-compress"),
    ("django.middleware.gzip.GZipMiddleware",                "django-gzip-middleware"),
    ("django.core.handlers.asgi.ASGIHandler",                "django-asgi-iterator"),
    ("starlette.middleware.gzip.GZipMiddleware",             "starlette-gzip-middleware"),
    ("compression",                                          "express-compression"),
    ("django.middleware.http.ConditionalGetMiddleware",      ""),  # passes each chunk on
    ("GZipMiddleware",                                       ""),
    ("",                                                     ""),
]  # fmt: skip


@pytest.mark.parametrize(("path", "expected"), LAYERS)
def test_a_layer_is_known_by_where_it_is_defined(path, expected):
    culprit = culprit_of(Layer("L", path))
    assert (culprit.id if culprit else "") == expected


@pytest.mark.parametrize("path", [path for path, expected in LAYERS if expected])
def test_the_advice_is_one_line_and_names_the_culprit(path):
    text = advice(Layer("L", path))
    culprit = culprit_of(Layer("L", path))
    assert culprit is not None
    assert text.startswith(tuple(f"  fix: {fix.where}: " for fix in culprit.fixes))
    assert text.endswith(f"(flushcheck explain {culprit.id})")
    assert "\n" not in text


VERSIONS = [
    # installed,   whether a newer Starlette is offered
    ("0.46.0",     True),
    ("1.4.9",      True),
    ("1.5.0",      False),
    ("",           True),  # not known
    ("nonsense",   True),
]  # fmt: skip


@pytest.mark.parametrize(("installed", "offered"), VERSIONS)
def test_a_newer_version_is_offered_where_it_helps(monkeypatch, installed, offered):
    def version(name):
        assert name == "Starlette"
        if not installed:
            raise PackageNotFoundError(name)
        return installed

    monkeypatch.setattr(known_layers, "version", version)
    text = advice(Layer("GZipMiddleware", "starlette.middleware.gzip.GZipMiddleware"))
    assert ("Starlette>=1.5" in text) is offered
    assert "remove GZipMiddleware" in text


def test_a_layer_that_is_not_known_gets_the_advice_that_fits_any():
    assert advice(Layer("Log", "app.Log")).startswith("  fix: Log (app.Log) must pass on each chunk")


def test_djangos_handler_of_wsgi_waits_for_an_asynchronous_iterator_only():
    assert "make the view's iterator synchronous" in advice(Layer("WSGIHandler", WSGI_HANDLER))


def test_only_a_tap_needs_layers():
    assert {layer for culprit in CULPRITS.values() for layer in culprit.layers} == {
        path for path, expected in LAYERS if expected
    }
