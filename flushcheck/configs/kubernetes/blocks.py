"""What a file of Kubernetes objects passes to apps: a Block for each Ingress, each route, each ConfigMap.

An Ingress of a controller that is an nginx becomes a Block of nginx, with the lines that the controller
writes; nginx's linters judge it. What other programs do with an Ingress or a route is not in the file: such a
Block is unknown, with the reason.
"""

from __future__ import annotations

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
    Settings,
    ingresses,
    routes,
    settings,
    unread_lines,
)
from flushcheck.configs.kubernetes.unknown import route_block, unknown_block, why_unknown
from flushcheck.configs.tree import (
    MAX_BLOCKS,
    MAX_LINES,
    Block,
    Config,
    Directive,
    Listener,
    Value,
)
from flushcheck.configs.yaml_nodes import children, is_true, is_unknown, scalar

PREFIXES = (*(each.prefix for each in NGINX_CONTROLLERS), *OTHER_PREFIXES)
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
    cluster = {
        controller.name: _shared(controller, own)
        for controller, own in zip(NGINX_CONTROLLERS, cluster_settings(config).values(), strict=True)
    }
    passing = (
        block for each in ingresses(config.directives, PREFIXES) for block in _of(each, config, cluster)
    )
    found = [
        *islice(passing, MAX_BLOCKS + 1),
        *islice((route_block(each, config) for each in routes(config.directives)), MAX_BLOCKS + 1),
    ]
    yield from sorted(found, key=lambda block: block.at.line)


def fragments(config: Config) -> Iterator[Block]:
    """The ConfigMaps of controllers: their lines act in every Ingress that has no line of its own."""
    cluster = cluster_settings(config)
    for controller in NGINX_CONTROLLERS:
        for each in cluster[controller.name]:
            yield _cluster_block(each, controller, config)


def cluster_settings(config: Config) -> Mapping[str, Sequence[Settings]]:
    """The ConfigMaps and values with settings of each controller, by its name."""
    names = {each.name: _cluster_names(each) for each in NGINX_CONTROLLERS}
    own = {name: list[Settings]() for name in names}
    # One walk for all controllers: a hostile file has 100,000 entries to look below.
    for each in settings(config.directives, frozenset().union(*names.values())):
        is_f5 = _is_f5(each)
        for controller in NGINX_CONTROLLERS:
            if is_f5 is (controller is F5_NGINX) and each.has_any(names[controller.name]):
                own[controller.name].append(each)
    return own


def _cluster_names(controller: Controller) -> frozenset[str]:
    """The settings of a controller for all of its cluster; none if it reads no ConfigMap."""
    if not controller.cluster_settings:
        return frozenset()
    return frozenset(
        {
            *controller.cluster_settings,
            *controller.location_snippets,
            *controller.server_snippets,
            *controller.http_snippets,
        }
    )


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


def _shared(controller: Controller, own: Sequence[Settings]) -> tuple[Sequence[Directive], Written]:
    """The settings for all Ingresses of a controller, and the lines that it writes from them."""
    entries = (line for each in own for line in each.entries[:MAX_LINES])
    shared = tuple(islice(entries, MAX_LINES))
    return shared, written(shared, controller.cluster_settings)


def _of(
    ingress: Ingress, config: Config, cluster: Mapping[str, tuple[Sequence[Directive], Written]]
) -> Iterator[Block]:
    controller = controller_of(ingress)
    if controller is None:
        yield unknown_block(config, ingress.at, ingress.name, (why_unknown(ingress),))
        return
    protocol = _annotation(ingress, controller, "backend-protocol").upper() or "HTTP"
    if protocol in _NO_STREAMS:
        return
    shared, common = cluster[controller.name]
    own = written(ingress.entries, controller.settings, controller.prefix)
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
        http=tuple(snippets(shared, controller.http_snippets)),
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
        params=_params(ingress, controller),
        unread_includes=unread,
        listeners=_listeners(ingress, controller, common),
        doubts=tuple(_doubts(ingress, controller, own, location_lines, protocol)),
    )
    inner = replace(config, server=Server.NGINX, directives=server_lines)
    yield from nginx.blocks(inner)


def _params(ingress: Ingress, controller: Controller) -> Mapping[str, Value]:
    """Which controller writes the lines, and whether only the class of the Ingress says so."""
    params = {"controller": Value("controller", (controller.name,))}
    if not any(line.name.startswith(controller.prefix) for line in ingress.entries):
        params["by class"] = Value("by class", (ingress.class_name,))
    return params


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


def _cluster_block(each: Settings, controller: Controller, config: Config) -> Block:
    common = written(each.entries, controller.cluster_settings)
    scope = location_scope(
        each.at,
        http=tuple(snippets(each.entries, controller.http_snippets)),
        server=tuple(snippets(each.entries, controller.server_snippets)),
        location=(
            *unread_lines(each.entries),
            *common.lines,
            *snippets(each.entries, controller.location_snippets),
        ),
        defaults=default_values(controller, common.lines),
        upgrades=True,
    )
    ingress = Ingress(each.at, each.name, None, None, tls=True)
    return Block(
        server=Server.NGINX,
        scope=scope,
        pass_directive=replace(each.at, name="proxy_pass", args=("http://upstream_balancer",), block=None),
        via="http",
        name=each.name,
        insert_scope=scope,
        params={"controller": Value("controller", (controller.name,)), "cluster": Value("cluster", ("yes",))},
        unread_includes=unread_lines(each.entries),
        listeners=_listeners(ingress, controller, common),
        is_fragment=True,
    )


def concerns(directives: Sequence[Directive]) -> bool:
    """Whether a file has an object that passes requests, or settings of what passes them."""
    names: Iterable[str] = (
        name
        for each in NGINX_CONTROLLERS
        for name in (*each.cluster_settings, *each.http_snippets, *each.server_snippets)
    )
    return (
        any(True for _ in ingresses(directives, PREFIXES))
        or any(True for _ in routes(directives))
        or any(True for _ in settings(directives, names))
    )
