#!/home/you/flushcheck/.venv/bin/python
"""Plain CGI: the web server starts this program for each request (.htaccess beside it) and reads its output."""

import sys

sys.path.insert(0, "/home/you/flushcheck")

from flushcheck.service.gateways import serve_cgi
from wsgi import app

serve_cgi(app)
