"""What is streamed: the parameters of a stream, its text cut into pieces, and their wire formats.

Start with `params.py` (what a client may request), then `source.py` (a text as timed pieces) and
`transports/` (an encoder and a decoder for each transport, tested as a pair). `limits.py` holds the limits of
the service.

Pure: imports `model` and the standard library. The service sends what this package encodes, the prober reads
what it decodes.
"""
