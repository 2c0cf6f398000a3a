"""The layers inside of a Litestar app: each route has a chain of its own, which its router looks up.

Source: Litestar 2.x, `ASGIRouter.__call__`, which awaits the first of what `handle_routing` returns.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flushcheck.taps.chain import copy_with


def is_litestar_router(app: Any) -> bool:
    """Whether this is the router of a Litestar app, without importing Litestar."""
    kind = type(app)
    return (kind.__module__, kind.__name__) == ("litestar._asgi.asgi_router", "ASGIRouter")


def tapped_litestar_router(router: Any, tapped: Callable[[Any], Any]) -> Any:
    """Return a copy of the router that calls what `tapped` returns in place of the chain of a route."""
    handle_routing = router.handle_routing

    def tapped_routing(*args: Any, **kwargs: Any) -> tuple[Any, ...]:
        chain, *others = handle_routing(*args, **kwargs)
        return tapped(chain), *others

    copy = copy_with(router)
    # A method in some versions, an attribute in a slot in others: the class decides before both.
    copy.__class__ = type(
        "ASGIRouter", (type(router),), {"__slots__": (), "handle_routing": staticmethod(tapped_routing)}
    )
    return copy
