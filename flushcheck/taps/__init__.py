"""Taps: where the chunks of a response are noted on their way through the layers of a WSGI or ASGI app.

A layer is a middleware, an `after_request` function, or the framework itself. A tap stands inside each of
them, so that two neighbouring taps show what the layer between them did: 20 chunks in and 1 chunk out is a
layer that joins. A tap passes on the same bytes at the same moment.

Start with `apps.py` (which taps an app gets), then `recorder.py` (what they note). `wsgi.py` and `asgi.py`
are the taps of the two protocols, `chain.py` finds the layers, `flask_app.py` and `django_app.py` know what
lies inside of these frameworks. `live.py` puts taps into an app that serves, `django_settings.py` into a
project by its settings; `notes.py` is what they note there, `store.py` where it waits for `flushcheck tap`.
Imports the standard library only; a framework is imported where the app has imported it already.
"""

from __future__ import annotations

from flushcheck.taps.django_settings import django
from flushcheck.taps.live import install

__all__ = ["django", "install"]
