"""The wire formats of streams of the user's own app: records out of bytes of any format.

Start with `records.py`: it joins `framing` (where a record ends) and `formats` (what a record means). How
such a stream arrived is measured in `measurement.own_streams`, and judged in `diagnosis`, like any other.

Pure: imports `model` and `streaming`. The reads are made by `prober.watching`.
"""
