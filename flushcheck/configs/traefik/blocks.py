"""The routers of a Traefik configuration that pass to an app, and what is not known of them."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs.assumptions import Assumption, Condition
from flushcheck.configs.traefik.durations import seconds
from flushcheck.configs.traefik.model import Middleware, Model, Router, chain_of, model_at, model_of
from flushcheck.configs.traefik.references import bare
from flushcheck.configs.tree import Block, Config, Directive, Scope, ellipsize
from flushcheck.configs.yaml_nodes import scalar

INCLUDES = ("filename", "directory")  # below providers.file

# What middlewares do to a response that is a stream. All but buffering were measured on 3.7.15 to pass each
# piece on, or act on the request or on response headers alone by their documentation.
PASSING = frozenset(
    {
        *("addprefix", "basicauth", "circuitbreaker", "compress", "contenttype", "digestauth", "errors"),
        *("encodedcharacters", "forwardauth", "grpcweb", "headers", "inflightreq", "ipallowlist"),
        *("ipwhitelist", "passtlsclientcert", "ratelimit", "redirectregex", "redirectscheme"),
        *("replacepath", "replacepathregex", "retry", "stripprefix", "stripprefixregex"),
    }
)
_MEASURED = (3, 7)
_MAX_DOUBTS = 3
# Longer than this a flush interval holds what people would see: the default is 100 ms.
_SLOW_FLUSH_S = 0.5


def blocks(config: Config) -> Iterator[Block]:
    """Every router that passes to an app; one block for middlewares that no router of this text uses."""
    top = Scope(None, config.directives)
    model = model_at(top)
    for router in model.routers.values():
        if not router.service.strip().endswith("@internal"):
            name = f"{router.title} {ellipsize(router.name, 60)}"
            yield _block(config, top, router.at, name, model, router)
    if not model.routers and model.middlewares:
        first = next(iter(model.middlewares.values()))
        yield _block(config, top, first.at, "middlewares without a router", model, None)


def _block(
    config: Config, top: Scope, at: Directive, name: str, model: Model, router: Router | None
) -> Block:
    scope = Scope(at, at.block or (), top)
    return Block(
        server=config.server,
        scope=scope,
        pass_directive=at,
        via="http",
        name=name,
        version=config.version,
        insert_scope=scope,
        unread_includes=tuple(_unread(config, model, router)) if router is not None else (),
    )


def _unread(config: Config, model: Model, router: Router) -> Iterator[Directive]:
    """What may add middlewares to a router and was not read."""
    for reference in model.chain(router).missing[:_MAX_DOUBTS]:
        name = f"middleware {ellipsize(reference.name, 40)}"
        yield Directive("middleware", (name,), reference.at.file, reference.at.line, reference.at.line)
    if not model.has_static:
        name = "the static configuration of Traefik"
        yield Directive("static", (name,), config.file, router.at.line, router.at.line)


def unused(block: Block) -> tuple[Middleware, ...]:
    """The middlewares of a text without routers, if this block stands for them; () for a router's block."""
    model = model_of(block)
    if model.router(block.pass_directive) is not None:
        return ()
    return tuple(model.middlewares.values())


def doubts(block: Block) -> Iterator[str]:
    """Why it is not known whether responses pass."""
    alone = unused(block)
    if alone:
        names = ", ".join(ellipsize(middleware.name, 30) for middleware in alone[:_MAX_DOUBTS])
        yield f"no router in this text uses {names}: what they do depends on the routers"
        return
    if block.version and block.version < _MEASURED and _compresses(block):
        yield "what compress of this version does was not measured: that of 3.7 flushes each piece"
    known = (*PASSING, "buffering")
    others = [middleware for middleware, _ in chain_of(block).known if middleware.kind not in known]
    for middleware in others[:_MAX_DOUBTS]:
        kind = "a plugin" if middleware.kind == "plugin" else ellipsize(middleware.kind, 30)
        yield (
            f"middleware {ellipsize(middleware.name, 30)} (line {middleware.at.line}) is {kind}: flushcheck "
            "does not know what it does to a response"
        )


def conditions(block: Block) -> Iterator[Condition]:
    """A slow flushInterval counts for responses of known length."""
    if slow_flush(block) is not None:
        yield Condition(Assumption.CHUNKED, "while the app sends chunks")


def slow_flush(block: Block) -> Directive | None:
    """The flushInterval of the router's service, if it is long."""
    model = model_of(block)
    router = model.router(block.pass_directive)
    if router is None:
        return None
    line = model.flush_intervals.get(bare(router.service) or router.name)
    if line is None:
        return None
    interval_s = seconds(scalar(line).rpartition("=")[2])
    return line if interval_s is not None and interval_s > _SLOW_FLUSH_S else None


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    if _compresses(block):
        return "no middleware of this router holds a response: compress flushes each piece, measured on 3.7"
    return "no middleware of this router holds a response"


def _compresses(block: Block) -> bool:
    return any(middleware.kind == "compress" for middleware, _ in chain_of(block).known)
