import multiprocessing
import os

bind = "0.0.0.0:" + os.environ.get("PORT", "8000")
workers = multiprocessing.cpu_count() * 2 + 1
# expect-next: gunicorn-sync-worker
worker_class = os.getenv("WORKER_CLASS", "sync")
# expect-next: gunicorn-timeout
timeout = int(os.environ.get("TIMEOUT", 60))
