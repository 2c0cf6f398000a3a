"""The hands that ask: sockets, threads and clocks, and no judgement.

`observe` makes one Probe, `observe_all` many side by side, `gather` a whole run. What they return are
Observations, failure included; what those mean is for `diagnosis.inference` to say.
"""

from flushcheck.prober.gather_run import (
    DEFAULT_TIMEOUT_S,
    MAX_TIMEOUT_S,
    Progress,
    gather,
    ladder,
    search_s,
)
from flushcheck.prober.observe import observe, observe_all
from flushcheck.prober.saved import dump, load, saving

__all__ = [
    "DEFAULT_TIMEOUT_S",
    "MAX_TIMEOUT_S",
    "Progress",
    "dump",
    "gather",
    "ladder",
    "load",
    "observe",
    "observe_all",
    "saving",
    "search_s",
]
