"""How results are shown: each module renders one kind of output from a finished value, and decides nothing.

A Report: `terminal.py`, `json_report.py`, `html.py`, `ticket.py`. Findings: `findings.py`, `sarif.py`,
`diff.py`. The catalogue: `explain.py`. A watched stream: `watch.py`. The app's server: `app_server.py`.
Text from the far side is hostile: each module escapes what it shows.

Pure: imports the other pure packages. Used by `service` and `cli`.
"""
