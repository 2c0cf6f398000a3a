"""mod_wsgi: Apache loads this into its own Python (.htaccess beside it, or vhost.conf)."""

import site
import sys

# mod_wsgi does not find a virtual environment by itself. Its Python must have the version that created this one.
site.addsitedir("/home/you/flushcheck/.venv/lib/python{}.{}/site-packages".format(*sys.version_info))
sys.path.insert(0, "/home/you/flushcheck")

from flushcheck.service.gateways import Mounted
from wsgi import app

application = Mounted(app)
