"""gunicorn's settings as gunicorn itself would read them: `python -P settings.py -c FILE ...`.

Run as a program of its own, since a settings file is Python that may do anything: change folder, print,
wait, exit. Prints one line of JSON, what `web.runner.of_settings` wants to know. The app is not loaded, and
neither is anything of ours: it has to be quick.
"""

import json
import os
import sys

from gunicorn.app.base import Application

NAMES = ("worker_class_str", "worker_connections", "threads", "workers", "timeout", "preload_app")


class Settings(Application):  # type: ignore[misc]  # gunicorn ships no types
    """gunicorn with an app that is never asked for."""

    def init(self, parser: object, opts: object, args: object) -> None:
        """Nothing more than the command line says."""

    def load(self) -> object:
        """Never called."""
        raise NotImplementedError


def main() -> None:
    """Print the settings that the arguments, GUNICORN_CMD_ARGS and the settings file make."""
    # What the settings file prints is nobody's JSON.
    answer, sys.stdout = os.dup(1), sys.stderr
    os.dup2(2, 1)
    sys.argv[0] = "gunicorn"
    settings = Settings("%(prog)s [OPTIONS]").cfg
    with os.fdopen(answer, "w") as out:
        print(json.dumps({name: getattr(settings, name) for name in NAMES}), file=out)


if __name__ == "__main__":
    main()
