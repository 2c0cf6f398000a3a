import os

# expect-next: gunicorn-sync-worker
worker_class = os.environ.get("WORKER", "sync")
timeout = 0
