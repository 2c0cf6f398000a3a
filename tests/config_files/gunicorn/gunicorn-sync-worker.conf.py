# Nothing is said of the worker class: it is sync.
# expect-next: gunicorn-sync-worker
# expect-next: gunicorn-timeout
bind = "0.0.0.0:8000"
workers = 2
