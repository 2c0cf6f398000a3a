"""Launchers: how each program of the laboratory is started with a case's file, and what answers behind it.

A launcher is told the file's text with its ports moved, and says which command runs it; starting, waiting and ending
is tests.live.servers' work. Every program listens on the loopback only, keeps its files under one scratch folder, runs
in the foreground and is ended by its pid. A program that is not installed is a `Missing`, not a failure.
"""

from __future__ import annotations

import compileall
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from urllib.request import urlopen

from tests.lab.case import UPSTREAMS, Case, Kind, find
from tests.live import servers
from tests.live.servers import ROOT, Service

HERE = Path(__file__).parent
NODE_MODULES = ROOT / ".venv" / "lab" / "node_modules"
WHERE = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"

# The user whom Debian's web servers become when root starts them.
WEB_USER = "www-data"

# What a Python must be called that can load the virtual environment's libraries.
PYTHON = f"python{sys.version_info[0]}.{sys.version_info[1]}"

OWN_PORTS = range(8080, 8100)


class Missing(RuntimeError):
    """The program is not installed here; says what to install."""


@dataclass(slots=True)
class Setting:
    """What a launcher gets: the case with its text moved to this run's ports and folder."""

    case: Case
    text: str
    port: int
    folder: Path
    behind: Service

    def write(self, name: str, text: str | None = None) -> Path:
        """Put a file into the folder: the case's own text if no other is given."""
        path = self.folder / name
        path.write_text(self.text if text is None else text)
        return path

    @property
    def args(self) -> list[str]:
        """More of the command line, from the case's head."""
        return shlex.split(self.case.options.get("args", ""))


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run in the foreground."""

    argv: Sequence[str]
    env: Mapping[str, str] = field(default_factory=dict)
    ready: str = "/healthz"  # path that must answer 200; "": the port must accept connections


Launcher = Callable[[Setting], Command]


def tool(name: str, package: str) -> str:
    """Where a program is.

    Raises:
        Missing: nowhere.
    """
    found = shutil.which(name, path=WHERE)
    if found is None:
        raise Missing(f"{name} is not installed: apt-get install {package}")
    return found


@contextmanager
def start(case: Case, *, origin: Service | None = None) -> Iterator[Service]:
    """Run a case with all that stands behind it, until the block ends.

    Args:
        case: what to run.
        origin: a running service to take instead of a new one, where the case wants the plain one.

    Raises:
        Missing: a program is not installed.
        servers.ServiceError: one did not come up.
    """
    with ExitStack() as stack:
        behind = stack.enter_context(_behind(case, origin))
        front = stack.enter_context(_front(case, behind))
        if case.kind is not Kind.PART:
            # Whatever stands behind may still be starting: a socket that accepts is not yet an app that answers.
            servers.wait_until_ok(front, "/healthz")
        warm(front.port, int(case.options.get("warm", "0")))
        yield front


# A process of the app begins in 0.3 s here, with busy cores in 1.5 s, and Passenger begins them one by one.
WARM_ROUNDS = 12
WARM_S = 0.4


def warm(port: int, count: int, mount: str = "") -> None:
    """Have so many streams open at once, for a server that starts a process for each, until none of them waits for one."""

    def one(first_s: list[float]) -> None:
        begun_s = time.monotonic()
        with (
            suppress(OSError),
            urlopen(f"http://127.0.0.1:{port}{mount}/stream/chunked?count=3&interval=0.4") as answer,
        ):
            answer.read(1)
            first_s.append(time.monotonic() - begun_s)
            answer.read()

    for _ in range(WARM_ROUNDS if count else 0):
        first_s: list[float] = []
        threads = [threading.Thread(target=one, args=(first_s,), daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        # What holds the stream holds its first byte for the 0.8 s that it lasts.
        if len(first_s) == count and max(first_s) < 0.8 + WARM_S:
            return


@contextmanager
def _behind(case: Case, origin: Service | None) -> Iterator[Service]:
    name = case.behind
    if name == "gunicorn" and origin is not None:
        yield origin
        return
    with ExitStack() as stack:
        if name == "gunicorn":
            yield stack.enter_context(servers.start_origin())
        elif name == "fastcgi":
            yield stack.enter_context(servers.start_fastcgi())
        elif name == "nothing":
            yield Service("nothing", 0, _nobody(), Path(os.devnull))
        else:
            yield stack.enter_context(start(find(name), origin=origin))


def _nobody() -> subprocess.Popen[bytes]:
    """A process that has already ended, for a program that is itself the origin."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process


@contextmanager
def _front(case: Case, behind: Service) -> Iterator[Service]:
    if case.program == "nginx":
        upstreams = dict.fromkeys(UPSTREAMS.values(), behind.port)
        site = moved(case.text, servers.new_folder("nginx-scratch"), {})
        with servers.start_nginx(site, upstreams=upstreams, main=case.options.get("main", "")) as nginx:
            yield nginx
        return
    port = servers.free_port()
    folder = servers.new_folder(case.program)
    # Daemons that root starts become other users, who need a way in.
    folder.chmod(0o777)
    if "home" in case.options:
        make_home(folder / "home")
    ports = {own: servers.free_port() for own in OWN_PORTS} | {8080: port}
    text = moved(case.text, folder, ports | dict.fromkeys(UPSTREAMS.values(), behind.port))
    setting = Setting(case, text, port, folder, behind)
    command = LAUNCHERS[case.program](setting)
    with servers.start_program(
        case.program,
        command.argv,
        port=port,
        cwd=folder,
        env=command.env,
        ready=case.options.get("ready", command.ready) or None,
    ) as service:
        yield service


def moved(text: str, folder: Path, ports: Mapping[int, int]) -> str:
    """The text with its ports and folders where this run has them."""
    text = text.replace("/run/lab", str(folder)).replace("/srv/flushcheck", str(public_checkout()))
    return re.sub(r"(?<![\d.])\d{4}(?![\d.]*\d)", lambda found: str(ports.get(int(found[0]), found[0])), text)


# The programs.


def apache(setting: Setting) -> Command:
    """Debian's Apache with this site and the modules its head names, each as `a2enmod` would enable it."""
    binary = tool("apache2", "apache2")
    available = Path("/etc/apache2/mods-available")
    modules = setting.case.options.get("modules", "").split()
    lines = [
        f"ServerRoot {setting.folder}",
        "ServerName localhost",
        f"PidFile {setting.folder}/apache2.pid",
        f"DefaultRuntimeDir {setting.folder}",
        f"Mutex file:{setting.folder} default",
        "ErrorLog /dev/stderr",
        f"Listen 127.0.0.1:{setting.port}",
        *([f"User {WEB_USER}", f"Group {WEB_USER}"] if os.geteuid() == 0 else []),
        # Debian's mods-enabled, as far as a proxy needs it.
        *_apache_modules(available, ["mpm_event", "authz_core", "mime", "env", "setenvif", *modules]),
        f"Include {setting.folder}/site.conf",
        "",
    ]
    site = re.sub(r"(?<=[*:])80(?=>)|(?<=\*:)80\b", str(setting.port), setting.text)
    setting.write("site.conf", site.replace("*:", "127.0.0.1:"))
    main = setting.write("apache2.conf", "\n".join(lines))
    # What Debian's envvars sets; mods-available refers to it.
    env = {
        "APACHE_RUN_DIR": str(setting.folder),
        "APACHE_LOG_DIR": str(setting.folder),
        "APACHE_LOCK_DIR": str(setting.folder),
        "APACHE_PID_FILE": str(setting.folder / "apache2.pid"),
        "APACHE_RUN_USER": WEB_USER,
        "APACHE_RUN_GROUP": WEB_USER,
    }
    return Command([binary, "-d", str(setting.folder), "-f", str(main), "-DFOREGROUND"], env)


def _apache_modules(available: Path, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if not (available / f"{name}.load").exists():
            raise Missing(f"Apache's module {name} is not installed")
        yield f"Include {available}/{name}.load"
        if (available / f"{name}.conf").exists():
            yield f"Include {available}/{name}.conf"


def haproxy(setting: Setting) -> Command:
    """HAProxy in the foreground."""
    return Command([tool("haproxy", "haproxy"), "-db", "-f", str(setting.write("haproxy.cfg"))])


def caddy(setting: Setting) -> Command:
    """Caddy with a Caddyfile, its state in the scratch folder."""
    argv = [tool("caddy", "caddy"), "run", "--adapter", "caddyfile", "--config"]
    argv.append(str(setting.write("Caddyfile")))
    return Command(argv, {"XDG_DATA_HOME": str(setting.folder), "XDG_CONFIG_HOME": str(setting.folder)})


def lighttpd(setting: Setting) -> Command:
    """lighttpd in the foreground."""
    return Command([tool("lighttpd", "lighttpd"), "-D", "-f", str(setting.write("lighttpd.conf"))])


def varnish(setting: Setting) -> Command:
    """Varnish with a VCL file; parameters come in the head's `args`."""
    argv = [tool("varnishd", "varnish"), "-F", "-j", "none", "-n", str(setting.folder / "work")]
    argv += ["-a", f"127.0.0.1:{setting.port}", "-f", str(setting.write("default.vcl")), "-s", "malloc,32m"]
    return Command([*argv, *setting.args])


def squid(setting: Setting) -> Command:
    """Squid in one process, in the foreground."""
    return Command([tool("squid", "squid"), "-N", "-f", str(setting.write("squid.conf"))])


def php_fpm(setting: Setting) -> Command:
    """php-fpm with one pool; the script is tests/lab/origins/php/index.php."""
    found = [shutil.which(name, path=WHERE) for name in ("php-fpm", "php-fpm8.2", "php-fpm8.4")]
    binary = next((name for name in found if name), None)
    if binary is None:
        raise Missing("php-fpm is not installed: apt-get install php-fpm")
    argv = [binary, "--nodaemonize", "--fpm-config", str(setting.write("php-fpm.conf"))]
    # No php.ini: Debian's own sets output_buffering, which is what the cases are about.
    argv += ["-n", *(["--allow-to-run-as-root"] if os.geteuid() == 0 else []), *setting.args]
    return Command(argv, ready="")


def uwsgi(setting: Setting) -> Command:
    """Debian's uWSGI, with the Python that it was built for."""
    if not (Path("/usr/bin") / PYTHON).exists():
        raise Missing(f"uWSGI's Python is not the virtual environment's ({PYTHON})")
    argv = [tool("uwsgi", "uwsgi-core uwsgi-plugin-python3"), "--ini", str(setting.write("uwsgi.ini"))]
    ready = "/healthz" if re.search(r"^http", setting.text, re.MULTILINE) else ""
    return Command(argv, {"PYTHONPATH": python_path()}, ready=ready)


def gunicorn(setting: Setting) -> Command:
    """gunicorn with this file as its settings; the head's `app` names what it serves."""
    argv = [sys.executable, "-m", "gunicorn", "-c", str(setting.write("gunicorn.conf.py"))]
    return Command([*argv, setting.case.options.get("app", "wsgi:app"), "--chdir", str(ROOT), *setting.args])


def python(setting: Setting) -> Command:
    """A Python program: the case's file is the script."""
    return Command([sys.executable, str(setting.write("program.py")), *setting.args])


def relay(setting: Setting) -> Command:
    """The lab's own TCP relay; the file holds its arguments."""
    lines = [line for line in setting.text.splitlines() if line.strip() and not line.startswith("#")]
    args = shlex.split(" ".join(lines))
    return Command([sys.executable, str(HERE / "relay.py"), *args])


def hop(setting: Setting) -> Command:
    """The lab's own HTTP hop; the file holds its arguments."""
    lines = [line for line in setting.text.splitlines() if line.strip() and not line.startswith("#")]
    return Command([sys.executable, str(HERE / "hop.py"), *shlex.split(" ".join(lines))])


def node(setting: Setting) -> Command:
    """A Node program: the case's file is the script, its libraries those of tests/lab/package.json."""
    if not NODE_MODULES.exists():
        raise Missing(f"Node's libraries are not installed: make {NODE_MODULES.parent.relative_to(ROOT)}")
    argv = [tool("node", "nodejs"), str(setting.write("program.js")), *setting.args]
    return Command(argv, {"NODE_PATH": str(NODE_MODULES)})


def nghttpx(setting: Setting) -> Command:
    """nghttp2's proxy."""
    return Command([tool("nghttpx", "nghttp2-proxy"), f"--conf={setting.write('nghttpx.conf')}"])


def tinyproxy(setting: Setting) -> Command:
    """tinyproxy in the foreground."""
    return Command([tool("tinyproxy", "tinyproxy"), "-d", "-c", str(setting.write("tinyproxy.conf"))])


def privoxy(setting: Setting) -> Command:
    """Privoxy in the foreground."""
    return Command([tool("privoxy", "privoxy"), "--no-daemon", str(setting.write("config"))])


def h2o(setting: Setting) -> Command:
    """H2O in the foreground."""
    return Command([tool("h2o", "h2o"), "-m", "worker", "-c", str(setting.write("h2o.conf"))])


def perlbal(setting: Setting) -> Command:
    """Perlbal in the foreground."""
    return Command([tool("perlbal", "perlbal"), f"--config={setting.write('perlbal.conf')}"])


def pushpin(setting: Setting) -> Command:
    """Pushpin with all its helper programs."""
    setting.write("routes", setting.case.options.get("routes", "").replace("8000", str(setting.behind.port)))
    return Command([tool("pushpin", "pushpin"), f"--config={setting.write('pushpin.conf')}"])


def stunnel(setting: Setting) -> Command:
    """stunnel, which needs a certificate of its own making."""
    _certificate(setting.folder)
    return Command([tool("stunnel4", "stunnel4"), str(setting.write("stunnel.conf"))])


def shell(setting: Setting) -> Command:
    """A program that is all command line: the file's lines, joined."""
    lines = [line for line in setting.text.splitlines() if line.strip() and not line.startswith("#")]
    argv = shlex.split(" ".join(lines))
    return Command([tool(argv[0], argv[0]), *argv[1:]])


def mighttpd(setting: Setting) -> Command:
    """mighttpd2, whose second file says what goes where."""
    setting.write("route", f"[*]\n/ >> 127.0.0.1:{setting.behind.port}/\n")
    return Command([tool("mighty", "mighttpd2"), str(setting.write("conf")), str(setting.folder / "route")])


def traffic_server(setting: Setting) -> Command:
    """Apache Traffic Server with its whole configuration in the scratch folder."""
    binary = tool("traffic_server", "trafficserver")
    root = setting.folder
    for name in ("config", "log", "run", "cache"):
        (root / name).mkdir()
    shutil.copytree("/etc/trafficserver", root / "config", dirs_exist_ok=True)
    for path in (root, *root.rglob("*")):
        path.chmod(0o777)
    setting.write("config/records.config")
    setting.write("config/remap.config", f"map / http://127.0.0.1:{setting.behind.port}/\n")
    layout = (
        "prefix: /usr\nexec_prefix: /usr\nbindir: /usr/bin\nsbindir: /usr/sbin\n"
        f"sysconfdir: {root}/config\ndatadir: {root}/cache\nincludedir: /usr/include\nlibdir: /usr/lib\n"
        f"libexecdir: /usr/lib/trafficserver/modules\nlocalstatedir: {root}/run\nruntimedir: {root}/run\n"
        f"logdir: {root}/log\ncachedir: {root}/cache\n"
    )
    setting.write("runroot.yaml", layout)
    return Command([*_as_web_user(), binary, f"--run-root={root}/runroot.yaml"], {"TS_RUNROOT": str(root)})


def _as_web_user() -> list[str]:
    """What to put before a command that refuses to run as root."""
    if os.geteuid():
        return []
    return ["setpriv", f"--reuid={WEB_USER}", f"--regid={WEB_USER}", "--clear-groups"]


def _certificate(folder: Path) -> None:
    key, certificate = servers.certificate(folder)
    (folder / "both.pem").write_text(key.read_text() + certificate.read_text())


LAUNCHERS: Mapping[str, Launcher] = {
    "apache": apache,
    "caddy": caddy,
    "gunicorn": gunicorn,
    "h2o": h2o,
    "haproxy": haproxy,
    "hop": hop,
    "lighttpd": lighttpd,
    "mighttpd": mighttpd,
    "nghttpx": nghttpx,
    "node": node,
    "passenger": apache,
    "perlbal": perlbal,
    "php-fpm": php_fpm,
    "privoxy": privoxy,
    "pushpin": pushpin,
    "python": python,
    "relay": relay,
    "squid": squid,
    "stunnel": stunnel,
    "tcp": shell,
    "tinyproxy": tinyproxy,
    "trafficserver": traffic_server,
    "uwsgi": uwsgi,
    "varnish": varnish,
}


# The app for programs that start it themselves, as another user and with another Python.

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
