"""The layers of an app, whatever keeps the next one."""

from functools import partial, wraps
from types import MethodType
from typing import Any

import pytest

from flushcheck.taps.chain import MAX_LAYERS, Link, layer_of, links, takes_asgi


def wsgi(environ: Any, start_response: Any) -> list[bytes]:
    return []


async def asgi(scope: Any, receive: Any, send: Any) -> None:
    """An app."""


class Kept:
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return []


class AsyncKept(Kept):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # type: ignore[override]
        """An app."""


def closure(app: Any, *, other: Any = 5) -> Any:
    def wrapped(environ: Any, start_response: Any) -> Any:
        return app(environ, start_response), other

    return wrapped


def async_closure(app: Any) -> Any:
    async def wrapped(scope: Any, receive: Any, send: Any) -> None:
        await app(scope, receive, send)

    return wrapped


def closure_without_a_value(app: Any) -> Any:
    def wrapped(environ: Any, start_response: Any) -> Any:
        return app(environ, start_response), late

    if app is None:
        late = 5
    return wrapped


class NoApp:
    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)


class Slotted:
    __slots__ = ("__dict__", "app")

    def __init__(self, app: Any) -> None:
        self.app = app

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.app(environ, start_response)


class Hidden:
    __slots__ = "__inner"  # noqa: PLC0205  # Python takes a string, too

    def __init__(self, inner: Any) -> None:
        self.__inner = inner

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return self.__inner(environ, start_response)


class Frozen:
    def __init__(self, app: Any) -> None:
        vars(self)["app"] = app

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(name)


class Handling:
    """A middleware whose method is the app."""

    def __init__(self, inner: Any, **fields: Any) -> None:
        self.inner_app = inner
        self.__dict__.update(fields)

    def handle(self, environ: Any, start_response: Any) -> Any:
        return self.inner_app(environ, start_response)


class Router:
    """The end of a chain: what it keeps is its own."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)

    def __call__(self, environ: Any, start_response: Any) -> Any:
        return []


Router.__module__ = "pyramid.router"


def policy(environ: Any, router: Any) -> Any:
    """Not called as WSGI prescribes: Pyramid's execution policy."""
    return router


def decorated(app: Any) -> Any:
    def checked(request: Any) -> Any:
        return app(*request)

    @wraps(checked)
    def wrapper(*args: Any) -> Any:
        return checked(args)

    return wrapper


def create_app(kept: Any) -> Any:
    inner = kept

    def log_all(environ: Any, start_response: Any) -> Any:
        return inner(environ, start_response)

    return log_all


def make_inside() -> Any:
    def joins(app: Any) -> Any:
        return lambda environ, start_response: app(environ, start_response)

    return joins


def wrapped_without_app() -> Any:
    @wraps(wsgi)
    def wrapper(*args: Any) -> Any:
        return wsgi(*args)

    return wrapper


def audit(app: Any, environ: Any, start_response: Any) -> Any:
    return app(environ, start_response)


def audit_with(environ: Any, start_response: Any, app: Any) -> Any:
    return app(environ, start_response)


def audit_two(app: Any, other: Any, environ: Any, start_response: Any) -> Any:
    return app(environ, start_response) + other(environ, start_response)


class OfDict(dict[str, Any]):
    """The class of C alone can make one."""


class wsgify:  # noqa: N801  # as WebOb has it
    def __init__(self, func: Any, app: Any) -> None:
        self.func = func
        self.middleware_wraps = app

    def __call__(self, request: Any) -> Any:
        return self.func(request, self.middleware_wraps)


def names(app: Any) -> list[str]:
    return [link.layer.name for link in links(app)]


CHAINS = [
    ("an app alone", wsgi, []),
    ("an attribute", Kept(app=wsgi), ["Kept"]),
    ("another attribute", Kept(wsgi_app=wsgi), ["Kept"]),
    ("an attribute of another name", Kept(app="wsgi", name=wsgi), ["Kept"]),
    ("two attributes of other names", Kept(name=wsgi, other=closure(wsgi)), []),
    ("the same in two attributes of other names", Kept(name=wsgi, other=wsgi), ["Kept"]),
    ("an attribute that is no app", Kept(app="wsgi", name=len), []),
    ("an attribute of what is no app", NoApp(name=wsgi), []),
    ("an attribute in a slot", Slotted(wsgi), ["Slotted"]),
    ("an attribute in a hidden slot", Hidden(wsgi), ["Hidden"]),
    ("a partial", partial(audit, wsgi), ["audit"]),
    ("a partial with a keyword", partial(audit_with, app=wsgi), ["audit_with"]),
    ("a partial with two apps", partial(audit_two, wsgi, wsgi), []),
    ("a partial of something else", partial(len), []),
    ("an attribute that is a class", Kept(app=Kept), []),
    ("a closure", closure(wsgi), ["closure"]),
    ("a closure of ASGI", async_closure(asgi), ["async_closure"]),
    ("a closure of three", closure(Kept(app=async_closure(asgi))), ["closure", "Kept", "async_closure"]),
    ("a closure with a variable without a value", closure_without_a_value(wsgi), ["closure_without_a_value"]),
    ("a closure with two apps", closure(wsgi, other=wsgi), []),
    ("a method", Handling(wsgi).handle, ["Handling"]),
    ("a method of an object with two apps", Handling(wsgi, other=closure(wsgi)).handle, []),
    ("a method of the end of a chain", Router(app=wsgi).__call__, []),
    ("a method of what cannot be copied", MethodType(closure(wsgi), OfDict(app=wsgi)), ["closure"]),
    ("the end of a chain", Router(app=wsgi, other=wsgi), []),
    (
        "the end of a chain that keeps its middlewares",
        Router(middleware_stack=closure(wsgi)),
        ["Router", "closure"],
    ),
    ("two arguments that are not those of WSGI", Kept(policy=policy), []),
    ("a decorated function", decorated(wsgi), ["checked"]),
    ("a function inside of what makes the app", create_app(wsgi), ["log_all"]),
    ("a function of a function inside of another", make_inside()(wsgi), ["joins"]),
    ("a decorated function without an app", wrapped_without_app(), []),
    ("the chain of Litestar", Kept(asgi_handler=asgi, asgi_router=asgi, other=wsgi), ["Kept"]),
    ("... with its function", wsgify(policy, wsgi), ["policy"]),
    ("the middleware of WebOb", Kept(middleware_wraps=wsgi), ["Kept"]),
    ("a function that is no app in a closure", closure(lambda one: one), []),
]


@pytest.mark.parametrize(("name", "app", "layers"), CHAINS, ids=[row[0] for row in CHAINS])
def test_links(name, app, layers) -> None:
    assert names(app) == layers


def test_an_app_that_keeps_itself_ends() -> None:
    app = Kept()
    vars(app)["app"] = app
    assert names(app) == []


def test_a_chain_has_a_limit() -> None:
    app: Any = wsgi
    for _ in range(MAX_LAYERS + 5):
        app = Kept(app=app)
    assert len(names(app)) == MAX_LAYERS


class WithOwnMethod(Kept):
    def __init__(self, app: Any) -> None:
        self.app = app
        self.handle = self.dispatch

    def dispatch(self) -> Any:
        return self.app


@pytest.mark.parametrize("app", [
    Kept(app=wsgi), Kept(name=wsgi), Slotted(wsgi), Hidden(wsgi), Frozen(wsgi), closure(wsgi), MethodType(closure(wsgi), 5),
    partial(audit, wsgi), partial(audit_with, app=wsgi), Handling(wsgi).handle, decorated(wsgi),
])  # fmt: skip
def test_a_copy_calls_something_else_and_the_layer_stays_as_it_is(app) -> None:
    link: Link
    (link,) = links(app)
    copy = link.around(asgi)
    assert [found.inner for found in links(copy)] == [asgi]
    assert [found.inner for found in links(app)] == [wsgi]
    assert type(copy) is type(app)


def test_helpers_of_a_copy_call_something_else_too() -> None:
    app: Any = Kept(
        app=wsgi, again=wsgi, packer=Kept(app=wsgi, level=4), other=Kept(app=asgi), plain=NoApp(app=wsgi)
    )
    (link,) = links(app)
    copy: Any = link.around(asgi)
    assert (copy.app, copy.again, copy.packer.app, copy.packer.level, copy.other.app) == (
        asgi,
        asgi,
        asgi,
        4,
        asgi,
    )
    assert (copy.other, copy.plain) == (app.other, app.plain)
    assert (app.app, app.packer.app) == (wsgi, wsgi)


def test_a_copy_uses_its_own_methods() -> None:
    (link,) = links(WithOwnMethod(wsgi))
    assert link.around(asgi).handle() is asgi


def test_what_cannot_be_copied_is_no_layer() -> None:
    app = OfDict()
    vars(app)["app"] = wsgi
    assert names(app) == []


def test_the_name_of_a_layer_and_where_it_is_defined() -> None:
    assert layer_of(wsgi).path == f"{__name__}.wsgi"
    assert layer_of(Kept().__call__).name == "Kept"


PROTOCOLS = [
    (wsgi, False),
    (asgi, True),
    (Kept(), False),
    (AsyncKept(), True),
    (Kept().__call__, False),
    (AsyncKept().__call__, True),
    (lambda scope, receive, send: None, True),
    (lambda environ, start_response: None, False),
]


@pytest.mark.parametrize(("app", "expected"), PROTOCOLS)
def test_takes_asgi(app, expected) -> None:
    assert takes_asgi(app) is expected
