"""The HTTP service: Flask routes, limits, and the code that writes streams to sockets.

Start with `application.py`, where the routes become one WSGI application. `routes/` reads requests,
`limits/` refuses what is too much, `serving/` writes paced streams, `page/` is the browser's part. What a
stream contains and what a run means is decided in the pure packages.
"""

from flushcheck.service.application import create_app

__all__ = ["create_app"]
