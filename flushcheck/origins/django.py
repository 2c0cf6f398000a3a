"""The origin as a Django view: the innermost place, inside of all middlewares.

    path("flushcheck", flushcheck_view(token="…", until="2026-12-05"))

Under WSGI the body is a synchronous iterator, under ASGI an asynchronous one: Django reads the other kind to
its end before the first byte leaves (Django 4.2 to 6.1). Without the token the response is the project's own
404.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.http import Http404, HttpResponse, StreamingHttpResponse

from flushcheck.origins import asgi, wsgi
from flushcheck.origins.layers import described, inside
from flushcheck.protocol.origin import Origin


def flushcheck_view(**options: Any) -> Callable[[Any], Any]:
    """Return the view.

    Args:
        options: of `protocol.origin.Origin`: token, until, and others.

    Raises:
        ValueError: an option is wrong.
    """
    own = {"program": described("django"), "place": "inner", "layers": lambda: inside(settings.MIDDLEWARE)}
    origin = Origin(**{**own, **options})

    def serve(request: Any) -> Any:
        scope = getattr(request, "scope", None)  # there under ASGI only
        asked = wsgi.request_of(request.META) if scope is None else asgi.request_of(scope)
        found = origin.respond(asked, wsgi.today())
        if found is None:
            raise Http404
        if found.stream is None:
            response = HttpResponse(found.body, status=found.status)
        else:
            body = wsgi.PacedBody(found.stream) if scope is None else asgi.paced(found.stream)
            response = StreamingHttpResponse(body, status=found.status)
        del response["Content-Type"]
        for name, value in found.headers:
            response[name] = value
        return response

    return serve
