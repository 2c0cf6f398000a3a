"""The routes of the service: one module for each group of Flask routes.

Start with `streams.py`. A route reads and bounds the request, calls a pure package, and returns a response
made by `service.responses` or `service.serving`.
"""
