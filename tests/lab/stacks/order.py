"""`assert_streams` on the stack that LAB_STACK names, in a process with the stack's versions: prints what it finds.

The taps are kept, too: a recording of them proves the rules of the order without the stack's libraries.
"""

from __future__ import annotations

import json
from unittest.mock import patch

from flushcheck.taps.recorder import Recorder
from flushcheck.testing import assert_streams, assertion
from tests.lab.stacks.apps import chosen, make
from tests.lab.stacks.views import COUNT


def main() -> None:
    """Make the check and print a document."""
    stack = chosen()
    kept: list[Recorder] = []

    def keep(*, turns: int) -> Recorder:
        kept.append(Recorder(turns=turns))
        return kept[-1]

    found: dict[str, object] = {"message": "", "layers": []}
    with patch.object(assertion, "Recorder", keep):
        try:
            assert_streams(make(stack), f"/stream/{stack.route}", min_pieces=COUNT // 2)
        except assertion.NotStreaming as error:
            found = {"message": str(error), "layers": [layer.name for layer in error.layers]}
    taps, unreadable, _ = assertion._taps(kept[0])
    found |= {
        "unreadable": unreadable,
        "taps": [
            [tap.layer.name, tap.layer.path, tap.content_encoding, tap.moments, tap.content_bytes]
            for tap in taps
        ],
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
