"""`python -m flushcheck` is the command `flushcheck`."""

import sys

from flushcheck.cli import main

if __name__ == "__main__":
    sys.exit(main())
