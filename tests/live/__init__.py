"""Tests on the real thing: gunicorn, nginx and a FastCGI server, each started on the loopback."""
