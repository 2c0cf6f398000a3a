workers = 1
# expect-next: gunicorn-sync-worker
threads = 4
