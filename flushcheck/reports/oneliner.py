"""A diagnosis with nothing installed: curl reads, perl notes the moments, curl sends it to the judge.

perl's `sysread` returns what is there, so each read is one Arrival. The reads go back as they came,
header included (`curl -i`), each under a line with its moment and size: `reads` understands that.
"""

from __future__ import annotations

import shlex

from flushcheck.measurement.plan import ROUTE_DEFAULTS, ROUTES, params
from flushcheck.model import Probe, Scenario, Transport, Variant
from flushcheck.streaming.params import query

# In this order: an answer's place says which Probe it was. The last one is made without --compressed.
PROBES = (
    Probe(Transport.CHUNKED),
    Probe(Transport.CHUNKED, variant=Variant.XAB),
    Probe(Transport.CHUNKED, Scenario.KILO),
    Probe(Transport.CHUNKED, variant=Variant.IDENTITY),
)

STAMP = '$t=time;while($n=sysread STDIN,$b,65536){printf"\\n@%.4f %d\\n%s",time-$t,$n,$b}'


def oneliner(base_url: str) -> str:
    """One line for any shell with curl and perl that prints the verdict on `base_url`.

    Args:
        base_url: the service's root, with or without a slash at the end.
    """
    root = base_url.rstrip("/")
    stream = root + ROUTES[Transport.CHUNKED]
    *compressed, plain = (query(params(probe), ROUTE_DEFAULTS[probe.transport]) for probe in PROBES)
    # curl asks for each alternative in braces in turn.
    offered = shlex.quote(f"{stream}?{{{','.join(compressed)}}}")
    bare = shlex.quote(f"{stream}?{plain}")
    judge = shlex.quote(f"{root}/diagnostics/judge")
    return (
        f"curl -siN --compressed {offered} --next -siN {bare}"
        f" | perl -MTime::HiRes=time -e {shlex.quote(STAMP)}"
        f" | curl -s --data-binary @- {judge}"
    )
