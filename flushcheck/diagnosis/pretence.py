"""Whether a stream was held by the service itself, on request: the parameter `pretend` of a stream.

Such a stream shows what a hold looks like and nothing about the path, so no culprit may be named for any
Transport of its run. No diagnosis requests one; it stands in an address that was watched, or was added to the
query on the way.
"""

from __future__ import annotations

from collections.abc import Iterable

from flushcheck.model import Observation

MAX_SHOWN = 40  # characters of a value from the far side


def pretended_sentence(observations: Iterable[Observation]) -> str:
    """Say which hold was pretended, and what to do; "" if none was."""
    pretended = next(filter(None, (observation.pretended for observation in observations)), "")
    if not pretended:
        return ""
    return (
        f"the service held the stream itself, on request (pretend={pretended[:MAX_SHOWN]}), so this run "
        "shows nothing about the path; leave pretend out of the address and run again"
    )
