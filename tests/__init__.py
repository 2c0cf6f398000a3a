"""The tests: `tests/` mirrors `flushcheck/`; `tests/live/` starts real servers."""
