"""From the notes of taps and what a reader saw to a report: which layer joins, delays or compresses a stream.

Start with `notes.py` (what a tap noted, read from JSON of another machine), then `ladder.py` (the rules) and
`report.py` (what is concluded). `sentences.py` has the words. Everything here is pure.
"""
