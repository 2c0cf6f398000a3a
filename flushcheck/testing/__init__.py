"""Does an app stream? A test of the order in which its pieces are made and handed out, without a server.

    from flushcheck.testing import assert_streams

    def test_chat_streams():
        assert_streams(app, "/chat", json={"stream": True})

The app runs in the process of the test: no socket, no sleeping, no clock. It fails with the name of the layer
that made pieces wait. Start with `assertion.py`, then `order.py` (the rule, pure); `calling.py` calls the
app, `content.py` decodes its response as a browser does, `plugin.py` is the plugin for pytest.
`url_assertion.py` does the same over the network, with a running server, and `serving.py` starts one.
"""

from __future__ import annotations

from flushcheck.testing.assertion import NotStreaming, assert_streams
from flushcheck.testing.order import LayerOrder, StreamOrder
from flushcheck.testing.serving import assert_served_streams, served
from flushcheck.testing.url_assertion import assert_url_streams

__all__ = [
    "LayerOrder",
    "NotStreaming",
    "StreamOrder",
    "assert_served_streams",
    "assert_streams",
    "assert_url_streams",
    "served",
]
