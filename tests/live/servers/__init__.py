"""Real servers for the tests: gunicorn, nginx, a FastCGI server, and a machine that is busy with something else.

What must stay true:

- Everything listens on 127.0.0.1, on a port that was free a moment ago.
- An entered context manager has a server that responds; no test sleeps for what it can poll.
- Every process is ended by the pid that started it: terminate, wait, kill; its own children end with it.
- What a process printed is in a file under the scratch folder, and in the message when it does not start.
  `seen_since` gives the conftest what to show when a test fails.
"""

from tests.live.servers.nginx import (
    GOOD_FASTCGI_SITE,
    GOOD_SITE,
    Nginx,
    nginx_path,
    start_nginx,
    why_not_live,
)
from tests.live.servers.process import (
    ASK_AGAIN_S,
    GONE_WITHIN_S,
    READY_WITHIN_S,
    ROOT,
    Service,
    ServiceError,
    child_env,
    free_port,
    new_folder,
    seen_since,
    use_scratch,
)
from tests.live.servers.programs import (
    busy_cores,
    certificate,
    start_fastcgi,
    start_origin,
    start_program,
    wait_until_ok,
)

__all__ = [
    "ASK_AGAIN_S",
    "GONE_WITHIN_S",
    "GOOD_FASTCGI_SITE",
    "GOOD_SITE",
    "READY_WITHIN_S",
    "ROOT",
    "Nginx",
    "Service",
    "ServiceError",
    "busy_cores",
    "certificate",
    "child_env",
    "free_port",
    "new_folder",
    "nginx_path",
    "seen_since",
    "start_fastcgi",
    "start_nginx",
    "start_origin",
    "start_program",
    "use_scratch",
    "wait_until_ok",
    "why_not_live",
]
