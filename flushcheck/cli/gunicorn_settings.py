"""gunicorn's settings as gunicorn itself reads them: `python -P gunicorn_settings.py -c FILE ...`.

Runs as a separate process, because a settings file is Python code that may change the folder, print, wait or
exit. Prints one line of JSON for `serving.app_server.from_gunicorn_settings`. To be fast, it loads neither
the app nor any module of flushcheck.
"""

import json
import os
import sys

from gunicorn.app.base import Application

NAMES = ("worker_class_str", "worker_connections", "threads", "workers", "timeout", "preload_app")


class Settings(Application):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn without an app."""

    def init(self, parser: object, opts: object, args: object) -> None:
        """Add nothing to the command line."""

    def load(self) -> object:
        """Never called."""
        raise NotImplementedError


def main() -> None:
    """Print the settings that result from the arguments, GUNICORN_CMD_ARGS and the settings file."""
    # What the settings file prints goes to stderr, so that stdout holds the JSON alone.
    result, sys.stdout = os.dup(1), sys.stderr
    os.dup2(2, 1)
    sys.argv[0] = "gunicorn"
    settings = Settings("%(prog)s [OPTIONS]").cfg
    with os.fdopen(result, "w") as out:
        print(json.dumps({name: getattr(settings, name) for name in NAMES}), file=out)


if __name__ == "__main__":
    main()
