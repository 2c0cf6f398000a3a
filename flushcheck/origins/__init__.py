"""Origins for Python web servers and frameworks: thin mounts of `protocol.origin`.

`wsgi.py` and `asgi.py` are middlewares for any app, `flask.py`, `django.py` and `starlette.py` are routes
inside of these frameworks, `cgi.py` is a script for a web server. `writing.py` makes files that need nothing
installed. `flushcheck.wsgi` and `flushcheck.asgi` are the names to import; they import the standard library
only, and a framework is imported by its own module.
"""
