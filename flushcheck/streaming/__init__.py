"""What is streamed: the parameters of a stream, its text cut into Pieces, and their wire formats.

Start with `params.py` (what a client may ask for), then `source.py` (text to timed Pieces) and
`transports/` (an encoder and a decoder for each Transport, tested as a pair). `limits.py` holds every
bound that the service keeps.

Pure: imports `model` and the standard library. The service writes what this package encodes, the prober
reads what it decodes.
"""
