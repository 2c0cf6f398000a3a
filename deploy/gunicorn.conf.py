"""How gunicorn serves flushcheck: `gunicorn -c deploy/gunicorn.conf.py wsgi:app`.

It sets what streams need. The command line of gunicorn overrides everything. Source for every name:
gunicorn's manual, "Settings"; seen on gunicorn 27.0.1 with gevent 26.9.0.
"""

import gc
import mmap
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

# All interfaces, because in a container or on a VPS the proxy often has another address. Hosting platforms
# set PORT.
bind = f"0.0.0.0:{os.environ.get('PORT') or '8000'}"

# A stream costs one greenlet. A sync worker would serve one stream at a time, and `timeout` would kill it
# before a long stream ends.
worker_class = "gevent"

# One process serves thousands of slow streams; WEB_CONCURRENCY (set by hosting platforms) adds cores, not
# streams.
workers = int(os.environ.get("WEB_CONCURRENCY") or "1")

# The most clients at once in one worker. When streams hold them all even a health check waits, so the service
# refuses streams below this number (900, or FLUSHCHECK_MAX_STREAMS; the app itself rejects a value that is no
# number), and the rest stays free for short requests.
_streams = os.environ.get("FLUSHCHECK_MAX_STREAMS", "")
_streams_most = int(_streams) if _streams.isdecimal() else 900
worker_connections = _streams_most + max(100, _streams_most // 10)

# Each client takes a descriptor, and so does each open file of the process. The usual soft limit of 1024 is
# for programs that use select(); the hard limit is what the process may have at all (systemd: LimitNOFILE).
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

# Longest request line in bytes: room for a visitor's own text, percent-encoded (2,000 bytes of Chinese become
# 6,000). With the default of 4094 the response is 414.
limit_request_line = 8190

# Workers load the app after gevent has patched the standard library; before the fork would be too early.
preload_app = False

# Seconds that an idle keep-alive connection is kept: longer than the usual pause between two polls, so that a
# polling client keeps its connection. Half-sent request headers hold a greenlet for as long, so not much
# longer.
keepalive = 10

# Seconds that a worker may be silent before it is killed. The gevent worker reports from its own loop, so a
# long stream never counts as silence: this ends a process that hangs.
timeout = 30

# Seconds that open streams have to end after SIGTERM, below the 10 s after which `docker stop` kills.
graceful_timeout = 8

# The heartbeat file is touched every second: in memory where possible, because a slow or read-only disk (a
# container's root) would look like a worker that hangs.
worker_tmp_dir = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None

# gunicorn 25 and later open a socket for remote control in HOME. Nothing uses it here, two gunicorns on one
# machine conflict over it, and a non-root user in a container has no HOME to write to.
control_socket_disable = True

# The service writes its own structured log, without the visitor's text; gunicorn's would contain the whole
# query.
accesslog = None

# Warnings go to stderr; gunicorn's messages about its start would hide the address printed below.
errorlog = "-"
loglevel = "warning"


def when_ready(server: Any) -> None:
    """Print the address, as soon as connections are accepted: the one that is bound, `--bind` included."""
    for listener in server.LISTENERS:
        name = listener.sock.getsockname()
        if isinstance(name, tuple):
            host = "localhost" if name[0] in ("0.0.0.0", "127.0.0.1", "::", "::1") else name[0]
            where = f"http://{f'[{host}]' if ':' in host else host}:{name[1]}"
        else:
            where = f"unix:{name}"
        # Flushed: under a supervisor stdout is a pipe, and the line would stay in its buffer of 8 KiB.
        print(f"flushcheck listens on {where}", flush=True)


# The connections of each worker, in memory that all share: see serving/accept_balance.py.
_connections = memoryview(mmap.mmap(-1, 4 * 64)).cast("i")

# Where the workers put their counts, so that each of them can respond to /metrics for all.
METRICS_FOLDER = "FLUSHCHECK_METRICS_FOLDER"


def post_fork(server: Any, worker: Any) -> None:
    """Hand the worker to the app, which asks it for its settings and whether it stops.

    gunicorn calls this before gevent patches the standard library, so the module imports nothing that it
    patches.
    """
    from flushcheck.service.serving.internals import hand_over

    hand_over(worker)


def post_worker_init(worker: Any) -> None:
    """Exclude the app's own 50,000 objects from garbage collection, and collect those of streams less often.

    A full collection stopped every stream for 70 to 120 ms (on a busy machine). Requests leave few cycles
    behind, so collections can be rarer.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)

    from flushcheck.service import direct_path
    from flushcheck.service.serving import connections
    from flushcheck.service.serving.accept_balance import AcceptBalance

    direct_path.install(worker, (pre_request, post_request))
    alone = worker.cfg.workers < 2
    connections.watch(worker, None if alone else AcceptBalance(_connections, worker.age))


def child_exit(server: Any, worker: Any) -> None:
    """Let the other workers no longer wait for one that has ended, however it ended."""
    _connections[worker.age % len(_connections)] = 0


def on_starting(server: Any) -> None:
    """Give the workers an empty folder to count in. If none can be made, each worker counts for itself."""
    os.environ.pop(METRICS_FOLDER, None)  # of an older master (USR2), which removes it
    with suppress(OSError):
        folder = tempfile.mkdtemp(prefix="flushcheck-", dir=worker_tmp_dir)
        if os.geteuid() == 0:
            os.chown(folder, server.cfg.uid, server.cfg.gid)  # workers run as --user
        os.environ[METRICS_FOLDER] = folder


def on_exit(server: Any) -> None:
    """Remove that folder."""
    shutil.rmtree(os.environ.get(METRICS_FOLDER, ""), ignore_errors=True)


def pre_request(worker: Any, req: Any) -> None:
    """Decide what gunicorn leaves open, before it passes the request to the app."""
    from flushcheck.service.limits.bodies import is_large
    from flushcheck.service.serving import connections

    connections.request_begins(req)

    headers = dict(req.headers)
    # A proxy on this machine (or the environment) sets the app's path below the host. gunicorn responds with
    # 500 if the request's path does not begin with it, and a proxy that passes on headers with underscores
    # lets any visitor cause that.
    if not req.path.startswith(headers.get("SCRIPT_NAME", os.environ.get("SCRIPT_NAME", ""))):
        req.headers.append(("SCRIPT_NAME", ""))
    # gunicorn would read the rest of any body, however long, before it looks for the next request.
    if is_large(headers):
        req.force_close()


def post_request(worker: Any, req: Any, environ: dict[str, Any], resp: Any) -> None:
    """Let the client of a large body read the response before its connection is reset."""
    from flushcheck.service.limits.bodies import is_large, lingering_close
    from flushcheck.service.serving import connections

    connections.request_ends(req)
    if req.must_close and "gunicorn.socket" in environ and is_large(dict(req.headers)):
        lingering_close(environ["gunicorn.socket"])
