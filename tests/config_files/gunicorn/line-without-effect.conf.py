# expect-next: gunicorn-timeout
# expect-next: gunicorn-sync-worker
workers = 4
# expect-next: line-without-effect
worker_connections = 1000
