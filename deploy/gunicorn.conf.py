"""How gunicorn serves flushcheck: `gunicorn -c deploy/gunicorn.conf.py wsgi:app`.

What is set here is what streams need. Everything can be overridden on gunicorn's command line.
Source for every name: gunicorn's manual, "Settings"; seen on gunicorn 27.0.1 with gevent 26.9.0.
"""

import os
from pathlib import Path
from typing import Any

# wsgi.py lies beside deploy/, so the service can be started from any folder.
chdir = str(Path(__file__).resolve().parent.parent)

# All interfaces, because in a container or on a VPS the proxy is often another address; PORT is
# what hosts set.
bind = f"0.0.0.0:{os.environ.get('PORT') or '8000'}"

# A stream costs one greenlet. A sync worker would serve one stream at a time, and be killed by
# `timeout` in its midst.
worker_class = "gevent"

# One process serves thousands of slow streams; WEB_CONCURRENCY (what hosts set) adds cores, not
# streams.
workers = int(os.environ.get("WEB_CONCURRENCY") or "1")

# At most so many clients at once in one worker. When streams hold them all even a health check
# waits, so the service must stop taking streams below this number.
worker_connections = 1000

# Longest request line in bytes: room for a text of the visitor's own, percent-encoded (2,000 bytes of
# Chinese make 6,000), where the default of 4094 answers 414.
limit_request_line = 8190

# Workers load the app after gevent has patched the standard library; loading it before the fork
# would come too early.
preload_app = False

# Seconds an idle keep-alive connection is kept: longer than the usual pause between two polls, so that
# a polling client keeps its connection. It is also how long half-sent request headers may hold a
# greenlet, so not much longer.
keepalive = 10

# Seconds a worker may be silent before it is killed. The gevent worker reports from its own loop,
# so a long stream never counts as silence: this catches a process that truly hangs.
timeout = 30

# Seconds that open streams get to end properly after SIGTERM, below the 10 s after which `docker
# stop` kills.
graceful_timeout = 8

# The heartbeat file is touched every second: in memory where there is such a place, because a
# slow or read-only disk (a container's root) would look like a worker that hangs.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

# gunicorn 25 and later open a socket for remote control in HOME: nothing here uses it, a second
# gunicorn on the machine would fight over it, and a non-root user in a container has no HOME to
# write to.
control_socket_disable = True

# The service writes its own structured log, without the visitor's text; gunicorn's would hold the
# whole query.
accesslog = None

# Trouble goes to stderr; the notes about booting would bury the address printed below.
errorlog = "-"
loglevel = "warning"


def when_ready(server: Any) -> None:
    """Print where to look, as soon as connections are accepted.

    The address is the one really bound, so that `--bind` on the command line is told truly.
    """
    for listener in server.LISTENERS:
        name = listener.sock.getsockname()
        if isinstance(name, tuple):
            host = "localhost" if name[0] in ("0.0.0.0", "127.0.0.1", "::", "::1") else name[0]
            where = f"http://{f'[{host}]' if ':' in host else host}:{name[1]}"
        else:
            where = f"unix:{name}"
        # Flushed: under a supervisor stdout is a pipe, and the line would wait for 8 KiB of company.
        print(f"flushcheck listens on {where}", flush=True)
