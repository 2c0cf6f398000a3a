"""Which lines of an Apache configuration pass to an app, and through which module.

A virtual host may have many lines that pass, each with settings of its own: so each line is a Block.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from flushcheck.configs.apache.conditions import Definitions, definitions, effective
from flushcheck.configs.apache.filters import Effect, output_filters
from flushcheck.configs.apache.workers import REQUEST_SECTIONS, Workers, parameters, target
from flushcheck.configs.findings import Server
from flushcheck.configs.php import SETTINGS as PHP_SETTINGS
from flushcheck.configs.templates import is_marked
from flushcheck.configs.tree import MAX_DEPTH, Block, Config, Directive, Listener, Scope, Value, ellipsize

INCLUDES = ("include", "includeoptional")

_MAX_LOCATIONS = 10  # <Location> sections of one path

_FCGID_HANDLER = "fcgid-script"
_PHP_SETTINGS = ("php_value", "php_flag", "php_admin_value", "php_admin_flag")
_PASSENGER = (
    *("passengerenabled", "passengerapproot", "passengerbaseuri", "passengerapptype", "passengerstartupfile"),
    *("passengerappstartcommand", "passengerbufferresponse"),
)


def blocks(config: Config) -> Iterator[Block]:
    """Every line that passes to an app."""
    defined = definitions(config.directives)
    top = Scope(None, tuple(effective(config.directives, defined)))
    yield from _Finder(config, defined).walk(top, Workers(top), 0)


def fragments(config: Config) -> Iterator[Block]:
    """The sections of a file without a pass."""
    defined = definitions(config.directives)
    yield from _Finder(config, defined).fragments(
        Scope(None, tuple(effective(config.directives, defined))), 0
    )


def frees(block: Block) -> bool:
    """Whether the lines of a fragment set mod_fcgid's buffer to nothing."""
    value = block.value("FcgidOutputBufferSize", "")
    return value.at is not None and value.first == "0"


def is_whole(config: Config) -> bool:
    """Whether a file is for a server or a host: a .htaccess and an included file have neither."""
    names = {directive.name for directive in config.directives}
    return bool(names & {"virtualhost", "documentroot", "serverroot", "listen", "directory", "location"})


class _Finder:
    def __init__(self, config: Config, defined: Definitions) -> None:
        self._config = config
        self._defined = defined

    def walk(self, scope: Scope, workers: Workers, depth: int) -> Iterator[Block]:
        section = scope.directive
        in_location = section is not None and section.name in ("location", "locationmatch")
        for child in scope.children:
            if child.name in ("proxypass", "proxypassmatch"):
                if url := target(child, in_location=in_location):
                    yield from self._proxied(child, scope, url, workers)
            elif child.name == "rewriterule" and len(child.args) > 2 and _has_proxy_flag(child.args[2]):
                yield from self._proxied(child, scope, child.args[1], workers)
            elif child.name == "sethandler" and child.args and child.args[0].lower().startswith("proxy:"):
                yield from self._proxied(child, scope, child.args[0][6:], workers)
            elif via := _via_of_handler(child):
                yield self._block(child, scope, via)
        if (passenger := _first(scope, _PASSENGER)) is not None:
            enabled = scope.own("passengerenabled")
            if not (enabled and enabled[-1].args == ("off",)):
                yield self._block(passenger, scope, "passenger", is_section=section is not None)
        for child in scope.children:
            if child.block is not None and child.name in REQUEST_SECTIONS and depth < MAX_DEPTH:
                inner = Scope(child, tuple(effective(child.block, self._defined)), scope)
                own = Workers(inner, workers) if child.name == "virtualhost" else workers
                yield from self.walk(inner, own, depth + 1)

    def fragments(self, scope: Scope, depth: int) -> Iterator[Block]:
        """The sections of a file without a pass, whose lines act on what other files pass."""
        lines = [line for line in scope.children if line.block is None]
        if lines:
            name = scope.directive.whole if scope.directive is not None else "requests that this file is for"
            yield Block(
                server=self._config.server,
                scope=scope,
                pass_directive=lines[0],
                via="fcgid" if scope.own("fcgidoutputbuffersize") else "",
                name=ellipsize(name),
                version=self._config.version,
                insert_scope=scope,
                is_fragment=True,
            )
        for child in scope.children:
            if child.block is not None and depth < MAX_DEPTH and child.name in REQUEST_SECTIONS:
                inner = Scope(child, tuple(effective(child.block, self._defined)), scope)
                yield from self.fragments(inner, depth + 1)

    def _proxied(self, line: Directive, scope: Scope, url: str, workers: Workers) -> Iterator[Block]:
        members = workers.members(url)
        for member in members:
            pairs = {**parameters(line, line.args), **parameters(member, member.args)}
            params = {key: Value(key, (value,), at) for key, (value, at) in pairs.items()}
            yield self._block(member, scope, _via(member.args[0]), params, passed_by=line)
        if not members:
            yield self._block(line, scope, _via(url), _worker_params(line, url, workers))

    def _block(
        self,
        pass_directive: Directive,
        scope: Scope,
        via: str,
        params: Mapping[str, Value] | None = None,
        *,
        is_section: bool = False,
        passed_by: Directive | None = None,
    ) -> Block:
        """One Block.

        Args:
            is_section: the section around the line is the Block, not the line alone.
            passed_by: the ProxyPass line, where the pass directive is a member of its balancer. New lines
                go beside it, not among the members.
        """
        line = passed_by or pass_directive
        return Block(
            server=self._config.server,
            scope=scope if is_section else Scope(pass_directive, (), scope),
            pass_directive=pass_directive,
            via=via,
            name=_name(line, scope, is_section=is_section),
            version=self._config.version,
            insert_scope=scope,
            insert_before=passed_by,
            params=params or {},
            related_scopes=self._locations(line, scope),
            unread_includes=scope.unread_includes(INCLUDES),
            listeners=_listeners(scope),
        )

    def _locations(self, line: Directive, scope: Scope) -> tuple[Scope, ...]:
        """The <Location> sections that cover all that a ProxyPass line passes, the innermost last."""
        if line.name != "proxypass" or not line.args[0].startswith("/"):
            return ()
        parts = line.args[0].split("/")[:MAX_DEPTH]
        covering = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        return tuple(
            section
            for path in covering
            for level in scope.chain()
            for section in self._locations_at(level, path)
        )

    def _locations_at(self, scope: Scope, path: str) -> Sequence[Scope]:
        """The <Location> sections of a scope for exactly this path; the last few of them."""
        by_path: dict[str, list[Directive]] = scope.cached("locations", lambda: _locations_by_path(scope))
        sections: list[Scope] = scope.cached(
            f"location {path}",
            lambda: [
                Scope(section, tuple(effective(section.block or (), self._defined)))
                for section in by_path.get(path, ())[-_MAX_LOCATIONS:]
            ],
        )
        return sections


def _listeners(scope: Scope) -> tuple[Listener, ...]:
    """Where the virtual host around a line takes requests; () without one and without SSLEngine.

    Port 443 speaks TLS without SSLEngine too: its protocol is https unless Listen names another one.
    """
    host = next((level.directive for level in scope.chain() if _is_host(level)), None)
    engine = scope.value("SSLEngine", "", server=Server.APACHE)
    ports = [arg.rpartition(":")[2] for arg in host.args] if host is not None else []
    tls = engine.first.lower() == "on" or (engine.at is None and "443" in ports)
    protocols = scope.value("Protocols", "http/1.1", server=Server.APACHE)
    line = host or engine.at
    return (Listener(line, tls, tls and "h2" in map(str.lower, protocols.args)),) if line else ()


def _is_host(level: Scope) -> bool:
    return level.directive is not None and level.directive.name == "virtualhost"


def _via_of_handler(line: Directive) -> str:
    """The module to which a line gives requests, the proxy aside; "" if to none that matters."""
    if not line.args:
        return ""
    first = line.args[0].lower()
    if line.name == "fcgidwrapper" or (line.name in ("sethandler", "addhandler") and first == _FCGID_HANDLER):
        return "fcgid"
    if line.name in ("scriptalias", "scriptaliasmatch") and len(line.args) > 1:
        # A file of the distribution decides by the script's ending which module runs it.
        fcgid = re.search(r"\.fc?gi?\b", line.args[1]) is not None and ".cgi" not in line.args[1]
        return "fcgid" if fcgid else "cgi"
    if line.name in ("wsgiscriptalias", "wsgiscriptaliasmatch"):
        return "mod_wsgi"
    return "php" if line.name in _PHP_SETTINGS and first in PHP_SETTINGS else ""


def _locations_by_path(scope: Scope) -> dict[str, list[Directive]]:
    by_path: dict[str, list[Directive]] = {}
    for section in scope.own("location"):
        if section.args:
            by_path.setdefault(section.args[0].rstrip("/"), []).append(section)
    return by_path


def _worker_params(line: Directive, url: str, workers: Workers) -> dict[str, Value]:
    """The parameters of the worker that serves this line, even if another line created the worker."""
    worker = workers.serving(url)
    if worker is None:
        return {}
    params = {key: Value(key, (value,), at) for key, (value, at) in worker.params.items()}
    if worker.creator is not line and line.name in ("proxypass", "proxypassmatch"):
        for key in parameters(line, line.args).keys() - params.keys():
            reason = f"ignored here, because {worker.creator.place} made the worker first"
            params[key] = Value(key, ("",), None, reason)
    return params


def _has_proxy_flag(flags: str) -> bool:
    return bool({"p", "proxy"} & {flag.strip().lower() for flag in flags.strip("[]").split(",")})


def _via(url: str) -> str:
    scheme = url.rpartition("|")[2].partition("://")[0].lower()
    names = {"fcgi": "fastcgi", "https": "http", "h2": "http", "h2c": "http", "balancer": "http", "wss": "ws"}
    return names.get(scheme, scheme)


def _first(scope: Scope, names: Iterable[str]) -> Directive | None:
    return next((own[0] for name in names if (own := scope.own(name))), None)


def _name(line: Directive, scope: Scope, *, is_section: bool) -> str:
    """For example "ProxyPass /app in VirtualHost *:80"."""
    outer = [level.directive.whole for level in scope.chain() if level.directive is not None]
    own = [] if is_section else [ellipsize(" ".join((line.word, *line.args[:1])), 50)]
    return ellipsize(" in ".join([*own, *outer]))


def setting(block: Block, name: str, default: str) -> Value:
    """The value in force for this pass: <Location> sections that cover it are merged last, so they win."""
    covering = (section for section in reversed(block.related_scopes) if section.own(name.lower()))
    return next(covering, block.scope).value(name, default, server=block.server)


def seconds(text: str) -> float | None:
    """Apache's time, for example "60", "500ms" or "5min"; None if it is no time."""
    match = re.fullmatch(r"(\d{1,9})(ms|s|min|mi|h)?", text.strip().lower())
    units = {"ms": 0.001, "s": 1, None: 1, "min": 60, "mi": 60, "h": 3600}
    return int(match[1]) * units[match[2]] if match else None


# Modules whose way with a response is known.
_KNOWN = frozenset({"http", "ws", "fastcgi", "uwsgi", "ajp", "fcgid", "cgi", "mod_wsgi", "php", "passenger"})


def doubts(block: Block) -> Iterator[str]:
    """Why it is not known whether a line passes pieces on: a scheme whose module was not measured."""
    if block.via not in _KNOWN and not block.is_fragment:
        scheme = ellipsize(block.via, 20) or "an address without a scheme"
        yield f"{scheme}: flushcheck does not know how Apache passes such a response on"
    if block.via == "php":
        return
    for output_filter in output_filters(block):
        # What a template fills in is a doubt of its own: `Format.decisive`.
        if output_filter.effect is Effect.UNKNOWN and not is_marked(output_filter.name):
            at, name = output_filter.at, ellipsize(output_filter.name, 40)
            yield f"{at.text} (line {at.line}): what the filter {name} does is not known"


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    if block.via in ("http", "ws"):
        return "mod_proxy_http passes each piece on at once"
    if block.via in ("passenger", "cgi", "mod_wsgi"):
        return "the module passes each piece on at once"
    if block.via in ("fastcgi", "ajp") and (value := block.params.get("flushpackets")):
        return block.say(value)
    if block.via == "fcgid":
        return block.say(block.value("FcgidOutputBufferSize", "65536"))
    return "no cause of a hold is known for it"
