"""Small configurations of each server, and what the linters find in them."""

from __future__ import annotations

from flushcheck.configs.findings import Finding, Server
from flushcheck.files import check_all, read_dump

NGINX, APACHE, HAPROXY, GUNICORN = Server.NGINX, Server.APACHE, Server.HAPROXY, Server.GUNICORN
APP_SERVER, HOSTING = Server.APP_SERVER, Server.HOSTING
CADDY, LIGHTTPD, VARNISH, PHP = Server.CADDY, Server.LIGHTTPD, Server.VARNISH, Server.PHP
UWSGI, SQUID, IIS = Server.UWSGI, Server.SQUID, Server.IIS


def http(lines: str = "") -> str:
    """A location of nginx that passes over HTTP/1.0."""
    return f"location / {{ {lines} proxy_pass http://x; }}"


def http11(lines: str = "") -> str:
    """The same over HTTP/1.1, where nginx passes chunks on."""
    return http(f"proxy_http_version 1.1; proxy_set_header Connection ''; {lines}")


def fastcgi(lines: str = "") -> str:
    """The same over FastCGI."""
    return f"location / {{ {lines} fastcgi_pass x; }}"


def haproxy(lines: str = "", front: str = "") -> str:
    """A frontend and a backend in HTTP mode."""
    return f"frontend f\nmode http\nbind :80\n{front}\ndefault_backend b\nbackend b\nmode http\n{lines}\nserver s x:1\n"


def vcl(lines: str) -> str:
    """A program of Varnish."""
    return f'vcl 4.0;\nbackend d {{ .host = "x"; }}\nsub vcl_backend_response {{\n{lines}\n}}\n'


def web(lines: str = "") -> str:
    """A web.config of IIS."""
    return f"<configuration><system.webServer>{lines}</system.webServer></configuration>"


PHP_HANDLER = '<handlers><add name="php" modules="FastCgiModule" %s/></handlers>'
ARR = '<rewrite><rules><rule name="a"><action type="Rewrite" url="http://a/{R:1}"/></rule></rules></rewrite>'
TYPES = '<httpCompression><dynamicTypes>%s</dynamicTypes></httpCompression><urlCompression doDynamicCompression="true"/>'


def peer(lines: str = "") -> str:
    """A Squid in front of an app."""
    return f"http_port 80 accel\ncache_peer 127.0.0.1 parent 8000 0 originserver\n{lines}\n"


def uwsgi(lines: str = "") -> str:
    """A section of uWSGI with a socket that speaks HTTP."""
    return f"[uwsgi]\nhttp-socket = :80\n{lines}\n"


PASSENGER = "location / { passenger_enabled on; %s }"
FCGID = "%s\nAddHandler fcgid-script .fcgi\n"
PROXY = "%s\nProxyPass / http://x/\n"
PROXY_FCGI = "ProxyPass / fcgi://x/ %s\n"
TWO_NGINX = "server { listen 8080; location / { %s proxy_pass http://x; } }\nserver { location / { %s proxy_pass http://127.0.0.1:8080; } }"


def found(culprit: str, server: Server, text: str, name: str = "f") -> list[Finding]:
    """The findings of one culprit in a file of this name. After `++++ name` begins a file that it includes."""
    main, *included = text.split("\n++++ ")
    texts = {name: main, **dict(file.split("\n", maxsplit=1) for file in included)}
    findings = check_all(read_dump(texts, server=server)).findings
    return [finding for finding in findings if finding.culprit.id == culprit]


def levels(culprit: str, server: Server, text: str) -> str:
    """Their levels, in order."""
    return " ".join(finding.level.value for finding in found(culprit, server, text))
