"""How a configuration is checked: blocks of a server's configuration to Findings.

Start with `check.py`: `check(config)` runs the linters of `culprits` over every block that passes to an app.
`allow_comments.py` reads the comments that allow a Finding. `cross_check.py` compares the Findings of a file
with the Report of a run.

Pure: imports `model`, `configs` and `culprits`. Files are opened by `files`.
"""
