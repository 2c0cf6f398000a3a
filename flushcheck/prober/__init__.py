"""The prober makes the requests of a diagnosis: sockets, threads and clocks, and no verdicts.

Start with `gathering.py` (a whole run), then `observe.py` (probes side by side), `streams.py` (one probe),
`connections.py` (who speaks which version of HTTP), `http_client.py` (what they have in common), `http1.py`,
`http2.py`, `http3.py` (an optional dependency), `connecting.py` (how a connection opens) and
`timed_socket.py` (the moment of each read). `target.py` says where all of them go. `watching.py` follows the
stream of any other app, over the same connections. What peers do is never raised: it is an Outcome. What it
means is decided in `diagnosis`.

Imports `model`, `streaming`, `measurement` and `watching`. The service and the command import it.
"""

from flushcheck.prober.arguments import DEFAULT_TIMEOUT_S, MAX_TIMEOUT_S, parse_silences, search_s
from flushcheck.prober.gathering import gather
from flushcheck.prober.observe import observe, observe_all
from flushcheck.prober.rounds import RunProgress
from flushcheck.prober.saved import dump, load, saving
from flushcheck.prober.target import ConnectionOptions

__all__ = [
    "DEFAULT_TIMEOUT_S",
    "MAX_TIMEOUT_S",
    "ConnectionOptions",
    "RunProgress",
    "dump",
    "gather",
    "load",
    "observe",
    "observe_all",
    "parse_silences",
    "saving",
    "search_s",
]
