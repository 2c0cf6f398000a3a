"""What the taps of WSGI and ASGI have in common: what they are around, and the attributes they show."""

from __future__ import annotations

from typing import Any

from flushcheck.taps.recorder import Layer, Recorder


class AppTap:
    """An app with a tap. A layer that looks at attributes of the next one (`self.app.state`) finds them."""

    def __init__(self, app: Any, layer: Layer, recorder: Recorder, original: Any) -> None:
        """Args:
        app: what lies inside of the tap.
        layer: the layer that calls it.
        recorder: what notes its responses.
        original: whose attributes the tap has: the app without taps in it.
        """
        self._tapped = app, layer, recorder
        self._original = original

    def __getattr__(self, name: str) -> Any:
        return getattr(self._original, name)
