"""What bounds a request: streams at once, streams per client, body size and time, and work done aside.

Start with `admission.py`.
"""
