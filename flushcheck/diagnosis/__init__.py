"""How a path is diagnosed: from the Observations of a run to a Report.

Start with `inference.py`: `judge(run)` asks each detector of `culprits`, the fallback detectors only if no
other one settles the case. `path_verdict.py` decides the one word for the whole path, `report_sentences.py`
writes the summaries, the headline and the notes. `hops.py` lists the servers that showed themselves on the
path, `fault_location.py` compares two addresses of the same app. `fixes.py` decides which fixes of a culprit
the run leaves and in which order, `bundles.py` merges those for one server into one text to paste, which
`bundle_formats.py` writes in the way of that server (`yaml_lines.py`: the lines of YAML as one).

The app's own server: `server_setup.py` holds the facts, `server_command.py` reads them from a command line,
`server_remarks.py` says what to change, `app_server.py` makes the report of `flushcheck doctor`.

Pure: imports `model`, `measurement`, `configs` and `culprits`. May be imported by `reports` and all I/O.
"""
