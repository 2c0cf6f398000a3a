"""Any stream of the user's own app: its records, and what their arrivals show.

Start with `verdict.py` (what can be said, and what not), then `analysis.py` (the pattern of the arrivals of
one stream), `sentences.py` (one stream in words) and `records.py` (records out of bytes of any format).
Records of such a stream carry no send time, so less can be said than in a diagnosis.

Pure: imports `model`, `streaming` and `measurement`. The reads are made by `prober.watching`.
"""
