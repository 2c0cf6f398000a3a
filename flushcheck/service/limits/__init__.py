"""What bounds a request: concurrent streams, streams per client, body size and time, and analysis work.

Start with `admission.py`.
"""
