"""Firefox, driven over WebDriver BiDi: Debian has no geckodriver, and Playwright drives only a Firefox of its own.

Just enough of https://www.w3.org/TR/webdriver-bidi/ to open a page and to ask it something.
"""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import websocket

FIREFOX = shutil.which("firefox-esr") or shutil.which("firefox")
_LISTENS = re.compile(r"WebDriver BiDi listening on (ws://\S+)")

# No look-ups of its maker's hosts, no first-run pages.
_PREFERENCES = {
    "app.normandy.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "services.settings.server": "",
    "toolkit.telemetry.enabled": False,
}


class Firefox:
    """One headless Firefox with one tab."""

    def __init__(self, folder: Path, *, within_s: float = 90.0) -> None:
        """Start it with a fresh profile in this folder.

        Raises:
            AssertionError: it is not installed, or did not come up.
        """
        assert FIREFOX
        profile = folder / "profile"
        profile.mkdir()
        lines = [
            f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in _PREFERENCES.items()
        ]
        (profile / "user.js").write_text("\n".join(lines))
        self._log = folder / "firefox.log"
        argv = [
            FIREFOX,
            "--headless",
            "--no-remote",
            "--profile",
            str(profile),
            "--remote-debugging-port",
            "0",
        ]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                argv, stdout=log, stderr=log, env={"HOME": str(folder), "PATH": "/usr/bin:/bin"}
            )
        self._numbers = itertools.count(1)
        end_s = time.monotonic() + within_s
        while not (listening := _LISTENS.search(self._log.read_text(errors="replace"))):
            assert self._process.poll() is None, self._log.read_text(errors="replace")
            assert time.monotonic() < end_s, self._log.read_text(errors="replace")
            time.sleep(0.05)
        self._socket = websocket.create_connection(
            f"{listening[1]}/session", timeout=60, suppress_origin=True
        )
        self._say("session.new", capabilities={})
        self._tab = self._say("browsingContext.getTree")["contexts"][0]["context"]

    def __enter__(self) -> Firefox:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def goto(self, url: str) -> None:
        """Open a page and wait until it is loaded."""
        self._say("browsingContext.navigate", context=self._tab, url=url, wait="complete")

    def ask(self, function: str) -> Any:
        """Call a function in the page, wait for its promise, and return what it returns, as JSON."""
        reply = self._say(
            "script.callFunction",
            functionDeclaration=f"async () => JSON.stringify(await ({function})())",
            target={"context": self._tab},
            awaitPromise=True,
        )
        assert reply["type"] == "success", reply
        return json.loads(reply["result"].get("value", "null"))

    def wait(self, function: str, *, within_s: float = 90.0) -> Any:
        """Ask until the answer is true; returns it."""
        end_s = time.monotonic() + within_s
        while not (answer := self.ask(function)):
            assert time.monotonic() < end_s, self.ask("() => document.body.innerText")
            time.sleep(0.1)
        return answer

    def _say(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
