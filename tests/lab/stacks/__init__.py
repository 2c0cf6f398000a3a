"""Apps of one's own on real servers: a layer that holds the stream, or one that looks as if it could.

Start with `table.py` (the stacks), then `apps.py` (how one is built), `serving.py` (how it is started) and `runs.py`
(the observer, the tap and the assertions). `scores.py` compares what they say with the table.
"""
