"""A stand-in for gunicorn's worker."""

from __future__ import annotations

from types import SimpleNamespace


class Worker:
    """What is read of gunicorn's worker, and the method that handles SIGTERM."""

    def __init__(self, **settings: object) -> None:
        self.alive = True
        defaults: dict[str, object] = {
            "worker_class_str": "gevent",
            "worker_connections": 990,
            "threads": 1,
            "workers": 1,
            "timeout": 30,
            "preload_app": False,
        }
        self.cfg = SimpleNamespace(**(defaults | settings))

    def handle_exit(self, _signal: int, _frame: object) -> None: ...
