"""mod_wsgi: Apache loads this into a Python of its own (.htaccess beside it, or vhost.conf)."""

import site
import sys

# mod_wsgi knows of no virtual environment by itself. Its Python must be of the version that made this one.
site.addsitedir("/home/you/flushcheck/.venv/lib/python{}.{}/site-packages".format(*sys.version_info))
sys.path.insert(0, "/home/you/flushcheck")

from flushcheck.service.gateways import Mounted
from wsgi import app

application = Mounted(app)
