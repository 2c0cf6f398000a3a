"""What the documents of a Traefik configuration define: middlewares, routers, entry points.

One name may be used by a router of another document, and by one of another provider: `name@file`. Names are
compared without their provider. What must stay true: a middleware that was not read is never taken for one
that does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from flushcheck.configs.traefik.references import (
    MAX_CHAIN,
    Reference,
    bare,
    by_key,
    extend,
    key,
    references_in,
    split,
)
from flushcheck.configs.tree import MAX_ARGS, Block, Directive, Scope
from flushcheck.configs.yaml_nodes import DOCUMENT, ITEM, children, scalar, scalars, walk

_FLUSH_INTERVAL = ["loadbalancer", "responseforwarding", "flushinterval"]
_MAX_POINTS = 20  # entry points of one router
_MAX_ROOTS = 5_000  # documents, with those of included files
_OF_INGRESS = "traefik.ingress.kubernetes.io/router."  # annotations
CRD_GROUPS = ("traefik.io/", "traefik.containo.us/")


@dataclass(frozen=True, slots=True, eq=False)
class Middleware:
    """One middleware."""

    name: str
    kind: str  # in lower case, for example "buffering"
    at: Directive
    chain: tuple[Reference, ...] = ()  # of a chain


@dataclass(slots=True, eq=False)
class Router:
    """One router."""

    name: str
    at: Directive  # its entry, or the first of its labels
    references: dict[str, Reference] = field(default_factory=dict)  # by their keys
    entry_points: tuple[str, ...] = ()  # (): every one that is a default
    service: str = ""
    title: str = "router"
    rule: str = ""
    priority: str = ""


@dataclass(slots=True, eq=False)
class EntryPoint:
    """One entry point of the static configuration."""

    name: str
    references: dict[str, Reference] = field(default_factory=dict)  # by their keys
    write_timeout: Directive | None = None
    write_timeout_text: str = ""


class Chain(NamedTuple):
    """The middlewares that a response of a router passes through."""

    known: tuple[tuple[Middleware, Reference], ...]
    missing: tuple[Reference, ...]  # not defined in what was read


class Model:
    """Everything that the documents define."""

    def __init__(self, directives: Sequence[Directive]) -> None:
        """Args:
        directives: the documents, with those of included files below the statements that include them.
        """
        self.middlewares: dict[str, Middleware] = {}
        self.routers: dict[int, Router] = {}  # by the identity of `at`
        self.entry_points: dict[str, EntryPoint] = {}
        self.has_static = False
        self.flush_intervals: dict[str, Directive] = {}  # of services, by name
        self._label_routers: dict[str, Router] = {}
        self._chains: dict[int, Chain] = {}  # of routers, by the identity of `at`
        for root in _roots(directives):
            self._document(root)

    def router(self, at: Directive) -> Router | None:
        """The router of an entry."""
        return self.routers.get(id(at))

    def chain(self, router: Router) -> Chain:
        """The middlewares of a router and of its entry points, those inside of chains in their place."""
        if id(router.at) not in self._chains:
            self._chains[id(router.at)] = self._chain(router)
        return self._chains[id(router.at)]

    def points(self, router: Router | None) -> tuple[EntryPoint, ...]:
        """The entry points at which a router takes requests, as far as they were read."""
        names = (router.entry_points if router is not None else ()) or tuple(self.entry_points)
        points = (self.entry_points.get(name.lower()) for name in names[:_MAX_POINTS])
        return tuple(point for point in points if point is not None)

    def _chain(self, router: Router) -> Chain:
        lists = (*(point.references for point in self.points(router)), router.references)
        # The next one last, where it is taken from.
        waiting = [reference for own in lists for reference in own.values()][::-1]
        known: list[tuple[Middleware, Reference]] = []
        missing: list[Reference] = []
        seen: set[str] = set()
        while waiting and len(seen) < MAX_CHAIN:
            reference = waiting.pop()
            if reference.key in seen:
                continue
            seen.add(reference.key)
            middleware = self.middlewares.get(reference.key)
            if middleware is None:
                missing.append(reference)
            elif middleware.kind == "chain":
                waiting += reversed(middleware.chain)
            else:
                known.append((middleware, reference))
        if waiting or len(router.entry_points or self.entry_points) > _MAX_POINTS:
            missing.insert(0, Reference("that follows too many others", "", router.at, router.at))
        return Chain(tuple(known), tuple(missing))

    def _document(self, root: Directive) -> None:
        version, kind = scalar(key(root, "apiVersion")), scalar(key(root, "kind"))
        if version.startswith(CRD_GROUPS):
            self._resource(root, kind)
        elif kind == "Ingress":
            self._ingress(root)
        elif kind == "List":
            for item in children(key(root, "items")):
                self._document(item)
            return  # a walk through lists in lists would meet each entry many times
        http = key(root, "http")
        for entry in children(key(http, "middlewares")):
            self._middleware(entry.name, bare(entry.name), entry)
        for entry in children(key(http, "routers")):
            self._router(entry)
        for entry in children(key(http, "services")):
            interval = key(key(key(entry, "loadBalancer"), "responseForwarding"), "flushInterval")
            if interval is not None:
                self.flush_intervals.setdefault(bare(entry.name), interval)
        for entry in children(key(root, "entryPoints")):
            self._entry_point(entry)
        for entry in walk((root,)):
            if entry.name == "labels":
                self._labels(entry)
            elif entry.args and entry.args[0].lstrip().startswith("--"):
                for word in entry.args[0].split(None, MAX_ARGS)[:MAX_ARGS]:
                    self._flag(entry, word)

    def _middleware(self, name: str, at_key: str, entry: Directive, namespace: str = "") -> None:
        kind = next(iter(children(entry)), None)
        if kind is None:
            return
        chain = key(kind, "middlewares")
        inner = references_in(chain, namespace) if kind.name.lower() == "chain" else ()
        middleware = Middleware(name, kind.name.lower(), kind, tuple(by_key(inner).values()))
        self.middlewares.setdefault(at_key, middleware)

    def _router(self, entry: Directive) -> None:
        self.routers[id(entry)] = Router(
            entry.name,
            entry,
            by_key(references_in(key(entry, "middlewares"), "")),
            scalars(key(entry, "entryPoints")),
            scalar(key(entry, "service")),
            rule=scalar(key(entry, "rule")),
            priority=scalar(key(entry, "priority")),
        )

    def _resource(self, root: Directive, kind: str) -> None:
        metadata = key(root, "metadata")
        name, namespace = scalar(key(metadata, "name")), scalar(key(metadata, "namespace")) or "default"
        spec = key(root, "spec")
        if kind == "Middleware" and spec is not None:
            self._middleware(name, f"{namespace}-{name}", spec, namespace)
        elif kind == "IngressRoute":
            for route in children(key(spec, "routes")):
                self.routers[id(route)] = Router(
                    name,
                    route,
                    by_key(references_in(key(route, "middlewares"), namespace)),
                    scalars(key(spec, "entryPoints")),
                    _first_service(route),
                    "IngressRoute",
                    scalar(key(route, "match")),
                    scalar(key(route, "priority")),
                )

    def _ingress(self, root: Directive) -> None:
        """An Ingress whose annotations say what Traefik's routers of it use."""
        if not is_ingress(root):
            return
        options = {line.name: line for line in _router_annotations(root)}
        names = options.get(f"{_OF_INGRESS}middlewares")
        points = scalar(options.get(f"{_OF_INGRESS}entrypoints"))
        at = key(root, "kind") or root
        self.routers[id(at)] = Router(
            scalar(key(key(root, "metadata"), "name")),
            at,
            by_key(split(scalar(names), names)) if names is not None else {},
            tuple(part.strip() for part in points.split(",") if part.strip()),
            title="Ingress",
        )

    def _entry_point(self, entry: Directive) -> None:
        self.has_static = True
        point = self._point(entry.name)
        extend(point.references, references_in(key(key(entry, "http"), "middlewares"), ""))
        timeouts = key(key(entry, "transport"), "respondingTimeouts")
        line = key(timeouts, "writeTimeout")
        if line is not None:
            point.write_timeout, point.write_timeout_text = line, scalar(line)

    def _point(self, name: str) -> EntryPoint:
        return self.entry_points.setdefault(name.lower(), EntryPoint(name))

    def _flag(self, entry: Directive, text: str) -> None:
        """An argument of the program: its static configuration is there and nowhere else."""
        flag, _, value = text.partition("=")
        parts = flag.lstrip("-").lower().split(".")
        if parts[0] not in ("entrypoints", "providers"):
            return
        self.has_static = True
        if parts[0] == "entrypoints" and len(parts) > 1:
            point = self._point(parts[1])
            if parts[2:] == ["http", "middlewares"]:
                extend(point.references, split(value, entry))
            elif parts[2:] == ["transport", "respondingtimeouts", "writetimeout"]:
                point.write_timeout, point.write_timeout_text = entry, value

    def _labels(self, labels: Directive) -> None:
        for entry in children(labels):
            text = scalar(entry)
            name, value = (entry.name, text)
            if entry.name == ITEM:
                name, _, value = text.partition("=")
            parts = name.strip().split(".")
            lowered = [part.lower() for part in parts]
            if lowered[:2] != ["traefik", "http"] or len(parts) < 5:
                continue
            if lowered[2] == "middlewares":
                self._middleware_label(parts, lowered, value, entry)
            elif lowered[2] == "routers":
                self._router_label(parts[3], lowered[4], value, entry)
            elif lowered[2] == "services" and lowered[4:] == _FLUSH_INTERVAL:
                self.flush_intervals.setdefault(parts[3], entry)

    def _middleware_label(
        self, parts: Sequence[str], lowered: Sequence[str], value: str, entry: Directive
    ) -> None:
        chain = split(value, entry) if lowered[4:] == ["chain", "middlewares"] else ()
        self.middlewares.setdefault(
            parts[3], Middleware(parts[3], lowered[4], entry, tuple(by_key(chain).values()))
        )

    def _router_label(self, name: str, option: str, value: str, entry: Directive) -> None:
        router = self._label_routers.get(name)
        if router is None:
            router = self._label_routers[name] = Router(name, entry)
            self.routers[id(entry)] = router
        if option == "middlewares":
            extend(router.references, split(value, entry))
        elif option == "entrypoints":
            router.entry_points = tuple(part.strip() for part in value.split(",") if part.strip())
        elif option == "service":
            router.service = value.strip()
        elif option == "rule":
            router.rule = value
        elif option == "priority":
            router.priority = value


def model_at(top: Scope) -> Model:
    """The model of all statements of a configuration, made once."""
    return top.cached("traefik", lambda: Model(top.children))


def model_of(block: Block) -> Model:
    """The model of the configuration that a block is part of."""
    return model_at(block.scope.outermost)


def chain_of(block: Block) -> Chain:
    """The middlewares of a block's router."""
    model = model_of(block)
    router = model.router(block.pass_directive)
    return model.chain(router) if router is not None else Chain((), ())


def entry_points_of(block: Block) -> Iterator[EntryPoint]:
    """The entry points at which a block's router takes requests, as far as they were read."""
    model = model_of(block)
    return iter(model.points(model.router(block.pass_directive)))


def is_ingress(root: Directive) -> bool:
    """Whether a document is an Ingress with annotations for Traefik's routers."""
    return scalar(key(root, "kind")) == "Ingress" and any(_router_annotations(root))


def _router_annotations(root: Directive) -> Iterator[Directive]:
    entries = children(key(key(root, "metadata"), "annotations"))
    return (line for line in entries if line.name.startswith(_OF_INGRESS))


def _roots(directives: Sequence[Directive]) -> Iterator[Directive]:
    """The documents, those of included files too."""
    waiting = [line for line in directives if line.name == DOCUMENT]
    for count, root in enumerate(waiting):
        if count >= _MAX_ROOTS:
            return
        yield root
        file = key(key(root, "providers"), "file")
        waiting += [line for line in children(file) if line.name == DOCUMENT]


def _first_service(route: Directive) -> str:
    service = next(iter(children(key(route, "services"))), None)
    return scalar(key(service, "name"))
