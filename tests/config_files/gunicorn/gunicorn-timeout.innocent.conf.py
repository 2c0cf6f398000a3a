worker_class = "gthread"
threads = 100
timeout = 120
