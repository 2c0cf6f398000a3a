"""How a path is diagnosed: from the Observations of a run to a Report.

Start with `inference.py`: `judge(run)` asks each detector of `culprits`, the fallback detectors only if no
other one settles the case, and writes the verdict. `hops.py` lists the servers that showed themselves on
the path, `fault_location.py` compares two addresses of the same app, `app_server.py` says what the app's own
server can carry.

Pure: imports `model`, `measurement`, `configs` and `culprits`. May be imported by `reports` and all I/O.
"""
