"""Mutation tests: `make mutants` changes the rules one by one, and expects a quick test to fail each time.

mutmut (see `[tool.mutmut]` in pyproject.toml) changes what stands inside functions. What stands outside of
them, the thresholds and sets at the top of a module, is changed by `constants.py`. `equivalent.txt` lists the
mutants that no test can tell from the original, each with its reason.
"""
