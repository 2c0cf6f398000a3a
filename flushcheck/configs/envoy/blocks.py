"""The routes of an Envoy that pass to an app, and what is not known of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flushcheck.configs.envoy.filters import BUFFER, COMPRESSOR, PASSING, Filter, compresses
from flushcheck.configs.envoy.model import Model, Place, model_at, model_of, place_of, validates_clusters
from flushcheck.configs.tree import Block, Config, Directive, ReadProblem, Scope, ellipsize
from flushcheck.configs.yaml_nodes import child

_MAX_DOUBTS = 3
_MAX_REFUSED = 5
# Libraries that flush each piece, and the one that never does. Measured on 1.40.0.
FLUSHING, HOLDING = ("gzip", "brotli"), "zstd"


def blocks(config: Config) -> Iterator[Block]:
    """Every route that passes to an app."""
    top = Scope(None, config.directives)
    model = model_at(top)
    for place in model.places.values():
        scope = Scope(place.at, place.at.block or (), top)
        yield Block(
            server=config.server,
            scope=scope,
            pass_directive=place.at,
            via="http",
            name=place.name,
            version=config.version,
            insert_scope=scope,
            unread_includes=tuple(_unread(place)),
        )


def _unread(place: Place) -> Iterator[Directive]:
    """What takes part in the way of a response and is not in the text."""
    line = place.at
    if place.manager.whole:
        return
    if place.istio == "VirtualService":
        name = "what EnvoyFilters add to this route"
    elif place.istio:
        name = "the list of filters that this patch changes"
    else:
        name = "the listener of these routes"
    yield Directive("elsewhere", (name,), line.file, line.line, line.line)


def doubts(block: Block) -> Iterator[str]:
    """Why it is not known whether responses pass."""
    place = place_of(block)
    if place.remote_routes:
        yield "its routes are fetched from elsewhere, with their timeouts and their settings of filters"
    others = [each for each in place.filters() if not _is_known(place, each)]
    for each in others[:_MAX_DOUBTS]:
        what = _what(each)
        yield f"{ellipsize(each.name, 50)} (line {each.at.line}) {what}"


def _is_known(place: Place, each: Filter) -> bool:
    if each.kind == COMPRESSOR:
        override = place.override(each)
        if override is not None:
            return False
        if each.config is not None and child(each.config, "compressor_library") is not None:
            library = compresses(each)
            return library in (*FLUSHING, HOLDING, "")
        return False
    return each.kind in PASSING or each.kind == BUFFER


def _what(each: Filter) -> str:
    if each.kind == COMPRESSOR:
        return "is a compressor whose library or settings for this route flushcheck does not know"
    return "is a filter whose effect on a response flushcheck does not know"


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    libraries = [library for each in place_of(block).filters() if (library := compresses(each)) in FLUSHING]
    if libraries:
        return f"no filter here holds a response: {libraries[0]} flushes each piece"
    return "no filter here holds a response"


def refused_lines(config: Config) -> Sequence[ReadProblem]:
    """Routes of a whole configuration to clusters that it does not have."""
    model = Model(config.directives)
    problems = []
    for place in model.places.values():
        missing = _missing_cluster(model, place)
        if missing:
            reason = f"unknown cluster {ellipsize(missing, 40)}: Envoy refuses this file"
            problems.append(ReadProblem(config.file, place.at.line, reason, refused=True))
            if len(problems) == _MAX_REFUSED:
                break
    return problems


def is_refused(block: Block) -> bool:
    """Whether Envoy refuses the route of this block."""
    return bool(_missing_cluster(model_of(block), place_of(block)))


def _missing_cluster(model: Model, place: Place) -> str:
    """The first cluster of a route that a whole configuration does not have; "" if Envoy takes the route."""
    if not model.is_bootstrap or model.has_remote_clusters or not place.manager.whole:
        return ""
    if not validates_clusters(child(place.manager.at, "route_config")):
        return ""
    return next((name for name in place.clusters if name not in model.clusters), "")
