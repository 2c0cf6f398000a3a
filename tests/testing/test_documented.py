"""The examples of docs/testing.md are files that pytest runs, and each fails where a layer joins the stream."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.pages import example
from tests.live.servers import child_env

FRAMEWORKS = ("flask", "django", "fastapi")

# A line that holds the stream: what it replaces, and the layer that the failure names.
GUILTY = {
    "flask": ("app = flask.Flask(__name__)\n", "app = flask.Flask(__name__)\napp.after_request(lambda response: response.make_sequence() or response)\n", "<lambda>"),
    "django": ("    async def pieces", "    def pieces", "ASGIHandler"),
    "fastapi": (
        "app = FastAPI()\n",
        (
        "app = FastAPI()\n\n\n@app.middleware('http')\nasync def join(request, call_next):\n"
        "    from starlette.responses import Response\n    response = await call_next(request)\n"
        "    return Response(b''.join([chunk async for chunk in response.body_iterator]), media_type='text/event-stream')\n"
        ),
        "join",
    ),
}  # fmt: skip


def run(folder: Path, texts: dict[str, str], *more: str) -> str:
    """What pytest prints about these files."""
    for framework, text in texts.items():
        (folder / f"test_{framework}_app.py").write_text(text)
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:schemathesis", "-c", os.devnull]
    files = [*map(str, folder.glob("test_*.py")), "--rootdir", str(folder)]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *more, *files],
        cwd=folder, env=child_env(), capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    return done.stdout


TEXTS = {framework: example(f"testing-{framework}", "python") for framework in FRAMEWORKS}


@pytest.mark.slow  # each asks a real server
def test_the_examples_pass(tmp_path):
    output = run(tmp_path, TEXTS)
    assert f"{2 * len(FRAMEWORKS)} passed" in output, output


@pytest.mark.slow
def test_they_fail_with_the_layer_that_joins(tmp_path):
    texts = {}
    for framework, (old, new, _) in GUILTY.items():
        assert old in TEXTS[framework]
        texts[framework] = TEXTS[framework].replace(old, new)
    texts["django"] = texts["django"].replace("await asyncio.sleep(0.1)", "pass")  # no longer a coroutine
    output = run(tmp_path, texts, "-k", "not on_a_server")
    assert f"{len(FRAMEWORKS)} failed" in output, output
    for _, _, layer in GUILTY.values():
        assert re.search(rf"/chat does not stream: {layer} made \d+ pieces wait", output)
