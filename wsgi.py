"""What a WSGI server loads: `gunicorn -c deploy/gunicorn.conf.py wsgi:app`."""

from app import app

__all__ = ["app"]
