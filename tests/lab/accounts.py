"""The app as a hosting account has it, for programs that start it themselves, as another user and with another Python."""

from __future__ import annotations

import compileall
import shutil
import sys
from functools import cache
from pathlib import Path

from tests.lab.setting import Missing
from tests.live import servers
from tests.live.servers import ROOT

HERE = Path(__file__).parent

# Debian's web servers switch to this user when root starts them.
WEB_USER = "www-data"

# The name of a Python that can load the virtual environment's libraries.
PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"

HOME_FILES = {
    # mod_fcgid's way: a FastCGI server that finds its socket at file descriptor 0.
    "app.fcgi": "from flup.server.fcgi import WSGIServer\nfrom app import app\nWSGIServer(app).run()\n",
    "app.cgi": "from wsgiref.handlers import CGIHandler\nfrom app import app\nCGIHandler().run(app)\n",
    "passenger_wsgi.py": "from app import app as application\n",
    "mod_wsgi.py": "from app import app as application\n",
}


def make_home(home: Path) -> None:
    """Make the folder that a hosting account would have: the app, its libraries and its start scripts.

    A checkout that the web server's user cannot read is copied; one that it can is used where it is.

    Raises:
        Missing: no Python that this user may run fits the libraries.
    """
    interpreter = system_python()
    root, library = public_checkout(), public_libraries()
    (home / "public").mkdir(parents=True)
    (home / "python").symlink_to(interpreter)
    begin = f"#!{interpreter}\nimport sys\nsys.path[:0] = {[str(root), str(library)]!r}\n"
    for name, text in HOME_FILES.items():
        (home / name).write_text(begin + text)
    for path in (home, *home.iterdir()):
        if not path.is_symlink():
            path.chmod(0o755)


@cache
def public_checkout() -> Path:
    """The checkout, where any user can read it: itself, or a copy of what the app and the PHP origin need."""
    if readable(ROOT):
        return _compiled(ROOT)
    copy = servers.new_folder("checkout")
    shutil.copytree(ROOT / "flushcheck", copy / "flushcheck")
    shutil.copytree(HERE / "origins", copy / "tests" / "lab" / "origins")
    for name in ("app.py", "wsgi.py"):
        shutil.copy(ROOT / name, copy)
    return _opened(_compiled(copy))


def _compiled(checkout: Path) -> Path:
    """The same checkout. Another user cannot leave compiled code in it, and a CGI would compile it for each request."""
    compileall.compile_dir(checkout / "flushcheck", quiet=2)
    return checkout


@cache
def public_libraries() -> Path:
    """The virtual environment's libraries, likewise; without the tools, which no app needs."""
    site = site_packages()
    if readable(site):
        return site
    copy = servers.new_folder("libraries")
    tools = shutil.ignore_patterns("mypy*", "ruff*", "pip*", "hypothesis*", "*pytest*", "__pycache__")
    shutil.copytree(site, copy, ignore=tools, dirs_exist_ok=True)
    compileall.compile_dir(copy, quiet=2, workers=0)
    return _opened(copy)


def _opened(folder: Path) -> Path:
    """The same folder, with a way in for every user."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    return folder


def system_python() -> str:
    """A Python that any user may run, of the version for which the libraries were installed.

    Raises:
        Missing: there is none.
    """
    for candidate in (Path("/usr/bin") / PYTHON, Path(sys.executable).resolve()):
        if candidate.exists() and readable(candidate):
            return str(candidate)
    raise Missing(f"no {PYTHON} that {WEB_USER} may run")


def site_packages() -> Path:
    """Where the virtual environment keeps its libraries."""
    return Path(sys.prefix) / "lib" / PYTHON / "site-packages"


def python_path() -> str:
    """Import path with the checkout and its libraries, for a Python of the same version outside of the venv."""
    return f"{public_checkout()}:{public_libraries()}"


def readable(path: Path) -> bool:
    """Whether every user may get there and read it."""
    return all(folder.stat().st_mode & 0o001 for folder in path.parents) and bool(path.stat().st_mode & 0o004)
