"""How a paced stream is written to a connection, and what the app server below offers for that.

The one door is `serve.Serving.write`: it takes a FrameSchedule and a connection (HTTP or WebSocket) and
writes the stream. All else here serves it. Two ways lead to the socket: the engine (`stream_writer.py`), one
loop that writes all streams of a gevent process, and the plain path (`frame_schedule.iter_frames_blocking`),
which any WSGI server can take. `FLUSHCHECK_ENGINE=off` forces the plain path.

Start with `serve.py`, then `frame_schedule.py`. gevent is named here and, outside, only where a thread pool
is needed. What depends on private parts of gunicorn or gevent is in `internals.py` and nowhere else. May
import: flask (`http_connection.py` alone), gunicorn and gevent (only inside of functions), and the pure
packages. Never: routes, limits.
"""
