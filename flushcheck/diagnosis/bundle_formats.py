"""How each server's configuration writes the lines that a path needs, with the block that they belong to.

Lines arrive by the place where they can be pasted (`Fix.place`), each setting once. A format decides only
what stands around them. What has to stand at another place, or in another file, has a comment that says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from flushcheck.model import Place, Server

_INDENT = "    "

Lines = Mapping[Place, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Site:
    """The address of the run, as a configuration writes it."""

    path: str  # "/" for one that would need quotes
    address: str  # with its scheme where it has no TLS, for example "http://example.org:8080"
    app: str = ""  # the app's own address; "" if it is not known

    @property
    def has_tls(self) -> bool:
        """Whether the run asked over TLS."""
        return not self.address.startswith("http://")

    @property
    def pattern(self) -> str:
        """The path as a regular expression."""
        return self.path.replace(".", r"\.")


@dataclass(frozen=True, slots=True)
class Format:
    """What one server's text looks like."""

    write: Callable[[Lines, Sequence[str], Site], list[str]]  # lines by place, names to remove, address
    where: str  # with {path}
    note: str = ""  # what is true of each text of this server


def _indented(lines: Iterable[str], indent: str = _INDENT) -> list[str]:
    return [f"{indent}{line}" for line in lines]


def _removals(names: Sequence[str]) -> list[str]:
    return [f"# remove {' and '.join(names)} here"] if names else []


def _nginx(lines: Lines, removed: Sequence[str], site: Site) -> list[str]:
    inner = ["# keep your own lines of this block", *_removals(removed), *lines[Place.ADDRESS]]
    location = [f"location {site.path} {{", *_indented(inner), "}"]
    if not lines[Place.SITE]:
        return location
    return ["server {", *_indented([*lines[Place.SITE], *(location if lines[Place.ADDRESS] else [])]), "}"]


def _apache(lines: Lines, removed: Sequence[str], site: Site) -> list[str]:
    location = [f'<Location "{site.path}">', *_indented(lines[Place.ADDRESS]), "</Location>"]
    return [*_removals(removed), *lines[Place.SITE], *(location if lines[Place.ADDRESS] else [])]


def _haproxy(lines: Lines, removed: Sequence[str], _site: Site) -> list[str]:
    inner = ["# keep your own lines of this block", *_removals(removed), *lines[Place.SITE]]
    return ["defaults", *_indented(inner)]


def _caddy(lines: Lines, removed: Sequence[str], site: Site) -> list[str]:
    inner = ["# keep your own lines of this block", *_removals(removed), *lines[Place.SITE]]
    return [f"{site.address} {{", *_indented(inner), "}"]


def _lighttpd(lines: Lines, removed: Sequence[str], site: Site) -> list[str]:
    inner = [*_removals(removed), *lines[Place.ADDRESS]]
    return [f'$HTTP["url"] =~ "^{site.pattern}" {{', *_indented(inner), "}"]


def _varnish(lines: Lines, _removed: Sequence[str], site: Site) -> list[str]:
    """VCL runs the subs of one name one after the other: a later `set` counts, and an earlier `return`.

    Once beresp.filters is set, Varnish 7.1 refuses to set what it is made of: it comes last.
    """
    first = lines[Place.FILE]
    response = sorted(lines[Place.RESPONSE], key=lambda line: "beresp.filters" in line)
    only = [f'if (bereq.url ~ "^{site.pattern}") {{', *_indented(response), "}"]
    last = ["# behind the other subs of this name", "sub vcl_backend_response {", *_indented(only), "}"]
    return [
        *(["# in front of the other subs of these names", *first] if first else []),
        *(last if response else []),
    ]


_PER_FILTER = "typed_per_filter_config:"


def _envoy(lines: Lines, _removed: Sequence[str], site: Site) -> list[str]:
    """A route of its own: what is for filters stands beside `route`, all else inside of it."""
    manager, route = lines[Place.SITE], lines[Place.ADDRESS]
    text = []
    if manager:
        text += [
            "# typed_config of each HTTP connection manager, in place of the lines that set the same",
            *manager,
        ]
    if route:
        at = next((at for at, line in enumerate(route) if line == _PER_FILTER), len(route))
        end = next((end for end in range(at + 1, len(route)) if not route[end].startswith(" ")), len(route))
        action = dict.fromkeys(["cluster: app", "timeout: 0s", *route[:at], *route[end:]])
        inner = [f'match: {{ prefix: "{site.path}" }}', "route:", *_indented(action, "  "), *route[at:end]]
        text += ["# routes of the virtual host, in front of the others; cluster and the rest as in your own"]
        text += [f"{'  ' if number else '- '}{line}" for number, line in enumerate(inner)]
    return text


def _traefik(lines: Lines, _removed: Sequence[str], site: Site) -> list[str]:
    """A router; one that has TLS only meets requests over TLS, and the other way round."""
    router = list(lines[Place.FILE])
    depth = len(router[-1]) - len(router[-1].lstrip())
    return [*router, f"{' ' * depth}tls: {{}}   # if Traefik has the certificate"] if site.has_tls else router


def _uwsgi(lines: Lines, _removed: Sequence[str], _site: Site) -> list[str]:
    routes = lines[Place.ADDRESS]
    first = ["; in front of your own lines that begin with route", *routes] if routes else []
    return ["[uwsgi]", "; keep your own lines of this section", *first, *lines[Place.FILE]]


def _iis(lines: Lines, _removed: Sequence[str], site: Site) -> list[str]:
    """What one site sets stands in its web.config, what the whole server sets in applicationHost.config."""
    own, whole = lines[Place.ADDRESS], lines[Place.FILE]
    below = site.path.strip("/")
    inner = _system(own)
    if below:
        inner = [f'<location path="{below}">', *_indented(inner), "</location>"]
    return [
        *(["<!-- web.config of the site -->", *_configuration(inner)] if own else []),
        *(["<!-- applicationHost.config -->", *_configuration(_system(whole))] if whole else []),
    ]


def _system(lines: Iterable[str]) -> list[str]:
    return ["<system.webServer>", *_indented(lines), "</system.webServer>"]


def _configuration(lines: Iterable[str]) -> list[str]:
    return ["<configuration>", *_indented(lines), "</configuration>"]


def _plain(lines: Lines, removed: Sequence[str], _site: Site) -> list[str]:
    return [*_removals(removed), *lines[Place.FILE]]


FORMATS: Mapping[Server, Format] = {
    # Measured: of two nginx in a row either can hold the stream, and a run does not show which.
    Server.NGINX: Format(_nginx, "each nginx on the path, the block that serves {path}"),
    Server.APACHE: Format(_apache, "Apache, the virtual host, in place of the lines that set the same"),
    Server.HAPROXY: Format(_haproxy, "HAProxy, the section of the stream: defaults, frontend or listen"),
    Server.CADDY: Format(_caddy, "the Caddyfile, the block of the site"),
    Server.LIGHTTPD: Format(_lighttpd, "lighttpd.conf, at its end"),
    Server.VARNISH: Format(_varnish, "VCL, each sub where its comment says"),
    Server.ENVOY: Format(_envoy, "Envoy, each part where its comment says"),
    Server.TRAEFIK: Format(_traefik, "Traefik, dynamic configuration, beside the other routers"),
    Server.UWSGI: Format(_uwsgi, "uWSGI's ini file"),
    Server.IIS: Format(
        _iis,
        "IIS, each part in the file that its comment names",
        "from Microsoft's documentation: these lines were not run on IIS",
    ),
    Server.SQUID: Format(_plain, "squid.conf"),
    Server.PHP: Format(_plain, "php.ini"),
}  # fmt: skip
# The servers whose lines are YAML.
YAML = frozenset({Server.ENVOY, Server.TRAEFIK})
