"""Launchers: the command that starts each program of the laboratory with a case's file.

Every program listens on the loopback only, keeps its files in one scratch folder, runs in the foreground and is
ended by its pid. A program that is not installed raises `Missing`.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.lab import versions
from tests.lab.accounts import PYTHON, WEB_USER, python_path
from tests.lab.setting import WHERE, Command, Launcher, Missing, Setting, tool
from tests.live import nginxconf
from tests.live.servers import ROOT

HERE = Path(__file__).parent
NODE_MODULES = ROOT / ".venv" / "lab" / "node_modules"


def nginx(setting: Setting) -> Command:
    """nginx as Debian configures it, with the case as its site; `main` goes to the top of nginx.conf, `js` into filter.js."""
    argv = command_of(setting)
    (setting.folder / "tmp").mkdir()
    site = setting.write("site.conf", nginxconf.placed(setting.text, port=setting.port))
    if "js" in setting.case.options:
        setting.write("filter.js", setting.case.options["js"])
    user = "root" if os.geteuid() == 0 else None
    more = setting.case.options.get("main", "")
    if len(argv) > 1:  # a version of its own has modules of its own
        more = more.replace("/usr/lib/nginx", f"{argv[-1].removesuffix('/sbin/nginx')}/lib/nginx")
    main = setting.write("nginx.conf", f"{more}\n{nginxconf.debian_main(setting.folder, site, user=user)}")
    # -e: before it has read its configuration nginx writes to the error log it was built with, which only root may.
    argv += ["-p", str(setting.folder), "-c", str(main), "-e", str(setting.folder / "error.log")]
    return Command(argv, ready="")


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
        *_apache_modules(available, [_mpm(modules), "authz_core", "mime", "env", "setenvif", *modules]),
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


def _mpm(modules: Sequence[str]) -> str:
    """PHP inside Apache wants processes without threads, and Debian gives it those."""
    return "mpm_prefork" if any(name.startswith("php") for name in modules) else "mpm_event"


def _apache_modules(available: Path, names: Sequence[str]) -> Iterator[str]:
    for name in names:
        if not (available / f"{name}.load").exists():
            raise Missing(f"Apache's module {name} is not installed")
        yield f"Include {available}/{name}.load"
        if (available / f"{name}.conf").exists():
            yield f"Include {available}/{name}.conf"


def haproxy(setting: Setting) -> Command:
    """HAProxy in the foreground."""
    return Command([*command_of(setting), "-db", "-f", str(setting.write("haproxy.cfg"))])


def caddy(setting: Setting) -> Command:
    """Caddy with a Caddyfile, its state in the scratch folder."""
    argv = [
        *command_of(setting),
        "run",
        "--adapter",
        "caddyfile",
        "--config",
        str(setting.write("Caddyfile")),
    ]
    return Command(argv, {"XDG_DATA_HOME": str(setting.folder), "XDG_CONFIG_HOME": str(setting.folder)})


def traefik(setting: Setting) -> Command:
    """Traefik: the file's first YAML document is its static configuration, the second the dynamic one."""
    static, _, dynamic = setting.text.partition("\n---\n")
    setting.write("dynamic.yaml", dynamic)
    return Command([*command_of(setting), f"--configFile={setting.write('traefik.yaml', static)}"])


def envoy(setting: Setting) -> Command:
    """Envoy without hot restart: several run side by side."""
    argv = [*command_of(setting), "-c", str(setting.write("envoy.yaml")), "--log-level", "error"]
    return Command([*argv, "--disable-hot-restart", "--concurrency", "1"])


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


def php(setting: Setting) -> Command:
    """PHP's own server, `php -S`; the case's file is its php.ini."""
    argv = [tool("php", "php-cli"), "-c", str(setting.write("php.ini")), *setting.args]
    return Command([*argv, "-S", f"127.0.0.1:{setting.port}", "-t", str(setting.folder / "origin")], ready="")


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


def hypercorn(setting: Setting) -> Command:
    """hypercorn, which serves the app over HTTP/1.1 and HTTP/2 alike."""
    argv = [sys.executable, "-m", "hypercorn", "--config", str(setting.write("hypercorn.toml"))]
    env = {"UPSTREAM_PORT": str(setting.behind.port)}
    return Command([*argv, "tests.lab.origins.h2c:app"], env)


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


def ajp(setting: Setting) -> Command:
    """The service behind AJP; the file holds the arguments."""
    lines = [line for line in setting.text.splitlines() if line.strip() and not line.startswith("#")]
    return Command([sys.executable, "-m", "tests.lab.origins.ajp", *shlex.split(" ".join(lines))], ready="")


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
    """stunnel in the foreground."""
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


def command_of(setting: Setting) -> list[str]:
    """The command that starts the program in the version that the case names.

    Raises:
        Missing: it is not here.
    """
    return versions.command(setting.case.program, setting.case.version)


LAUNCHERS: Mapping[str, Launcher] = {
    "ajp": ajp,
    "apache": apache,
    "caddy": caddy,
    "envoy": envoy,
    "gunicorn": gunicorn,
    "h2o": h2o,
    "haproxy": haproxy,
    "hop": hop,
    "hypercorn": hypercorn,
    "lighttpd": lighttpd,
    "mighttpd": mighttpd,
    "nghttpx": nghttpx,
    "nginx": nginx,
    "node": node,
    "passenger": apache,
    "perlbal": perlbal,
    "php": php,
    "php-fpm": php_fpm,
    "privoxy": privoxy,
    "pushpin": pushpin,
    "python": python,
    "relay": relay,
    "squid": squid,
    "stunnel": stunnel,
    "tcp": shell,
    "tinyproxy": tinyproxy,
    "traefik": traefik,
    "trafficserver": traffic_server,
    "uwsgi": uwsgi,
    "varnish": varnish,
}
