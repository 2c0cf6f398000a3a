"""A client of an ASGI app in this process, as small as one can be."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit


@dataclass
class AsgiResponse:
    status_code: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""

    @property
    def text(self) -> str:
        return self.content.decode("latin-1")

    def json(self) -> Any:
        return json.loads(self.content)

    def close(self) -> None:
        """Nothing is open."""


class AsgiWeb:
    def __init__(self, app: Any) -> None:
        self._app = app

    def get(self, url: str, headers: dict[str, str] | None = None) -> AsgiResponse:
        return asyncio.run(self._get(url, headers or {}))

    async def _get(self, url: str, headers: dict[str, str]) -> AsgiResponse:
        response = AsgiResponse()
        asked = False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if asked:  # a client that stays
                await asyncio.sleep(60)
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                response.status_code = message["status"]
                response.headers = {name.decode(): value.decode() for name, value in message["headers"]}
            else:
                response.content += message.get("body", b"")
            await asyncio.sleep(0)

        parts = urlsplit(url)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": parts.path,
            "raw_path": parts.path.encode(),
            "query_string": parts.query.encode(),
            "root_path": "",
            "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 5000),
            "server": ("testserver", 80),
        }
        await self._app(scope, receive, send)
        return response
