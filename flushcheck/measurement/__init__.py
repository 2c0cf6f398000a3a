"""How a path is measured: which Probes to make, and what the moments and sizes of one run amount to.

Start with `plan.py` (the Probes), then `timing.py` (one Observation to one Flow; its patterns stand in
`patterns.py`), `cross_probe.py` (corrections that need several Observations) and `observations.py` (the
questions that culprits ask of a run, each with an `Answer`). `idle_timeouts.py` reads the silent streams,
`curl_capture.py` the output of the one-line curl command. Nothing here names a cause.

Pure: imports `model` and `streaming`. May be imported by `culprits`, `diagnosis`, `reports` and all I/O.
"""
