"""What the sizes of TLS records show: a server that fills a buffer before it encrypts makes them all alike.

nginx collects ssl_buffer_size for an HTTP/1.1 client (16,384 bytes by default), Apache's mod_ssl 8,192. A
server that encrypts each write makes records of the size of the writes: the Probes' Pieces differ in size, so
equal records are no chance. Pieces of 16 kB and more say nothing: TLS itself cuts those (RFC 8446, section
5.1).

A response that was held elsewhere is cut into full records as well, when it comes at last: 41 kB make two of
16,384 bytes. But then they come together. What fills a buffer comes one record at a time, or two where a
Piece is larger than the buffer.
"""

from __future__ import annotations

from collections import Counter

from flushcheck.measurement.patterns import reads_together
from flushcheck.model import Observation

# What encryption adds to a record's payload, by TLS version: content type and tag; nonce and tag (AES-GCM).
OVERHEAD_BYTES = {"TLSv1.3": 17, "TLSv1.2": 24}

# The buffers that were measured: nginx with ssl_buffer_size 1k and 4k, mod_ssl, nginx with its default.
BUFFERS = frozenset({1024, 4096, 8192, 16_384})

# The kilobyte Pieces fill two of the largest, which no Piece reaches by itself; one may be a chance.
MIN_RECORDS = 2


# Of the deliveries with full records, at least this share brings no more than one Piece can fill: the others
# are fills that met a stalled reader together.
ONE_BY_ONE_SHARE = 0.5


def buffer_bytes(observation: Observation) -> int | None:
    """The size of the buffer that filled this Observation's records; None if they show none."""
    overhead = OVERHEAD_BYTES.get(observation.tls_version)
    if overhead is None:
        return None
    reads = reads_together(observation.arrivals)
    counts = [
        Counter(size - overhead for arrival in group for size in arrival.record_bytes) for group in reads
    ]
    # What is left of the stream, or of a flush, is smaller than the buffer; nothing is larger.
    largest = max((size for count in counts for size in count), default=0)
    full = [count[largest] for count in counts if count[largest]]
    if largest not in BUFFERS or sum(full) < MIN_RECORDS:
        return None
    longest_bytes = max((piece.size_bytes for piece in observation.pieces), default=0)
    one_by_one = [number for number in full if (number - 1) * largest <= longest_bytes]
    return largest if len(one_by_one) >= ONE_BY_ONE_SHARE * len(full) else None
