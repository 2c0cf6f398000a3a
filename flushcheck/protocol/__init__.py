"""The origin protocol (docs/protocol.md), both sides: what an origin responds, and how a client reads it.

`origin.py` is the origin's side: a request in, a response out. It imports nothing of flushcheck, because
`flushcheck origin write` prints it as a part of a file. `capabilities.py` is the client's side: it turns what
an origin says of itself into a value, and believes none of it without bounds. `conformance.py` holds the
rules that an origin is tested against.

The mounts for web frameworks are in `origins`, the requests of the client in `prober`.
"""
