"""Bounds on what a configuration may cost: any text may be pasted, a megabyte of braces too."""

from __future__ import annotations

# Real configurations nest 6 deep. Far below Python's recursion limit, with includes inside includes counted.
MAX_DEPTH = 60
# A 10,000-line file has about as many statements; a megabyte of "a;" would have half a million.
MAX_DIRECTIVES = 100_000
MAX_ARGS = 500  # of one statement; the rest is dropped
MAX_LINES = 500  # statements of one name that are looked at for one Block
MAX_INCLUDES = 2_000  # included files; Debian's largest default (Apache) includes 40
MAX_BLOCKS = 1_000  # that are checked: each may bring several Findings, and a Finding is kilobytes of text
MAX_PROBLEMS = 20  # reported of one file: a file of another format has one on every line
