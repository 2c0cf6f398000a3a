"""Whether the responses of a path name Envoy: that chooses among programs that behave alike, no more."""

from __future__ import annotations

from flushcheck.measurement.observations import Observations
from flushcheck.model import Evidence, Vantage

FILTER_NAME_NOTE = "the key below typed_per_filter_config is the name that the filter has in http_filters"


def named(seen: Observations) -> bool:
    """Whether a response on the path names Envoy, in Server or by a header of its own."""
    return bool(evidence(seen))


def evidence(seen: Observations) -> tuple[Evidence, ...]:
    """The header that names Envoy; nothing if none does."""
    for observation in seen:
        if observation.probe.vantage is not Vantage.PATH:
            continue
        for name, value in observation.headers:
            if (name == "server" and value.lower() == "envoy") or name.startswith("x-envoy-"):
                written = "Server: envoy" if name == "server" else name[:100]
                return (
                    Evidence(
                        f"{observation.probe.transport}: the response has {written}", (observation.probe.id,)
                    ),
                )
    return ()
