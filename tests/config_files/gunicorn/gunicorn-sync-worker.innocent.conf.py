import multiprocessing
import os

bind = "0.0.0.0:8000"
worker_class = "gevent"
workers = multiprocessing.cpu_count() * 2 + 1
timeout = 30
keepalive = int(os.environ.get("KEEPALIVE") or "10")


def when_ready(server):
    worker_class = "sync"
    print(worker_class)
