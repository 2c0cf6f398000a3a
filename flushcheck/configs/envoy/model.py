"""Connection managers, routes and clusters of Envoy, and Istio's own kinds, in the documents of a text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from operator import itemgetter

from flushcheck.configs.envoy.filters import Filter, extension, read_filter, read_filters
from flushcheck.configs.tree import Block, Directive, Scope
from flushcheck.configs.yaml_nodes import at, child, children, is_false, is_true, scalars, text_at, walk

ISTIO = "networking.istio.io/"
_MANAGER = "http_connection_manager"
_MAX_BESIDE = 1_000  # routes of one connection manager that are compared


@dataclass(frozen=True, slots=True, eq=False)
class Manager:
    """One HTTP connection manager, or the part of one that a text has."""

    at: Directive
    filters: tuple[Filter, ...] = ()
    alpn_http2: bool = False  # a browser takes HTTP/2 here
    whole: bool = True  # False: a list of routes whose listener is elsewhere, or a patch


class Overrides:
    """What a route or a virtual host sets for filters: each route asks for each of its filters."""

    __slots__ = ("_by_kind", "_by_name")

    def __init__(self, entry: Directive) -> None:
        self._by_name: dict[str, tuple[int, Directive]] = {}
        self._by_kind: dict[str, tuple[int, Directive]] = {}
        for number, line in enumerate(children(child(entry, "typed_per_filter_config"))):
            self._by_name.setdefault(line.name, (number, line))
            self._by_kind.setdefault(line.name.removeprefix("envoy.filters.http."), (number, line))

    def of(self, each: Filter) -> Directive | None:
        """The first entry for a filter, by its name or its kind."""
        entries = (self._by_name.get(each.name), self._by_kind.get(each.kind))
        first = min((entry for entry in entries if entry is not None), key=itemgetter(0), default=None)
        return first[1] if first is not None else None


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """One route that passes to a cluster."""

    at: Directive  # the line or block of the route
    name: str
    manager: Manager
    host: Directive | None = None  # its virtual host
    action: Directive | None = None  # `route`
    clusters: tuple[str, ...] = ()
    remote_routes: bool = False  # the routes are fetched from elsewhere
    istio: str = ""  # the kind, for Istio's own
    overrides: tuple[Overrides, ...] = ()  # the route's own, then those of its virtual host

    @property
    def upgrade(self) -> Directive | None:
        """The entry of upgrade_configs for WebSocket: the route's own, or the manager's."""
        for entry in (self.action, self.manager.at):
            for upgrade in children(child(entry, "upgrade_configs")):
                if text_at(upgrade, "upgrade_type").lower() == "websocket":
                    return upgrade
        return None

    def override(self, each: Filter) -> Directive | None:
        """What the route, or its virtual host, sets for a filter."""
        return next((line for own in self.overrides if (line := own.of(each)) is not None), None)

    def is_off(self, each: Filter) -> bool:
        """Whether a filter is switched off for this route."""
        override = self.override(each)
        if override is not None and is_true(text_at(override, "disabled")):
            return True
        if not each.disabled:
            return False
        return override is None

    def filters(self) -> Iterator[Filter]:
        """The filters that responses of this route pass through."""
        return (each for each in self.manager.filters if not self.is_off(each))


class Model:
    """Everything of Envoy's and Istio's that the documents define."""

    def __init__(self, directives: Sequence[Directive]) -> None:
        """Args:
        directives: the documents.
        """
        self.places: dict[int, Place] = {}  # by the identity of `at`
        self.beside: dict[int, list[Place]] = {}  # the places of a manager, by its identity
        self.clusters: dict[str, Directive] = {}
        self.is_bootstrap = False
        self.has_remote_clusters = False
        for document in directives:
            self._document(document)

    def _document(self, document: Directive) -> None:
        version = text_at(document, "apiVersion")
        if version.startswith(ISTIO):
            self._istio(document)
        elif text_at(document, "kind") == "List":
            for item in children(child(document, "items")):
                self._document(item)
        else:
            self._envoy(document)

    def _envoy(self, document: Directive) -> None:
        static = child(document, "static_resources")
        self.is_bootstrap = self.is_bootstrap or static is not None
        dynamic = child(document, "dynamic_resources")
        self.has_remote_clusters = self.has_remote_clusters or child(dynamic, "cds_config") is not None
        for entry in children(child(static, "clusters")):
            self.clusters[text_at(entry, "name")] = entry
        chains, routes = _parts(document)
        managers = 0
        for chain, listener in chains:
            for entry in children(child(chain, "filters")):
                config = _manager_config(entry)
                if config is not None:
                    managers += 1
                    self._manager(config, chain, listener)
        for line in routes if managers == 0 else ():
            self._routes(line, Manager(line, whole=False))

    def _manager(self, config: Directive, chain: Directive, listener: Directive) -> None:
        socket = child(chain, "transport_socket")
        lines = walk((socket,)) if socket is not None else iter(())
        protocols = [each for line in lines if line.name == "alpn_protocols" for each in scalars(line)]
        quic = child(listener, "udp_listener_config") is not None
        manager = Manager(
            config,
            read_filters(children(child(config, "http_filters"))),
            alpn_http2=socket is not None and ("h2" in protocols or quic),
        )
        routes = child(config, "route_config")
        if routes is not None:
            self._routes(routes, manager)
        else:
            entry = child(config, "rds") or child(config, "scoped_routes") or config
            self._add(Place(entry, "routes that are fetched", manager, remote_routes=True))

    def _routes(self, routes: Directive, manager: Manager) -> None:
        for host in children(child(routes, "virtual_hosts")):
            name = text_at(host, "name") or "?"
            shared = Overrides(host)
            for route in children(child(host, "routes")):
                action = child(route, "route")
                if action is not None:
                    path = _match(child(route, "match"))
                    self._add(
                        Place(
                            route,
                            f"route {path} of {name[:40]}",
                            manager,
                            host,
                            action,
                            _clusters(action),
                            overrides=(Overrides(route), shared),
                        )
                    )

    def _istio(self, document: Directive) -> None:
        kind, name = text_at(document, "kind"), text_at(document, "metadata", "name")[:40]
        spec = child(document, "spec")
        if kind == "VirtualService":
            for number, route in enumerate(children(child(spec, "http")), start=1):
                if child(route, "route") is not None:
                    own = text_at(route, "name") or str(number)
                    manager = Manager(route, whole=False)
                    self._add(Place(route, f"http {own[:40]} of {name}", manager, None, route, istio=kind))
        elif kind == "EnvoyFilter":
            for patch in children(child(spec, "configPatches")):
                value = at(patch, "patch", "value")
                operation = text_at(patch, "patch", "operation")
                if text_at(patch, "applyTo") == "HTTP_FILTER" and value is not None and operation != "REMOVE":
                    manager = Manager(value, (read_filter(value),), whole=False)
                    self._add(Place(patch, f"patch of {name}", manager, istio=kind))

    def _add(self, place: Place) -> None:
        if id(place.at) not in self.places:
            self.places[id(place.at)] = place
            self.beside.setdefault(id(place.manager), []).append(place)


def model_at(top: Scope) -> Model:
    """The model of all statements of a text, made once."""
    return top.cached("envoy", lambda: Model(top.children))


def model_of(block: Block) -> Model:
    """The model of the text that a block is part of."""
    return model_at(block.scope.outermost)


def place_of(block: Block) -> Place:
    """The route of a block."""
    return model_of(block).places[id(block.pass_directive)]


def is_off_elsewhere(block: Block, each: Filter) -> bool:
    """Whether another route of the same connection manager switches a filter off."""
    places = model_of(block).beside[id(place_of(block).manager)][:_MAX_BESIDE]
    return block.scope.outermost.cached(
        f"off {id(each)}", lambda: any(place.is_off(each) for place in places)
    )


def upstream_http2(block: Block) -> bool:
    """Whether an app of this route is called over HTTP/2, or may be."""
    model = model_of(block)
    for name in place_of(block).clusters:
        cluster = model.clusters.get(name)
        if cluster is None:
            return True
        if block.scope.outermost.cached(f"http2 {name}", partial(_speaks_http2, cluster)):
            return True
    return False


def _speaks_http2(cluster: Directive) -> bool:
    return any("http2" in line.name for line in walk((cluster,)))


def _parts(document: Directive) -> tuple[list[tuple[Directive, Directive]], list[Directive]]:
    """Every filter chain with its listener, and every list of virtual hosts."""
    chains: list[tuple[Directive, Directive]] = []
    routes = []
    for line in walk((document,)):
        for inner in line.block or ():
            if inner.name == "filter_chains":
                chains += [(chain, line) for chain in children(inner)]
            elif inner.name == "default_filter_chain":
                chains.append((inner, line))
            elif inner.name == "virtual_hosts":
                routes.append(line)
    return chains, routes


def _manager_config(entry: Directive) -> Directive | None:
    config = child(entry, "typed_config") or child(entry, "config")
    kind = extension(text_at(config, "@type")) or text_at(entry, "name").rpartition(".")[2]
    return config if kind == _MANAGER else None


def _match(match: Directive | None) -> str:
    for name in ("prefix", "path", "path_separated_prefix"):
        text = text_at(match, name)
        if text:
            return text[:60]
    return text_at(match, "safe_regex", "regex")[:60] or "?"


def _clusters(action: Directive) -> tuple[str, ...]:
    names = [text_at(action, "cluster")]
    names += [text_at(entry, "name") for entry in children(at(action, "weighted_clusters", "clusters"))]
    return tuple(name for name in names if name)


def validates_clusters(routes: Directive | None) -> bool:
    """Whether Envoy refuses a route to a cluster that it does not know."""
    return not is_false(text_at(routes, "validate_clusters"))
