"""IIS: the handlers of web.config and applicationHost.config that pass requests to an app.

All of it is from documentation: IIS runs on Windows alone, and nothing here was measured. Where Microsoft's
documents do not say what a module does to the writes of an app, the block is unknown. Sources:
learn.microsoft.com, "IIS configuration reference" (handlers, httpCompression, urlCompression), "Application
Request Routing Page", IScriptMapInfo::GetResponseBufferLimit; php.net, "flush".

A section in `<location>` is for its path; what stands outside is inherited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from flushcheck.configs.findings import Server
from flushcheck.configs.tree import Block, Config, Directive, Format, Scope, ellipsize

_MODULES = {
    "fastcgimodule": "fastcgi",
    "httpplatformhandler": "platform",
    "aspnetcoremodule": "aspnetcore",
    "aspnetcoremodulev2": "aspnetcore",
    "cgimodule": "cgi",
}
_NAMES = {
    "platform": "HttpPlatformHandler",
    "aspnetcore": "the ASP.NET Core Module",
    "cgi": "CgiModule",
}
_SECTION = "system.webServer"


def attribute(line: Directive, name: str) -> str:
    """The value of an attribute of an element, "" if it has none. Names are compared without case."""
    pairs = (arg.partition("=") for arg in line.args)
    return next((value for key, _, value in pairs if key.lower() == name.lower()), "")


def blocks(config: Config) -> Iterator[Block]:
    """Every handler that is an app, and every rule that rewrites to another server."""
    for root in config.directives:
        if root.name != "configuration":
            continue
        top = Scope(root, root.block or ())
        outer = _merged(top, None)
        yield from _of(config, outer)
        for location in top.own("location"):
            yield from _of(config, _merged(Scope(location, location.block or (), top), outer))


def _merged(level: Scope, outer: Scope | None) -> Scope:
    """The content of the level's `<system.webServer>`, which inherits that of the outer one."""
    lines = tuple(line for section in level.own(_SECTION) for line in section.block or ())
    return Scope(level.directive, lines, outer)


def _of(config: Config, scope: Scope) -> Iterator[Block]:
    for handlers in scope.own("handlers"):
        for line in handlers.block or ():
            via = _MODULES.get(attribute(line, "modules").lower(), "") if line.name == "add" else ""
            if via:
                yield _block(config, scope, line, via, f"handler {attribute(line, 'name')}")
    for rewrite in scope.own("rewrite"):
        for rules in rewrite.block or ():
            for rule in rules.block or () if rules.name in ("rules", "globalRules") else ():
                for action in rule.block or ():
                    url = attribute(action, "url").lower()
                    if action.name == "action" and url.startswith(("http://", "https://")):
                        yield _block(config, scope, action, "arr", f"rule {attribute(rule, 'name')}")


def _block(config: Config, scope: Scope, line: Directive, via: str, name: str) -> Block:
    path = (
        attribute(scope.directive, "path") if scope.directive and scope.directive.name == "location" else ""
    )
    return Block(
        server=config.server,
        scope=Scope(line, (), scope),
        pass_directive=line,
        via=via,
        name=ellipsize(f"{name} in location {path}" if path else name),
        version=config.version,
        insert_scope=scope,
    )


def compression(block: Block) -> Directive | None:
    """The `<urlCompression>` that says whether responses are compressed; None if nothing says it."""
    return _line(block.insert_scope, "urlCompression", "doDynamicCompression", last=True)


def _line(scope: Scope | None, name: str, setting: str, *, last: bool) -> Directive | None:
    """The element with this attribute at the innermost level that has one; looked for once for each level."""
    if scope is None:
        return None

    def find() -> Directive | None:
        own = scope.own(name)
        lines = (line for line in (reversed(own) if last else own) if attribute(line, setting))
        return next(lines, None) or _line(scope.parent, name, setting, last=last)

    return scope.cached(f"{name} {setting}", find)


def is_compressed(block: Block, kind: str) -> bool:
    """Whether this type is compressed: text/* is by default, and the most exact entry counts."""
    enabled = _dynamic_types(block.insert_scope)
    names = (kind, f"{kind.partition('/')[0]}/*", "*/*")
    return next((enabled[name] for name in names if name in enabled), False)


def _dynamic_types(scope: Scope | None) -> Mapping[str, bool]:
    """The types of a level with those that it inherits; read once for each level."""
    if scope is None:
        return {"text/*": True}
    return scope.cached("dynamic types", lambda: _own_types(scope, _dynamic_types(scope.parent)))


def _own_types(scope: Scope, inherited: Mapping[str, bool]) -> Mapping[str, bool]:
    sections = scope.own("httpCompression")
    if not sections:
        return inherited
    enabled = {**inherited}
    lists = (types for section in sections for types in section.block or () if types.name == "dynamicTypes")
    for entry in (entry for types in lists for entry in types.block or ()):
        name = attribute(entry, "mimeType").lower()
        if entry.name == "clear":
            enabled.clear()
        elif entry.name == "remove":
            enabled.pop(name, None)
        elif entry.name == "add":
            enabled[name] = attribute(entry, "enabled").lower() != "false"
    return enabled


def arr_buffer(block: Block) -> Directive | None:
    """The `<proxy>` that sets ARR's buffer, in applicationHost.config; None if this file has none."""
    return _line(block.insert_scope, "proxy", "responseBufferLimit", last=False)


def doubts(block: Block) -> Iterator[str]:
    """Why it is not known whether this block passes pieces on."""
    if block.via in _NAMES:
        yield f"Microsoft's documents do not say whether {_NAMES[block.via]} passes each write of the app on"
    line = compression(block)
    if line is None:
        yield "no line switches dynamic compression off, which is on by default where its module is installed"


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    return f"responseBufferLimit is 0 and dynamic compression is off, by documentation (line {block.at.line})"


FORMAT = Format(
    server=Server.IIS,
    blocks=blocks,
    pass_reason=pass_reason,
    doubts=doubts,
    is_whole=lambda _config: False,
    file_names=(r"(^|/)(web|applicationhost)(\.[\w-]+)?\.config$",),
    line_starts=(r"<system\.webServer>", r"<(urlCompression|httpCompression|httpPlatform|aspNetCore)[\s>]"),
)
