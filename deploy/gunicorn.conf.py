"""How gunicorn serves flushcheck: `gunicorn -c deploy/gunicorn.conf.py wsgi:app`.

What is set here is what streams need. Everything can be overridden on gunicorn's command line.
Source for every name: gunicorn's manual, "Settings"; seen on gunicorn 27.0.1 with gevent 26.9.0.
"""

import gc
import os
import resource
import shutil
import sys
import tempfile
from contextlib import suppress
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
# waits, so the service stops taking streams below this number (900, unless FLUSHCHECK_MAX_STREAMS says
# otherwise; what is no number there is the app's to refuse) and the rest stay free for short requests.
_streams = os.environ.get("FLUSHCHECK_MAX_STREAMS", "")
_streams_most = int(_streams) if _streams.isdecimal() else 900
worker_connections = _streams_most + max(100, _streams_most // 10)

# Each of them takes a descriptor, and so do the files of the process. The usual soft limit of 1024 is for
# programs that use select(); what is allowed at all is the hard limit (systemd: LimitNOFILE).
_descriptors = worker_connections + 200
_soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
if _hard == resource.RLIM_INFINITY or _hard >= _descriptors:
    if 0 <= _soft < _descriptors:  # RLIM_INFINITY is -1
        resource.setrlimit(resource.RLIMIT_NOFILE, (_descriptors, _hard))
else:
    print(
        f"flushcheck: {_streams_most} streams need {_descriptors} descriptors, and this process may have "
        f"{_hard}: raise its hard limit (systemd: LimitNOFILE={_descriptors}) or lower "
        "FLUSHCHECK_MAX_STREAMS",
        file=sys.stderr,
        flush=True,
    )

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


# Where the workers put their counts, so that whichever of them is asked for /metrics knows all.
METRICS_FOLDER = "FLUSHCHECK_METRICS_FOLDER"


def post_fork(server: Any, worker: Any) -> None:
    """Hand the worker to the app, which asks it for its settings and whether it stops.

    Before the app is loaded, and before gevent patches the standard library: what is imported here must not
    import more of it than it does.
    """
    from flushcheck.service.serving.internals import hand_over

    hand_over(worker)


def post_worker_init(worker: Any) -> None:
    """Take the app's own 50,000 objects, and most that streams make, out of the garbage collector's rounds.

    A full round over them stopped every stream for 70 to 120 ms (on a busy machine). Of what a request leaves
    behind little is in cycles, so it can wait for longer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def on_starting(server: Any) -> None:
    """Give the workers an empty folder to count in. Where none can be had, each counts for itself."""
    os.environ.pop(METRICS_FOLDER, None)  # an older master's (USR2), which will remove it
    with suppress(OSError):
        folder = tempfile.mkdtemp(prefix="flushcheck-", dir=worker_tmp_dir)
        if os.geteuid() == 0:
            os.chown(folder, server.cfg.uid, server.cfg.gid)  # --user is whom the workers run as
        os.environ[METRICS_FOLDER] = folder


def on_exit(server: Any) -> None:
    """Take it away again."""
    shutil.rmtree(os.environ.get(METRICS_FOLDER, ""), ignore_errors=True)


def pre_request(worker: Any, req: Any) -> None:
    """Decide what gunicorn leaves open, before it makes the request the app's."""
    from flushcheck.service.limits.bodies import is_large

    headers = dict(req.headers)
    # The app's place below the host is the word of a proxy on this machine (or the environment's). gunicorn
    # answers 500 where the path does not begin with it, so that any visitor whose proxy passes on headers
    # with underscores could ask for one.
    if not req.path.startswith(headers.get("SCRIPT_NAME", os.environ.get("SCRIPT_NAME", ""))):
        req.headers.append(("SCRIPT_NAME", ""))
    # gunicorn would read the rest of any body, however long, before it looks for the next request.
    if is_large(headers):
        req.force_close()


def post_request(worker: Any, req: Any, environ: dict[str, Any], resp: Any) -> None:
    """Let the client of a large body see the answer before its connection is reset."""
    from flushcheck.service.limits.bodies import is_large, lingering_close

    if req.must_close and "gunicorn.socket" in environ and is_large(dict(req.headers)):
        lingering_close(environ["gunicorn.socket"])
