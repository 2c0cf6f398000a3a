"""Server configurations as plain values: text in, Directives, Scopes and Blocks out.

Start with `tree`: the values that every format shares. Each format has one module or package (`nginx`,
`apache`, `haproxy`, ...), which decides where a statement begins and ends, what inherits from what, and
which blocks pass to an app. Its `FORMAT` hands that to the check; `formats.py` lists all of them, and
`recognise.py` finds a file's format by its name and lines. Whether a value is good is left to the `culprits`.

Pure: imports `model`. Files are opened by `files`, which also splits nginx's text into tokens.
"""
