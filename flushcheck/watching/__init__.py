"""How a stream of the user's own app is watched: its records, and what their arrivals tell.

Start with `watch.py`. Such records carry no send time, so fewer things can be told than in a diagnosis.

Pure: imports `model`, `streaming` and `measurement`. The reads themselves are made by `prober.watching`.
"""
