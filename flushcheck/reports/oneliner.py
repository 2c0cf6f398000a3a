"""A diagnosis with nothing installed: curl reads, perl adds the time of each read, curl posts the result.

perl's `sysread` returns the bytes that are there, so each read is one Arrival. The reads go to the service
unchanged, headers included (`curl -i`), each below a line with its time and size: `measurement.curl_capture`
parses that.
"""

from __future__ import annotations

import shlex

from flushcheck.measurement.plan import ROUTE_DEFAULTS, ROUTES, params
from flushcheck.model import Probe, Scenario, Transport, Variant
from flushcheck.streaming.params import query

# The order counts: the n-th response belongs to the n-th Probe. The last one is made without --compressed.
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
