# expect-next: gunicorn-sync-worker
worker_class = "sync"
# expect-next: gunicorn-timeout
timeout = 120
