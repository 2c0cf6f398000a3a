"""The layers of an app: each middleware that holds the next one in an attribute, or in a closure.

WSGI and ASGI have no list of middlewares: a middleware is a callable that keeps another one. Most keep it in
an attribute with one of a few names, others in an attribute of any name, in a closure or in a partial. Some
keep several: mounts of a dispatcher, routes of a router.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import CellType, FunctionType, MethodType
from typing import Any

from flushcheck.taps.recorder import Layer

# Where middlewares keep what they call: Werkzeug, Starlette, WhiteNoise, Flask, OpenTelemetry, Sentry.
ATTRIBUTES = (
    *("app", "wsgi_app", "asgi_app", "middleware_stack", "application", "wsgi", "inner"),
    *("_app", "_wsgi", "next_app"),
    *("asgi_handler", "middleware_wraps"),  # Litestar, WebOb's wsgify
)

# Classes at the end of a chain: what they keep is no next layer, but the framework's own parts. Some keep the
# chain of their middlewares in one of these.
ENDS = frozenset(
    {
        *("flask.app.Flask", "quart.app.Quart", "starlette.routing.Router", "pyramid.router.Router"),
        "litestar._asgi.asgi_router.ASGIRouter",
    }
)
OWN_CHAINS = ("wsgi_app", "asgi_app", "middleware_stack")

# Classes of Starlette and WebOb that stand for a function -> the attribute that has it.
CARRIERS = {"BaseHTTPMiddleware": "dispatch_func", "wsgify": "func"}

# A chain of middlewares is shorter; an object that refers to itself has no end.
MAX_LAYERS = 50


@dataclass(frozen=True, slots=True)
class Link:
    """Where one layer keeps the next one."""

    layer: Layer  # the one that calls
    inner: Any  # what it calls
    around: Callable[[Any], Any]  # a copy of the layer that calls something else; the layer stays as it is


def links(app: Any) -> Iterator[Link]:
    """Yield the links of a chain from the outermost layer to the innermost.

    Args:
        app: a WSGI or ASGI app; any object.
    """
    seen = {id(app)}
    for _ in range(MAX_LAYERS):
        link = _attribute(app) or _method(app) or _closure(app) or _partial(app)
        if link is None or id(link.inner) in seen:
            return
        yield link
        app = link.inner
        seen.add(id(app))


def layer_of(layer: Any) -> Layer:
    """Return what a middleware is called: its class, or its function."""
    # A function that one of these calls is the layer; the class only carries it.
    carried = getattr(layer, "__dict__", {}).get(CARRIERS.get(type(layer).__name__, ""))
    if carried is not None:
        layer = carried
    while isinstance(layer, partial):
        layer = layer.func
    if inspect.ismethod(layer):
        layer = layer.__self__
    named = layer if hasattr(layer, "__name__") else type(layer)
    return Layer(named.__name__, f"{named.__module__}.{named.__qualname__}")


def _maker_of(function: FunctionType) -> Layer:
    """What a function with the next app in its closure is called.

    That is where it is defined, if that got the app as an argument: `joiner` of `joiner.<locals>.wrapped`. A
    function inside of `create_app`, and a decorated one, have their own name.
    """
    maker = function.__qualname__.rpartition(".<locals>.")[0] or function.__qualname__
    if hasattr(function, "__wrapped__") or not _gets_an_app(maker, function):
        return Layer(function.__name__, f"{function.__module__}.{function.__qualname__}")
    return Layer(maker.rpartition(".")[2], f"{function.__module__}.{maker}")


def _gets_an_app(maker: str, function: FunctionType) -> bool:
    """Whether the next app in a closure is an argument of the function of this name; or none is found."""
    made: Any = sys.modules.get(function.__module__)
    for name in maker.split("."):
        made = getattr(made, name, None)
    made = inspect.unwrap(made) if callable(made) else made
    if not inspect.isfunction(made) or made is function:
        return True
    code = made.__code__
    arguments = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
    return any(name in arguments for name, cell in cells if _is_app(_content(cell)))


def _attribute(app: Any) -> Link | None:
    """The link of an object with an attribute for the next layer; None if it has none."""
    fields = fields_of(app)
    name = _kept_in(fields, is_app=_is_app(app), is_end=is_end(app))
    if not name or _empty_copy(app) is None:
        return None
    inner = fields[name]

    def around(value: Any) -> Any:
        changed = {key: _calling(each, inner, value) for key, each in fields.items()}
        return copy_with(app, **changed | {name: value})

    return Link(layer_of(app), inner, around)


def _kept_in(fields: Mapping[str, Any], *, is_app: bool, is_end: bool) -> str:
    """The name of the attribute that has the next layer; "" if none has."""
    usual = next((name for name in (OWN_CHAINS if is_end else ATTRIBUTES) if _is_layer(fields.get(name))), "")
    if usual or is_end or not is_app:
        return usual
    others = {id(value): name for name, value in fields.items() if _is_app(value)}
    return next(iter(others.values())) if len(others) == 1 else ""


def _method(app: Any) -> Link | None:
    """The link of a method whose object keeps the next layer; None if it is not one."""
    owner = app.__self__ if inspect.ismethod(app) else None
    if owner is None or inspect.isclass(owner) or is_end(owner) or _empty_copy(owner) is None:
        return None
    fields = fields_of(owner)
    name = _kept_in(fields, is_app=_is_app(app), is_end=False)
    if not name or fields[name] == app:
        return None
    return Link(
        layer_of(app),
        fields[name],
        lambda value: MethodType(app.__func__, copy_with(owner, **{name: value})),
    )


def is_end(layer: Any) -> bool:
    """Whether this is what a framework calls last."""
    return any(f"{kind.__module__}.{kind.__qualname__}" in ENDS for kind in type(layer).__mro__)


def _calling(helper: Any, inner: Any, value: Any) -> Any:
    """What a layer keeps besides the next one; a helper that calls that one, too, gets the value instead."""
    if helper is inner:
        return value
    if not _is_app(helper) or inspect.isroutine(helper) or _empty_copy(helper) is None:
        return helper
    changed = {name: value for name, each in fields_of(helper).items() if each is inner}
    return copy_with(helper, **changed) if changed else helper


def _is_layer(candidate: Any) -> bool:
    return callable(candidate) and not inspect.isclass(candidate)


def _partial(app: Any) -> Link | None:
    """The link of a function whose app was given to `functools.partial`; None if it is not one."""
    if not isinstance(app, partial):
        return None
    given: dict[int | str, Any] = dict(enumerate(app.args))
    given.update(app.keywords.items())
    apps = [key for key, value in given.items() if _is_app(value)]
    if len(apps) != 1:
        return None
    (place,) = apps

    def around(value: Any) -> Any:
        changed = {**given, place: value}
        arguments = [changed[number] for number in range(len(app.args))]
        return partial(app.func, *arguments, **{name: changed[name] for name in app.keywords})

    return Link(layer_of(app.func), given[place], around)


def mounts_of(layer: Any) -> dict[str, dict[Any, Any]]:
    """The attributes of a dispatcher that have apps by name or path, besides the next layer."""
    if is_end(layer):
        return {}
    return {
        name: value
        for name, value in fields_of(layer).items()
        if isinstance(value, dict)
        and value
        and all(map(_is_layer if name == "mounts" else _is_app, value.values()))
    }


def routes_of(app: Any) -> list[Any]:
    """The routes of Starlette's router, whose method an app is; none for any other app."""
    routes = fields_of(getattr(app, "__self__", None)).get("routes")
    return routes if isinstance(routes, list) else []


def fields_of(layer: Any) -> dict[str, Any]:
    """The attributes of an object itself, those in slots included; none of a function."""
    if inspect.ismethod(layer) or inspect.isclass(layer):
        return {}
    slots = [name for kind in type(layer).__mro__ for name in _slots(kind)]
    values = {name: getattr(layer, name) for name in slots if hasattr(layer, name)}
    return {**values, **getattr(layer, "__dict__", {})}


def _slots(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    hidden = [name for name in names if name.startswith("__") and not name.endswith("__")]
    return tuple(
        f"_{kind.__name__.lstrip('_')}{name}" if name in hidden else name
        for name in names
        if name not in ("__dict__", "__weakref__")
    )


def _empty_copy(layer: Any) -> Any:
    """An object of the same class without its attributes; None where only the class itself can make one."""
    try:
        return object.__new__(type(layer))
    except TypeError:  # a subclass of dict, of a class in C
        return None


def copy_with(layer: Any, **changes: Any) -> Any:
    """A copy of an object that shares all attributes but these, without a call of its class."""
    copy = _empty_copy(layer)
    for name, value in {**fields_of(layer), **changes}.items():
        # BaseHTTPMiddleware keeps its own `dispatch`: that of the copy has to use the copy's next layer.
        is_own = inspect.ismethod(value) and value.__self__ is layer
        object.__setattr__(copy, name, MethodType(value.__func__, copy) if is_own else value)
    return copy


def _closure(app: Any) -> Link | None:
    """The link of a function that has one WSGI or ASGI app in its closure; None if it is not one."""
    function = app if inspect.isfunction(app) else getattr(app, "__func__", None)
    if not inspect.isfunction(function):
        return None
    captured = _captured(function)
    if captured is None:
        return None
    inner, copy_of = captured

    def around(value: Any) -> Any:
        copy = copy_of(value)
        return copy if function is app else MethodType(copy, app.__self__)

    return Link(_maker_of(function), inner, around)


def _captured(function: FunctionType) -> tuple[Any, Callable[[Any], FunctionType]] | None:
    """The one app in a closure, and what makes a copy of the function that has another one there.

    A decorator (`functools.wraps`) has the function in its closure that has the app in its own.
    """
    cells = function.__closure__ or ()
    apps = [cell for cell in cells if _is_app(_content(cell))]
    if len(apps) == 1:
        return apps[0].cell_contents, lambda value: _with_cell(function, apps[0], value)
    wrapped = getattr(function, "__wrapped__", None)
    cell = next((cell for cell in cells if _content(cell) is wrapped), None)
    if apps or cell is None or not inspect.isfunction(wrapped):
        return None
    captured = _captured(wrapped)
    if captured is None:
        return None
    inner, copy_of = captured

    def copy_with_app(value: Any) -> FunctionType:
        copied = copy_of(value)
        copy = _with_cell(function, cell, copied)
        copy.__dict__["__wrapped__"] = copied
        return copy

    return inner, copy_with_app


def _with_cell(function: FunctionType, cell: CellType, value: Any) -> FunctionType:
    """A copy of a function that has this value in one cell of its closure."""
    closure = tuple(CellType(value) if each is cell else each for each in function.__closure__ or ())
    copy = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, closure
    )
    copy.__kwdefaults__, copy.__qualname__ = function.__kwdefaults__, function.__qualname__
    copy.__dict__.update(function.__dict__)
    return copy


def _content(cell: Any) -> Any:
    """What a cell of a closure holds; None for a variable that has no value yet."""
    try:
        return cell.cell_contents
    except ValueError:
        return None


def _is_app(candidate: Any) -> bool:
    """Whether it takes what WSGI (two arguments) or ASGI (three) passes, and nothing else."""
    if not _is_layer(candidate):
        return False
    return takes_wsgi(candidate) or _required(candidate) == ["scope", "receive", "send"]


def takes_wsgi(app: Any) -> bool:
    """Whether an app is called as WSGI prescribes, by the names of its arguments."""
    names = _required(app)
    return len(names) == 2 and names[0] in ("environ", "env", "e") and names[1].startswith("s")


def takes_asgi(app: Any) -> bool:
    """Whether an app is called as ASGI prescribes: with scope, receive and send, to be awaited."""
    call = app if inspect.isfunction(app) or inspect.ismethod(app) else type(app).__call__
    return inspect.iscoroutinefunction(call) or _required(app) == ["scope", "receive", "send"]


def _required(function: Any) -> list[str]:
    """The names of the arguments that a call must have; none where Python cannot tell."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [
        parameter.name.lstrip("_")
        for parameter in parameters
        if parameter.kind in positional and parameter.default is parameter.empty
    ]
