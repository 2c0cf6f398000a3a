"""Server configurations as plain values: one module per format, text in, Directives out.

What a format's module decides: where a statement begins and ends, which file and line it stands on, what
inherits from what, and which blocks pass to an app. What it leaves to the culprits: whether that is good.
Files are opened by the hands (`flushcheck.files`), which put each included file in its place.
"""
