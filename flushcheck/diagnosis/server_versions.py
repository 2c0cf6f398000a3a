"""Which versions the servers of a path name, and what that changes in a Report.

A version in a Server header is the outermost hop's word for itself. It convicts nothing: it only chooses
among the fixes of a culprit that the evidence has found, and says which of two answers holds here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from flushcheck.measurement.observations import Observations
from flushcheck.model import CulpritReport, Vantage, Version, VersionChange
from flushcheck.model.versions import version_named


def with_versions(report: CulpritReport, seen: Observations, layers: Sequence[str] = ()) -> CulpritReport:
    """The same culprit with what the versions on this path tell: sentences, and the fixes they rule out.

    Args:
        report: of the culprit.
        seen: the run.
        layers: of the app, each with its program and version, as an origin names them.
    """
    culprit = report.culprit
    named = partial(named_version, seen=seen, layers=layers)
    sentences = tuple(change.sentence(named(change)) for change in culprit.versions)
    ruled_out = frozenset(fix for fix in culprit.fixes if not fix.is_offered(named))
    return replace(report, versions=sentences, refuted=report.refuted | ruled_out)


def named_version(change: VersionChange, seen: Observations, layers: Sequence[str] = ()) -> Version:
    """The version of this change's program that the path or the app names; () if neither does."""
    on_path = (observation for observation in seen if observation.probe.vantage is Vantage.PATH)
    servers = (observation.header("server") for observation in on_path)
    return version_named(change.program, (*servers, *layers))
