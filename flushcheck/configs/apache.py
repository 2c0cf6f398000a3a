"""Apache httpd: server files and .htaccess; what passes to an app, and through what.

Their text is read by `sections`. First is worked out what holds here: conditions, variables, macros. Source:
"Configuration Sections" of the httpd 2.4 manual, and measurements on 2.4.71.

What decides whether a FastCGI response is flushed is the worker, not the line: the first line that names an
address makes the worker, and the parameters of later lines for the same address are ignored (AH01146,
"because of worker sharing", measured); <Proxy> and ProxySet set them at any place in the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from flushcheck.configs.php import SETTINGS as PHP_SETTINGS
from flushcheck.configs.tree import (
    MAX_BLOCKS,
    MAX_DEPTH,
    NAMES,
    Block,
    Config,
    Directive,
    Scope,
    Value,
    ellipsize,
)

INCLUDES = ("include", "includeoptional")

# Sections that a request may be in; the others are conditions on the server or groups of permissions.
_SECTIONS = frozenset(
    {
        *("virtualhost", "directory", "directorymatch", "location", "locationmatch", "files", "filesmatch"),
        *("if", "elseif", "else"),
    }
)
_CONDITIONS = frozenset({"ifmodule", "ifdefine", "ifversion", "iffile", "ifdirective", "ifsection"})

# Always there, whether a LoadModule line names them or not.
_BUILT_IN = frozenset({"core", "so", "http", "mpm", "log_config", "unixd", "watchdog", "version"})

_MAX_MACRO_DEPTH = 5
_MOST_LOCATIONS = 10  # <Location> sections of one path
_MAX_MACRO_USES = 1_000
_MAX_WRITTEN = 20_000  # statements that macros bring

_FCGID = "fcgid-script"
_PHP_SETTINGS = ("php_value", "php_flag", "php_admin_value", "php_admin_flag")
_PASSENGER = (
    *("passengerenabled", "passengerapproot", "passengerbaseuri", "passengerapptype", "passengerstartupfile"),
    *("passengerappstartcommand", "passengerbufferresponse"),
)


# What holds on this server: conditions, variables, macros.


@dataclass(slots=True)
class _Facts:
    modules: set[str] = field(default_factory=set)  # of LoadModule, for example "proxy_fcgi"
    defined: dict[str, str] = field(default_factory=dict)
    macros: dict[str, Directive] = field(default_factory=dict)
    uses: int = 0  # macros written out so far
    written: int = 0  # statements of them


def _facts(directives: Iterable[Directive]) -> _Facts:
    facts = _Facts()
    todo = [directives]
    while todo:
        for directive in todo.pop():
            if directive.name == "loadmodule" and directive.args:
                facts.modules.add(directive.args[0].lower().removesuffix("_module"))
            elif directive.name == "define" and directive.args:
                facts.defined[directive.args[0]] = " ".join(directive.args[1:])
            elif directive.name == "macro" and directive.args and directive.block is not None:
                facts.macros[directive.args[0].lower()] = directive
            if directive.block is not None and directive.name in _CONDITIONS:
                todo.append(directive.block)
    return facts


def _holds(directive: Directive, facts: _Facts) -> bool:
    """Whether a condition on the server is true, as far as the files tell; true where they do not."""
    asked = directive.args[0] if directive.args else ""
    wanted = not asked.startswith("!")
    name = asked.lstrip("!")
    if directive.name == "ifmodule":
        short = name.lower().removeprefix("mod_").removesuffix(".c").removesuffix("_module")
        # A file without LoadModule lines is a part of a configuration: the modules are somewhere else.
        there = not facts.modules or short in facts.modules or short in _BUILT_IN
        return there is wanted
    if directive.name == "ifdefine":
        return (name in facts.defined) is wanted
    return wanted


def _effective(directives: Sequence[Directive], facts: _Facts, depth: int = 0) -> Iterator[Directive]:
    """What stands in a section once conditions are taken away, variables put in and macros written out."""
    for directive in directives:
        if directive.name in _CONDITIONS and directive.block is not None:
            if _holds(directive, facts):
                yield from _effective(directive.block, facts, depth)
        elif directive.name == "use" and directive.args and directive.args[0].lower() in facts.macros:
            facts.uses += 1
            if depth < _MAX_MACRO_DEPTH and facts.uses <= _MAX_MACRO_USES:
                yield from _effective(_used(directive, facts), facts, depth + 1)
        elif any("${" in arg for arg in directive.args):
            args = tuple(_filled(arg, facts.defined) for arg in directive.args)
            yield Directive(
                directive.name,
                args,
                directive.file,
                directive.line,
                directive.end_line,
                directive.block,
                directive.written,
            )
        else:
            yield directive


def _filled(arg: str, defined: Mapping[str, str]) -> str:
    return re.sub(r"\$\{(\w+)\}", lambda match: defined.get(match[1], match[0]), arg)


def _used(use: Directive, facts: _Facts) -> Sequence[Directive]:
    macro = facts.macros[use.args[0].lower()]
    values = dict(zip(macro.args[1:], use.args[1:], strict=False))

    def fill(directive: Directive) -> Directive:
        facts.written += 1
        args = list(directive.args)
        # Longest names first, as httpd does, so that $port is not taken for $p.
        for name in sorted(values, key=len, reverse=True):
            args = [arg.replace(name, values[name]) if name else arg for arg in args]
        block = directive.block
        if block is not None:
            block = tuple(fill(child) for child in block if facts.written < _MAX_WRITTEN)
        return Directive(
            directive.name,
            tuple(args),
            directive.file,
            directive.line,
            directive.end_line,
            block,
            directive.written,
        )

    return [fill(directive) for directive in macro.block or () if facts.written < _MAX_WRITTEN]


# Workers.


@dataclass(slots=True)
class _Worker:
    name: str  # the address it serves, and all that begins with it
    maker: Directive
    params: dict[str, tuple[str, Directive]]


def _address(url: str) -> str:
    """The address that names a worker: what follows a socket's path, with at least a slash."""
    plain = url.rpartition("|")[2].partition("$")[0]
    scheme, colon, rest = plain.partition("://")
    return f"{scheme.lower()}{colon}{rest if '/' in rest else f'{rest}/'}"


def _pairs(directive: Directive, args: Iterable[str]) -> dict[str, tuple[str, Directive]]:
    found = (arg.partition("=") for arg in args)
    return {key.lower(): (value, directive) for key, equals, value in found if equals}


class _Workers:
    """The workers of one virtual host, in the order in which httpd makes them.

    Those of the server around it are its workers too, and of two with one name the server's counts: measured.
    """

    def __init__(self, scope: Scope, above: _Workers | None = None) -> None:
        self._above = above
        self._workers: list[_Worker] = []
        self._balancers: dict[str, list[Directive]] = {}
        self._scope = scope
        self._fill(scope.children, in_location=False, depth=0)

    def _fill(self, children: Iterable[Directive], *, in_location: bool, depth: int) -> None:
        for child in children:
            if len(self._workers) >= MAX_BLOCKS:
                break
            if child.name in ("proxypass", "proxypassmatch"):
                url = _target(child, in_location=in_location)
                if url and self._own(url) is None:
                    self._workers.append(_Worker(_address(url), child, _pairs(child, child.args)))
            elif child.name in ("proxy", "proxymatch") and child.block is not None and child.args:
                self._section(child)
            elif child.name == "proxyset" and child.args and "://" in child.args[0]:
                self._set(child.args[0], child, child.args[1:])
            elif child.block is not None and child.name in _SECTIONS - {"virtualhost"} and depth < MAX_DEPTH:
                location = child.name in ("location", "locationmatch")
                self._fill(child.block, in_location=location, depth=depth + 1)

    def _section(self, section: Directive) -> None:
        url = section.args[0]
        if url.lower().startswith("balancer://"):
            members = [one for one in section.block or () if one.name == "balancermember" and one.args]
            self._balancers.setdefault(url.lower().rstrip("/"), []).extend(members)
            return
        self._set(url, section, section.args[1:])
        for child in section.block or ():
            if child.name == "proxyset":
                self._set(url, child, child.args)

    def _set(self, url: str, directive: Directive, args: Iterable[str]) -> None:
        worker = self._own(url)
        if worker is None:
            worker = _Worker(_address(url), directive, {})
            self._workers.append(worker)
        worker.params.update(_pairs(directive, args))

    def of(self, url: str) -> _Worker | None:
        """The worker that serves an address: the longest name that the address begins with."""
        found = [one for one in (self._above.of(url) if self._above else None, self._own(url)) if one]
        return max(found, key=lambda worker: len(worker.name), default=None)

    def _own(self, url: str) -> _Worker | None:
        address = _address(url)
        found = [worker for worker in self._workers if address.startswith(worker.name)]
        return max(found, key=lambda worker: len(worker.name), default=None)

    def members(self, url: str) -> Sequence[Directive]:
        """The lines of a balancer's members; none if it is no balancer, or an unknown one."""
        name = "/".join(url.lower().split("/")[:3])
        return self._balancers.get(name) or (self._above.members(url) if self._above else ())


# Blocks.


def blocks(config: Config) -> tuple[Block, ...]:
    """Every line that passes to an app; at most MAX_BLOCKS."""
    facts = _facts(config.directives)
    top = Scope(None, tuple(_effective(config.directives, facts)))
    finder = _Finder(config, facts)
    found: list[Block] = []
    for block in finder.walk(top, _Workers(top), 0):
        found.append(block)
        if len(found) >= MAX_BLOCKS:
            break
    return tuple(found)


class _Finder:
    def __init__(self, config: Config, facts: _Facts) -> None:
        self._config = config
        self._facts = facts

    def walk(self, scope: Scope, workers: _Workers, depth: int) -> Iterator[Block]:
        section = scope.directive
        in_location = section is not None and section.name in ("location", "locationmatch")
        for child in scope.children:
            yield from self._gates(child, scope, workers, in_location=in_location)
        if (passenger := _first(scope, _PASSENGER)) is not None:
            enabled = scope.own("passengerenabled")
            if not (enabled and enabled[-1].args[:1] == ("off",)):
                yield self._block(passenger, scope, "passenger", {}, section is not None)
        for child in scope.children:
            if child.block is not None and child.name in _SECTIONS and depth < MAX_DEPTH:
                inner = Scope(child, tuple(_effective(child.block, self._facts)), scope)
                own = _Workers(inner, workers) if child.name == "virtualhost" else workers
                yield from self.walk(inner, own, depth + 1)

    def _gates(
        self, child: Directive, scope: Scope, workers: _Workers, *, in_location: bool
    ) -> Iterator[Block]:
        if child.name in ("proxypass", "proxypassmatch"):
            url = _target(child, in_location=in_location)
            if url:
                yield from self._proxied(child, scope, url, workers)
        elif child.name == "rewriterule" and len(child.args) > 2 and _proxies(child.args[2]):
            yield from self._proxied(child, scope, child.args[1], workers)
        elif child.name == "sethandler" and child.args:
            handler = child.args[0]
            if handler.lower().startswith("proxy:"):
                yield from self._proxied(child, scope, handler[6:], workers)
            elif handler.lower() == _FCGID:
                yield self._block(child, scope, "fcgid", {}, False)
        elif (
            child.name == "addhandler" and "".join(child.args[:1]).lower() == _FCGID
        ) or child.name == "fcgidwrapper":
            yield self._block(child, scope, "fcgid", {}, False)
        elif child.name in ("scriptalias", "scriptaliasmatch") and len(child.args) > 1:
            # Which module runs a script is decided by its ending, in a file of the distribution.
            fcgid = re.search(r"\.fc?gi?\b", child.args[1]) is not None and ".cgi" not in child.args[1]
            yield self._block(child, scope, "fcgid" if fcgid else "cgi", {}, False)
        elif child.name in ("wsgiscriptalias", "wsgiscriptaliasmatch"):
            yield self._block(child, scope, "mod_wsgi", {}, False)
        elif child.name in _PHP_SETTINGS and child.args and child.args[0].lower() in PHP_SETTINGS:
            yield self._block(child, scope, "php", {}, False)

    def _proxied(self, gate: Directive, scope: Scope, url: str, workers: _Workers) -> Iterator[Block]:
        members = workers.members(url)
        if members:
            for member in members:
                via = _via(member.args[0])
                pairs = {**_pairs(gate, gate.args), **_pairs(member, member.args)}
                params = {key: Value(key, (value,), at) for key, (value, at) in pairs.items()}
                yield self._block(member, scope, via, params, False, of=gate)
            return
        yield self._block(gate, scope, _via(url), _params(gate, url, workers), False)

    def _block(
        self,
        gate: Directive,
        scope: Scope,
        via: str,
        params: Mapping[str, Value],
        whole: bool,
        *,
        of: Directive | None = None,
    ) -> Block:
        # A virtual host has many lines that pass, each with settings of its own: the line is the block.
        own = scope if whole else Scope(gate, (), scope)
        return Block(
            self._config.server,
            own,
            gate,
            via,
            _name(of or gate, scope, whole=whole),
            self._config.version,
            params=params,
            related_scopes=self._locations(of or gate, scope),
            unread_includes=scope.unread_includes(INCLUDES),
            place=scope,
            insert_before=of,  # lines for a balancer's member go beside the ProxyPass, not among the members
        )

    def _locations(self, gate: Directive, scope: Scope) -> tuple[Scope, ...]:
        """The <Location> sections that cover all that a ProxyPass line passes, the innermost last."""
        if gate.name != "proxypass" or not gate.args or not gate.args[0].startswith("/"):
            return ()
        parts = gate.args[0].rstrip("/").split("/")[:MAX_DEPTH]
        covering = ["/".join(parts[: count + 1]) for count in range(len(parts))]
        return tuple(
            section for path in covering for outer in scope.chain() for section in self._at(outer, path)
        )

    def _at(self, scope: Scope, path: str) -> Sequence[Scope]:
        """The <Location> sections of a scope for this very path; the last few of them."""
        paths: dict[str, list[Directive]] = scope.cached("locations", lambda: _by_path(scope))
        made: list[Scope] = scope.cached(
            f"location {path}",
            lambda: [
                Scope(section, tuple(_effective(section.block or (), self._facts)))
                for section in paths.get(path, ())[-_MOST_LOCATIONS:]
            ],
        )
        return made


def _by_path(scope: Scope) -> dict[str, list[Directive]]:
    paths: dict[str, list[Directive]] = {}
    for section in scope.own("location"):
        if section.args:
            paths.setdefault(section.args[0].rstrip("/"), []).append(section)
    return paths


def _params(gate: Directive, url: str, workers: _Workers) -> dict[str, Value]:
    """What is set for this gate: by its worker, whoever made that."""
    worker = workers.of(url)
    said_here = _pairs(gate, gate.args) if gate.name in ("proxypass", "proxypassmatch") else {}
    params = {key: Value(key, (value,), at) for key, (value, at) in (worker.params.items() if worker else ())}
    if worker is not None and worker.maker is not gate:
        for key in said_here.keys() - params.keys():
            reason = f"ignored here, because {worker.maker.place} made the worker first"
            params[key] = Value(key, ("",), None, reason)
    return params


def _target(directive: Directive, *, in_location: bool) -> str:
    """Where a ProxyPass leads; "" where it says that something is not passed."""
    args = [arg for arg in directive.args if "=" not in arg or "://" in arg or arg.startswith("unix:")]
    url = args[0] if in_location and args and "://" in args[0] else args[1] if len(args) > 1 else ""
    return "" if url == "!" or "://" not in url else url


def _proxies(flags: str) -> bool:
    return bool({"p", "proxy"} & {flag.strip().lower() for flag in flags.strip("[]").split(",")})


def _via(url: str) -> str:
    scheme = url.rpartition("|")[2].partition("://")[0].lower()
    names = {"fcgi": "fastcgi", "https": "http", "h2": "http", "h2c": "http", "balancer": "http", "wss": "ws"}
    return names.get(scheme, scheme)


def _first(scope: Scope, names: Iterable[str]) -> Directive | None:
    return next((own[0] for name in names if (own := scope.own(name))), None)


def _name(gate: Directive, scope: Scope, *, whole: bool) -> str:
    """For example "ProxyPass /app in VirtualHost *:80"."""
    outer = [
        f"{one.directive.word} {' '.join(one.directive.args)}".strip()
        for one in scope.chain()
        if one.directive is not None
    ]
    own = [] if whole else [ellipsize(f"{gate.word} {' '.join(gate.args[:1])}", 50)]
    return ellipsize(" in ".join([*own, *outer]) or "top of the file")


def setting(block: Block, name: str, default: str) -> Value:
    """What is in force for this gate: <Location> sections that cover it come last, so they win."""
    for location in reversed(block.related_scopes):
        if location.own(name):
            return location.value(name, default, whose=NAMES[block.server])
    return block.value(name, default)


def seconds(text: str) -> float | None:
    """Apache's time, for example "60", "500ms" or "5min"; None if it is none."""
    match = re.fullmatch(r"(\d{1,9})(ms|s|min|mi|h)?", text.strip().lower())
    units = {"ms": 0.001, "s": 1, None: 1, "min": 60, "mi": 60, "h": 3600}
    return int(match[1]) * units[match[2]] if match else None


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    if block.via in ("http", "ws"):
        return "mod_proxy_http passes each piece on as it comes"
    if block.via in ("passenger", "cgi", "mod_wsgi"):
        return "passed on as it comes"
    if block.via == "fastcgi" and (value := block.params.get("flushpackets")):
        return block.say(value)
    if block.via == "fcgid":
        value = block.value("FcgidOutputBufferSize", "65536")
        return block.say(value)
    return "nothing is known against it"
