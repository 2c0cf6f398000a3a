"""The addresses that the service answers: one module for each group of Flask routes.

Start with `streams.py`. A route reads and bounds the request, calls a pure package, and writes the answer
through `service.responses` or `service.serving`.
"""
