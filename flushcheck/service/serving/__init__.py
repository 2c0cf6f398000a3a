"""How a paced stream is written to a socket, and what the app server below offers for that.

Start with `frame_schedule.py` (which frame is due when) and `engine.py` (one loop that writes all streams
of a process). gevent is named here and nowhere else in the service.
"""
