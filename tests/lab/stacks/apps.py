"""The app of a stack, by its framework."""

from __future__ import annotations

import os
from typing import Any

from tests.lab.stacks.table import STACKS, Stack


def make(stack: Stack) -> Any:
    """The app of a stack, without taps."""
    if stack.framework == "django":
        from tests.lab.stacks.django_apps import make_django

        return make_django(stack)
    if stack.framework in ("starlette", "fastapi"):
        from tests.lab.stacks import starlette_apps

        return getattr(starlette_apps, f"make_{stack.framework}")(stack)
    from tests.lab.stacks import flask_apps

    return getattr(flask_apps, f"make_{stack.framework}")(stack)


def chosen() -> Stack:
    """The stack that the environment names."""
    stack = STACKS[os.environ["LAB_STACK"]]
    return stack.freed() if os.environ.get("LAB_FREED") else stack
