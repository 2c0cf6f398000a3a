"""Which versions the servers of a path name, and what that changes in a Report.

A version in a Server header is the outermost hop's word for itself. It convicts nothing: it only chooses
among the fixes of a culprit that the evidence has found (`fixes.py`), and says which of two answers holds
here.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from flushcheck.configs.versions import NGINX_UPSTREAM_HTTP11
from flushcheck.measurement.observations import Observations
from flushcheck.model import Culprit, Vantage, Version, VersionChange
from flushcheck.model.versions import version_named


def version_sentences(
    culprit: Culprit, seen: Observations, layers: Sequence[str] = (), called: Collection[str] = ()
) -> tuple[str, ...]:
    """What the versions on this path do, or what both sides do where none is named.

    A default of one protocol is left out where the app was called over another one: it is not in force.

    Args:
        culprit: whose versions.
        seen: the run.
        layers: of the app, each with its program and version, as an origin names them.
        called: how the app was called; empty if that is not known.
    """
    return tuple(
        change.sentence(named_version(change, seen, layers))
        for change in culprit.versions
        if change is not NGINX_UPSTREAM_HTTP11 or not called or "HTTP/1.0" in called
    )


def named_version(change: VersionChange, seen: Observations, layers: Sequence[str] = ()) -> Version:
    """The version of this change's program that the path or the app names; () if neither does."""
    on_path = (observation for observation in seen if observation.probe.vantage is Vantage.PATH)
    servers = (observation.header("server") for observation in on_path)
    return version_named(change.program, (*servers, *layers))
