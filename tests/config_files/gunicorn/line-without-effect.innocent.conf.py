workers = 4
worker_class = "gevent"
worker_connections = 1000
