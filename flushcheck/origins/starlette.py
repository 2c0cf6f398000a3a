"""The origin as a route of Starlette and FastAPI: the innermost place, inside of all middlewares.

    app.router.routes.append(flushcheck_route("/flushcheck", token="…", until="2026-12-05"))

Without the token the response is the app's own 404.
"""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from flushcheck.origins.asgi import FlushcheckASGI
from flushcheck.origins.layers import described, inside


class FlushcheckRoute(BaseRoute):
    """One path for HTTP and for the WebSocket."""

    def __init__(self, path: str, **options: Any) -> None:
        """Set up the route: see `flushcheck_route`."""
        own = {"program": described("starlette"), "place": "inner", "layers": self._layers}
        options = {**own, **options}
        self._app: Any = None  # of the latest request
        self._serve = FlushcheckASGI(_not_found, path=path, **options)
        self._path = path

    def matches(self, scope: Any) -> tuple[Match, Any]:
        """Whether this is a request for the path."""
        return (Match.FULL if self._serve.takes(scope) else Match.NONE), {}

    async def handle(self, scope: Any, receive: Any, send: Any) -> None:
        """Respond."""
        self._app = scope.get("app")
        await self._serve(scope, receive, send)

    def _layers(self) -> list[str]:
        """The middlewares of the app, from the outermost."""
        return inside([_path_of(middleware) for middleware in getattr(self._app, "user_middleware", ())])

    def url_path_for(self, name: str, /, **path_params: Any) -> Any:
        """Name nothing: the origin is not to be linked to."""
        from starlette.routing import NoMatchFound

        raise NoMatchFound(name, path_params)


def flushcheck_route(path: str = "/flushcheck", **options: Any) -> FlushcheckRoute:
    """Return the route.

    Args:
        path: where the origin is.
        options: of `protocol.origin.Origin`: token, until, and others.

    Raises:
        ValueError: an option is wrong.
    """
    return FlushcheckRoute(path, **options)


def _path_of(middleware: Any) -> str:
    """Where a middleware is defined: its class, or the function that BaseHTTPMiddleware calls."""
    named = middleware.cls
    if named.__name__ == "BaseHTTPMiddleware":
        named = middleware.kwargs.get("dispatch", named)
    return f"{named.__module__}.{named.__qualname__}"


async def _not_found(scope: Any, receive: Any, send: Any) -> None:
    """What the router does where no route matches."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close"})
        return
    raise HTTPException(404)
