"""`install`: which requests are noted, what the app sees of it, and what anybody else gets."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import StreamingResponse
from starlette.routing import Route
from werkzeug.test import Client

from flushcheck.taps import install, live
from flushcheck.taps.apps import tapped
from flushcheck.taps.asgi import AsgiTap
from flushcheck.taps.notes import NotesRecorder
from flushcheck.taps.recorder import SERVER, Recorder
from flushcheck.taps.store import Store
from tests.taps.web import AsgiWeb
from tests.testing.apps import PIECES, flask_app, joiner, log_length, starlette_app

TOKEN = "0123456789abcdef"
ID = "ab" * 8


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Notes of tests lie in a folder of their own."""
    monkeypatch.setattr(live, "Store", lambda secret: Store(secret, tmp_path))
    return tmp_path


def wsgi_chat(environ: Any, start_response: Any) -> Iterator[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain")])
    return (f"{number} {environ.get('HTTP_X_FLUSHCHECK_TOKEN')}\n".encode() for number in range(PIECES))


async def asgi_chat(scope: Any, receive: Any, send: Any) -> None:
    names = b" ".join(name for name, _ in scope["headers"])
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for _ in range(PIECES):
        await send({"type": "http.response.body", "body": names + b"\n", "more_body": True})
    await send({"type": "http.response.body", "body": b""})


def asking(tap_id: str = ID, token: str = TOKEN) -> dict[str, str]:
    return {"X-Flushcheck-Tap": tap_id, "X-Flushcheck-Token": token}


def wsgi() -> Any:
    return Client(install(wsgi_chat, token=TOKEN))


def asgi() -> Any:
    return AsgiWeb(install(asgi_chat, token=TOKEN))


def of_flask() -> Any:
    return install(flask_app(log_length), token=TOKEN).test_client()


def of_starlette() -> Any:
    return AsgiWeb(install(starlette_app(Middleware(GZipMiddleware)), token=TOKEN))


NAMES = {
    wsgi: ["view"],
    asgi: ["view"],
    of_flask: ["view", "log_length", "Flask"],
    of_starlette: ["view", "Router", "AsyncExitStackMiddleware", "ExceptionMiddleware", "GZipMiddleware", "ServerErrorMiddleware"],
}  # fmt: skip


def text(response: Any) -> str:
    return str(response.text)


@pytest.mark.parametrize("make", NAMES)
def test_a_request_with_id_and_token_is_noted_once(make):
    web = make()
    response = web.get("/chat", headers=asking())
    assert response.status_code == 200
    assert text(response)
    response.close()
    notes = web.get(f"/chat?x=1&fc=tap&id={ID}", headers=asking())
    assert (notes.status_code, notes.headers["cache-control"]) == (200, "no-store")
    document = json.loads(text(notes))
    places = document["places"]
    expected = [name for name in NAMES[make] if name != "AsyncExitStackMiddleware"]
    assert [place["name"] for place in places] == expected
    assert len(places[0]["chunks"]) == PIECES
    assert document["ended_s"] is not None
    again = web.get(f"/chat?fc=tap&id={ID}", headers=asking())
    assert (again.status_code, "no notes" in text(again)) == (404, True)


@pytest.mark.parametrize("make", [wsgi, asgi])
def test_the_app_does_not_see_the_token(make):
    web = make()
    response = web.get("/chat", headers=asking())
    assert TOKEN not in text(response)
    assert "x-flushcheck-token" not in text(response)


NOT_NOTED = [
    ("another token", asking(token=TOKEN[:-1] + "x")),
    ("no token", {"X-Flushcheck-Tap": ID}),
    ("an id that is too short", asking("ab" * 7)),
    ("an id that is too long", asking("ab" * 33)),
    ("an id of other letters", asking("xy" * 8)),
    ("no id", {"X-Flushcheck-Token": TOKEN}),
]


@pytest.mark.parametrize(("name", "headers"), NOT_NOTED, ids=[row[0] for row in NOT_NOTED])
@pytest.mark.parametrize("make", [wsgi, asgi, of_flask, of_starlette])
def test_any_other_request_gets_the_apps_own_response(make, name, headers):
    web = make()
    own, other = web.get("/nowhere"), web.get(f"/nowhere?fc=tap&id={ID}", headers=headers)
    assert other.status_code == own.status_code
    assert len(text(other)) >= len(text(own))
    web.get("/chat", headers=headers).close()
    assert web.get(f"/?fc=tap&id={ID}", headers=asking()).status_code == 404


@pytest.mark.parametrize("app", [wsgi_chat, asgi_chat])
def test_without_a_token_nothing_is_installed(app, monkeypatch):
    assert install(app) is app
    monkeypatch.setenv("FLUSHCHECK_TAP_TOKEN", TOKEN)
    assert install(app) is not app


@pytest.mark.parametrize("token", ["0123456789abcde", "é" * 16, "a" * 15 + "\n"])
def test_a_token_that_cannot_be_one_is_refused(token):
    with pytest.raises(ValueError, match="expected 16 or more of ASCII"):
        install(wsgi_chat, token=token)


def test_an_app_that_is_changed_stays_the_same_object():
    for app in (flask_app(), starlette_app()):
        assert install(app, token=TOKEN) is app


def test_a_starlette_app_that_has_served_already_gets_taps():
    app = starlette_app()
    AsgiWeb(app).get("/chat")
    web = AsgiWeb(install(app, token=TOKEN))
    web.get("/chat", headers=asking())
    assert web.get(f"/?fc=tap&id={ID}", headers=asking()).status_code == 200


def test_middlewares_that_are_added_later_have_taps_in_starlette():
    app = install(starlette_app(), token=TOKEN)
    app.add_middleware(GZipMiddleware)
    web = AsgiWeb(app)
    web.get("/chat", headers=asking())
    names = [p["name"] for p in web.get(f"/?fc=tap&id={ID}", headers=asking()).json()["places"]]
    assert "GZipMiddleware" in names


def test_functions_that_are_added_later_have_taps_in_flask():
    app = install(flask_app(), token=TOKEN)
    app.after_request(log_length)
    web = app.test_client()
    web.get("/chat", headers=asking())
    places = json.loads(web.get(f"/?fc=tap&id={ID}", headers=asking()).text)["places"]
    assert [place["name"] for place in places] == ["view", "log_length", "Flask"]


def test_requests_without_taps_go_through_the_apps_own_layers():
    app = flask_app()
    app.wsgi_app = joiner(app.wsgi_app)  # type: ignore[method-assign]
    own: Any = app.wsgi_app
    install(app, token=TOKEN)
    app.test_client().get("/chat", headers=asking())
    assert own.__closure__[0].cell_contents == app.__class__.wsgi_app.__get__(app)
    assert app.test_client().get("/chat").text.count("\n") == PIECES


def test_the_current_app_is_the_app_itself():
    app = install(flask_app(), token=TOKEN)
    app.add_url_rule("/me", "me", lambda: str(flask.current_app._get_current_object() is app))  # type: ignore[attr-defined]
    assert app.test_client().get("/me", headers=asking()).text == "True"


def test_assert_streams_sees_through_installed_taps():
    app = install(flask_app(log_length), token=TOKEN)
    recorder = Recorder()
    with tapped(app, recorder) as tapped_app:
        list(Client(tapped_app).get("/chat").response)
    assert "log_length" in [tap.layer.name for tap in recorder.taps]


def test_an_error_of_the_app_ends_the_notes():
    def broken(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"1"
        raise LookupError("in the view")

    web = Client(install(broken, token=TOKEN))
    with pytest.raises(LookupError):
        web.get("/", headers=asking(), buffered=True)
    notes = json.loads(web.get(f"/?fc=tap&id={ID}", headers=asking()).text)
    assert (len(notes["places"][0]["chunks"]), notes["ended_s"] is None) == (1, False)


def test_an_event_loop_that_stands_still_is_noted():
    async def blocks(request: Any) -> StreamingResponse:
        async def body() -> Any:
            for number in range(3):
                time.sleep(0.08)
                yield f"{number}\n"
                await asyncio.sleep(0)

        return StreamingResponse(body())

    web = AsgiWeb(install(Starlette(routes=[Route("/chat", blocks)]), token=TOKEN))
    web.get("/chat", headers=asking())
    notes = web.get(f"/?fc=tap&id={ID}", headers=asking()).json()
    assert sum(for_s for _, for_s in notes["loop_blocked"]) >= 0.1


def test_a_response_of_many_chunks_is_noted_within_limits():
    def many(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return (b"x" for _ in range(5000))

    web = Client(install(many, token=TOKEN))
    assert len(web.get("/", headers=asking()).data) == 5000
    notes = json.loads(web.get(f"/?fc=tap&id={ID}", headers=asking()).text)
    (place,) = notes["places"]
    assert (len(place["chunks"]), place["truncated"], place["left_out"]) == (2000, True, 3000)


def failing_wsgi(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain")])
    yield b"one\n"
    raise KeyError("of the app")


async def failing_asgi(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"one\n", "more_body": True})
    raise KeyError("of the app")


@pytest.mark.parametrize("make", [
    lambda: Client(install(failing_wsgi, token=TOKEN)),
    lambda: AsgiWeb(install(failing_asgi, token=TOKEN)),
])  # fmt: skip
def test_an_error_after_the_header_is_noted(make):
    web = make()
    with pytest.raises(KeyError):
        assert web.get("/chat", headers=asking()).text
    notes = web.get(f"/chat?fc=tap&id={ID}", headers=asking())
    assert json.loads(notes.text)["fault"] == {"name": "view", "what": "raised KeyError", "escaped": True}


def test_a_client_that_leaves_is_no_fault_of_the_app() -> None:
    async def refuses(message: Any) -> None:
        if message["type"] == "http.response.body":
            raise OSError("the client has left")

    recorder = NotesRecorder()
    with pytest.raises(OSError, match="left"):
        asyncio.run(AsgiTap(failing_asgi, SERVER, recorder, failing_asgi)({"type": "http"}, None, refuses))
    assert recorder.document()["fault"] is None
