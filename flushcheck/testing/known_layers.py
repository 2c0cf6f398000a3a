"""What to do about a layer that makes pieces wait: the advice of its culprit in the catalogue.

A culprit lists the layers that it is (`Culprit.layers`), by where they are defined. Which of its fixes help
depends on the version of the library that is installed here.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

from flushcheck.model import Culprit, Version, VersionChange
from flushcheck.model.versions import version_named
from flushcheck.taps.recorder import Layer

# Django's handler passes on what it gets; only an asynchronous iterator it reads to its end.
WSGI_HANDLER = "django.core.handlers.wsgi.WSGIHandler"


def culprit_of(layer: Layer) -> Culprit | None:
    """The culprit that this layer is; None if it is none of the known ones."""
    from flushcheck.culprits import CULPRITS  # only where something has failed: an import of 20 ms

    return next((culprit for culprit in CULPRITS.values() if layer.path in culprit.layers), None)


def advice(layer: Layer, package_version: str = "") -> str:
    """Return one line with the changes to make; one that fits any layer where the layer is not known.

    Args:
        layer: of the app.
        package_version: of the package that defines it, where the app runs elsewhere; "": what is installed.
    """
    culprit = culprit_of(layer)
    if layer.path == WSGI_HANDLER:
        return (
            "  fix: make the view's iterator synchronous (`def` with `yield`), or serve the app over ASGI: "
            "Django reads an asynchronous one to its end under WSGI"
        )
    if culprit is None:
        defined = f" ({layer.path})" if layer.path else ""
        return (
            f"  fix: {layer.name}{defined} must pass on each chunk when it gets it; leave streamed responses "
            "alone there"
        )

    def version_of(change: VersionChange) -> Version:
        package = layer.path.partition(".")[0]
        if package_version and change.program.lower().replace("-", "_") == package:
            return version_named(change.program, [f"{change.program}/{package_version}"])
        return () if package_version else _installed(change)

    fixes = [fix for fix in culprit.fixes if fix.is_offered(version_of)]
    changes = "; or ".join(f"{fix.where}: {' '.join(fix.change.split())}" for fix in fixes)
    return f"  fix: {changes} (flushcheck explain {culprit.id})"


def _installed(change: VersionChange) -> Version:
    """The version of the change's program, if it is a library that is installed here; () if not."""
    try:
        return version_named(change.program, [f"{change.program}/{version(change.program)}"])
    except PackageNotFoundError:
        return ()
