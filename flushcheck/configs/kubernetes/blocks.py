"""What a file of Kubernetes objects passes to apps: a Block for each Ingress, each route, each ConfigMap.

An Ingress of a controller that is an nginx becomes a Block of nginx, with the lines that the controller
writes; nginx's linters judge it. What other programs do with an Ingress or a route is not in the file: such a
Block is unknown, with the reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice

from flushcheck.configs import nginx
from flushcheck.configs.findings import Server
from flushcheck.configs.kubernetes.controllers import (
    F5_NGINX,
    INGRESS_NGINX,
    KONG,
    KONG_CLASS,
    NGINX_CONTROLLERS,
    OTHER_PREFIXES,
    WRITTEN_ANYWAY,
    Controller,
    Setting,
    is_nginx_class,
    program_of_class,
)
from flushcheck.configs.kubernetes.nginx_lines import (
    Written,
    default_values,
    location_scope,
    snippets,
    written,
)
from flushcheck.configs.kubernetes.objects import (
    Ingress,
    Route,
    Settings,
    ingresses,
    routes,
    settings,
    unread_lines,
)
from flushcheck.configs.tree import (
    MAX_BLOCKS,
    MAX_LINES,
    Block,
    Config,
    Directive,
    Listener,
    ReadProblem,
    Scope,
    Value,
)
from flushcheck.configs.yaml_nodes import children, is_true, is_unknown, items, scalar, text_at

_PREFIXES = (*(each.prefix for each in NGINX_CONTROLLERS), *OTHER_PREFIXES)
# Backend protocols of ingress-nginx: how they pass, and the scheme of proxy_pass.
_PROTOCOLS = {
    "HTTP": ("http", "http://"),
    "HTTPS": ("http", "https://"),
    "AUTO_HTTP": ("http", "$scheme://"),
    "FCGI": ("fastcgi", ""),
}
_NO_STREAMS = frozenset({"GRPC", "GRPCS"})


def blocks(config: Config) -> Iterator[Block]:
    """The blocks of one file, in its order."""
    cluster = {each.name: _cluster(config, each) for each in NGINX_CONTROLLERS}
    passing = (
        block for each in ingresses(config.directives, _PREFIXES) for block in _of(each, config, cluster)
    )
    found = [
        *islice(passing, MAX_BLOCKS + 1),
        *islice((_route(each, config) for each in routes(config.directives)), MAX_BLOCKS + 1),
    ]
    yield from sorted(found, key=lambda block: block.at.line)


def fragments(config: Config) -> Iterator[Block]:
    """The ConfigMaps of controllers: their lines act in every Ingress that has no line of its own."""
    for controller in NGINX_CONTROLLERS:
        for each in _cluster(config, controller):
            yield _cluster_block(each, controller, config)


def _cluster(config: Config, controller: Controller) -> Sequence[Settings]:
    """The ConfigMaps and values with settings of this controller."""
    names = (
        *controller.cluster_settings,
        *controller.location_snippets,
        *controller.server_snippets,
        *controller.http_snippets,
    )
    if not controller.cluster_settings:
        return ()
    own = settings(config.directives, names)
    return tuple(each for each in own if (_is_f5(each)) is (controller is F5_NGINX))


def _is_f5(each: Settings) -> bool:
    """Whether settings that both controllers have are written as F5's: True, times with units, own keys."""
    if each.is_f5_chart or "ingress-nginx" in f"{each.namespace} {each.name}":
        return each.is_f5_chart
    names = {line.name: scalar(line) for line in each.entries}
    if {"location-snippets", "server-snippets", "http-snippets", "http2"} & set(names):
        return True
    time = names.get("proxy-read-timeout", "")
    return names.get("proxy-buffering", "").lower() in ("true", "false") or (
        time[-1:].isalpha() and time[:1].isdecimal()
    )


def controller_of(ingress: Ingress) -> Controller | None:
    """The nginx that takes an Ingress; None if it is another program, or not known which."""
    if program_of_class(ingress.class_name):
        return None
    if ingress.class_name.lower() == KONG_CLASS:
        return KONG
    names = [line.name for line in ingress.entries]
    for controller in NGINX_CONTROLLERS:
        if any(name.startswith(controller.prefix) for name in names):
            return controller
    if any(name.startswith(tuple(OTHER_PREFIXES)) for name in names):
        return None
    return INGRESS_NGINX if is_nginx_class(ingress.class_name) else None


def _of(ingress: Ingress, config: Config, cluster: dict[str, Sequence[Settings]]) -> Iterator[Block]:
    controller = controller_of(ingress)
    if controller is None:
        yield _unknown(config, ingress.at, ingress.name, (_why_unknown(ingress),))
        return
    protocol = _annotation(ingress, controller, "backend-protocol").upper() or "HTTP"
    if protocol in _NO_STREAMS:
        return
    shared = [line for each in cluster[controller.name] for line in each.entries[:MAX_LINES]][:MAX_LINES]
    own = written(ingress.entries, controller.settings, controller.prefix)
    common = written(shared, controller.cluster_settings)
    via, scheme = _PROTOCOLS.get(protocol, _PROTOCOLS["HTTP"])
    at = ingress.at
    unread = (*unread_lines(ingress.entries), *unread_lines(children(ingress.metadata)))
    if ingress.annotations is not None and is_unknown(ingress.annotations):
        unread = (*unread, ingress.annotations)
    server_lines = (
        *snippets(shared, controller.server_snippets),
        *snippets(ingress.entries, controller.server_snippets, controller.prefix),
    )
    location_lines = (
        *unread,
        *(entry for entry, _ in own.ignored),
        *_location_lines(controller, common, own),
        *snippets(ingress.entries, controller.location_snippets, controller.prefix),
        *snippets(shared, controller.location_snippets),
    )
    scope = location_scope(
        at,
        http=snippets_of(shared, controller.http_snippets),
        server=server_lines,
        location=location_lines,
        defaults=default_values(controller, common.lines),
        upgrades=controller.passes_upgrades or bool(_annotation(ingress, controller, "websocket-services")),
    )
    yield Block(
        server=Server.NGINX,
        scope=scope,
        pass_directive=replace(at, name="proxy_pass", args=(f"{scheme}upstream_balancer",), block=None),
        via=via,
        name=ingress.name,
        insert_scope=scope,
        insert_before=_insert_before(ingress),
        params={"controller": Value("controller", (controller.name,))},
        unread_includes=unread,
        listeners=_listeners(ingress, controller, common),
        doubts=tuple(_doubts(ingress, controller, own, location_lines, protocol)),
    )
    inner = replace(config, server=Server.NGINX, directives=server_lines)
    yield from nginx.blocks(inner)


def snippets_of(entries: Sequence[Directive], names: Sequence[str]) -> tuple[Directive, ...]:
    """The directives of the snippets of a ConfigMap."""
    return tuple(snippets(entries, names))


def _location_lines(controller: Controller, common: Written, own: Written) -> tuple[Directive, ...]:
    """The lines of a location: an annotation replaces the line of the ConfigMap."""
    names = {line.name for line in own.lines}
    return (*(line for line in common.lines if line.name not in names), *own.lines)


def _annotation(ingress: Ingress, controller: Controller, name: str) -> str:
    full = f"{controller.prefix}{name}"
    return next((scalar(line).strip() for line in ingress.entries if line.name == full), "")


def _insert_before(ingress: Ingress) -> Directive | None:
    """The first annotation, if others can be written above it."""
    first = next((line for line in ingress.entries if "/" in line.name), None)
    around = ingress.annotations
    return first if first is not None and around is not None and first.line > around.line else None


def _listeners(ingress: Ingress, controller: Controller, common: Written) -> tuple[Listener, ...]:
    http2 = controller.offers_http2
    for line in common.lines:
        if line.name == "http2":
            http2 = line.args[0] == "on"
    plain = Listener(ingress.at)
    if controller.listens_with_tls or ingress.tls:
        return (plain, Listener(ingress.at, tls=True, http2=http2))
    return (plain,)


def _doubts(
    ingress: Ingress,
    controller: Controller,
    own: Written,
    location_lines: Sequence[Directive],
    protocol: str,
) -> Iterator[str]:
    prefix = controller.prefix
    for entry, setting in own.ignored:
        if setting.directive == "proxy_buffering":
            yield (
                f"{entry.name} {scalar(entry)[:40]} (line {entry.line}) is no value of {controller.name}: "
                f"expected {setting.expects}"
            )
    for entry in own.unread:
        yield f"{entry.name} (line {entry.line}) is an alias, which is not read"
    if controller is INGRESS_NGINX:
        if protocol not in _PROTOCOLS:
            yield f"backend-protocol {protocol[:40]} is no protocol of {controller.name} today"
        if is_true(_annotation(ingress, controller, "ssl-passthrough")):
            yield "ssl-passthrough hands TLS through to the app, if the controller is started with it"
        if is_true(_annotation(ingress, controller, "canary")):
            yield f"a canary takes its {prefix} settings from the main Ingress of its host"
        yield from _duplicates(location_lines)
    if controller is KONG and _annotation(ingress, controller, "plugins"):
        yield "konghq.com/plugins: plugins may collect the response"


def _duplicates(location_lines: Sequence[Directive]) -> Iterator[str]:
    """The lines of a snippet that nginx refuses, because the controller has written the same directive."""
    for line in location_lines:
        if line.name in WRITTEN_ANYWAY and not line.written:
            yield (
                f"{line.name} (line {line.line}) stands in a snippet, and {INGRESS_NGINX.name} writes it "
                "into every location: nginx refuses the second one. Use the annotation"
            )


def _why_unknown(ingress: Ingress) -> str:
    names = [line.name for line in ingress.entries]
    for prefix, (program, missing) in OTHER_PREFIXES.items():
        named = next((name for name in names if name.startswith(prefix)), None)
        if named is not None and not program_of_class(ingress.class_name):
            return f"{named} is an annotation of {program}, and this file does not show {missing}"
    program = program_of_class(ingress.class_name)
    if program:
        return f"class {ingress.class_name} is {program}, whose configuration is not in this file"
    if ingress.class_name:
        return f"it is not known which controller takes class {ingress.class_name[:60]}"
    return "it names no class: the cluster decides which controller takes it"


def _unknown(config: Config, at: Directive, name: str, doubts: tuple[str, ...]) -> Block:
    """A Block of a program whose configuration is not in the file."""
    scope = Scope(at, ())
    return Block(
        server=config.server,
        scope=scope,
        pass_directive=at,
        via="http",
        name=name,
        insert_scope=scope,
        doubts=doubts,
    )


def _route(route: Route, config: Config) -> Block:
    """A route of the Gateway API: which program implements its gateway is not in the file."""
    name = f"{route.kind} {route.name}".rstrip()
    parents = [text_at(each, "name") for each in items(_spec(route, "parentRefs"))]
    gateways = ", ".join(parent[:60] for parent in parents[:3] if parent) or "its gateway"
    doubts = [f"{gateways}: which program implements this gateway is not in this file"]
    for rule in items(_spec(route, "rules")):
        for key in ("request", "backendRequest"):
            time = text_at(rule, "timeouts", key)
            if time.strip("0smh") and not doubts[1:]:
                doubts.append(f"timeouts.{key} {time[:20]} ends a stream that takes longer, silent or not")
    return _unknown(config, route.at, name, tuple(doubts))


def _spec(route: Route, key: str) -> Directive | None:
    return next(
        (
            line
            for spec in children(route.root)
            if spec.name == "spec"
            for line in children(spec)
            if line.name == key
        ),
        None,
    )


def _cluster_block(each: Settings, controller: Controller, config: Config) -> Block:
    common = written(each.entries, controller.cluster_settings)
    scope = location_scope(
        each.at,
        http=snippets_of(each.entries, controller.http_snippets),
        server=snippets_of(each.entries, controller.server_snippets),
        location=(
            *unread_lines(each.entries),
            *common.lines,
            *snippets(each.entries, controller.location_snippets),
        ),
        defaults=default_values(controller, common.lines),
        upgrades=True,
    )
    first = next((line for line in each.entries if line.line > each.at.line), None)
    ingress = Ingress(each.at, each.name, None, None, tls=True)
    return Block(
        server=Server.NGINX,
        scope=scope,
        pass_directive=replace(each.at, name="proxy_pass", args=("http://upstream_balancer",), block=None),
        via="http",
        name=each.name,
        insert_scope=scope,
        insert_before=first,
        params={"controller": Value("controller", (controller.name,)), "cluster": Value("cluster", ("yes",))},
        unread_includes=unread_lines(each.entries),
        listeners=_listeners(ingress, controller, common),
        is_fragment=True,
    )


def ignored_lines(config: Config) -> Iterator[ReadProblem]:
    """Annotations and keys that a controller ignores: by their value, or because their name is misspelt."""
    for each in ingresses(config.directives, _PREFIXES):
        controller = controller_of(each)
        if controller is not None:
            yield from _ignored(each.entries, controller, controller.settings, controller.prefix)
    for controller in NGINX_CONTROLLERS:
        for shared in _cluster(config, controller):
            yield from _ignored(shared.entries, controller, controller.cluster_settings, "")


def _ignored(
    entries: Sequence[Directive], controller: Controller, known: Mapping[str, Setting], prefix: str
) -> Iterator[ReadProblem]:
    for entry, setting in written(entries, known, prefix).ignored:
        given = f"{entry.name} {scalar(entry)[:40]!r}"
        reason = f"{given}: {controller.name} expects {setting.expects}, and ignores this"
        yield ReadProblem(entry.file, entry.line, reason, incomplete=False)
    for entry in entries[:MAX_LINES]:
        own = entry.name.removeprefix(prefix)
        if not entry.name.startswith(prefix) or own in known:
            continue
        near = next((name for name in known if _misspelt(own, name)), None)
        if near is not None:
            reason = f"{entry.name}: did you mean {prefix}{near}? {controller.name} has no such setting"
            yield ReadProblem(entry.file, entry.line, reason, incomplete=False)


def _misspelt(given: str, name: str) -> bool:
    """Whether two names differ in one letter, or in the mark between their words."""
    bare, wanted = (re.sub(r"[-_]", "", text.lower()) for text in (given[:60], name))
    if bare == wanted:
        return True
    short, long = sorted((bare, wanted), key=len)
    if len(long) - len(short) > 1:
        return False
    start = next(
        (at for at, pair in enumerate(zip(short, long, strict=False)) if pair[0] != pair[1]), len(short)
    )
    return short[start + (len(short) == len(long)) :] == long[start + 1 :]


def concerns(directives: Sequence[Directive]) -> bool:
    """Whether a file has an object that passes requests, or settings of what passes them."""
    names: Iterable[str] = (
        name
        for each in NGINX_CONTROLLERS
        for name in (*each.cluster_settings, *each.http_snippets, *each.server_snippets)
    )
    return (
        any(True for _ in ingresses(directives, _PREFIXES))
        or any(True for _ in routes(directives))
        or any(True for _ in settings(directives, names))
    )
