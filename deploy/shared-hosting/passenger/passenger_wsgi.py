"""Phusion Passenger, as in cPanel's "Setup Python App": this file goes to the application root."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from wsgi import app as application

__all__ = ["application"]
