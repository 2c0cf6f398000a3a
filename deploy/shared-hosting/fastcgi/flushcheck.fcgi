#!/home/you/flushcheck/.venv/bin/python
"""FastCGI: started by Apache's mod_fcgid (.htaccess beside it), or by yourself for nginx: `flushcheck.fcgi 9000`."""

import sys

sys.path.insert(0, "/home/you/flushcheck")

from flushcheck.service.gateways import serve_fastcgi
from wsgi import app

serve_fastcgi(app, *sys.argv[1:2])
