worker_class = "gthread"
threads = 200
