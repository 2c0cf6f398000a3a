"""Which routers an address leads to: the first whose rule fits, by priority.

Without a priority the longer rule is tried first. Of a rule only Host, Path and PathPrefix are compared; what
else it asks for may fit, and then both this router and the next one count. Source: "Routers" of Traefik's
documentation, 3.7.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import Enum, auto

from flushcheck.configs.address import Address, Route
from flushcheck.configs.traefik.model import Router, model_of
from flushcheck.configs.tree import Block, Config

_ATOM = re.compile(r"\s*(Host|Path|PathPrefix)\(([^()]*)\)\s*", re.IGNORECASE)
_TEXT = re.compile(r"[`\"']([^`\"']*)[`\"']")


class Fit(Enum):
    """Whether a rule fits a request."""

    YES = auto()
    NO = auto()
    MAYBE = auto()


def route(_config: Config, blocks: Sequence[Block], address: Address) -> Route:
    """The blocks of the routers that requests for this address may come to; all if no rule fits any."""
    chosen: set[int] = set()
    for path in address.paths:
        chosen |= set(_routers(blocks, address.host, path))
    return Route(tuple(block for block in blocks if id(block) in chosen) or tuple(blocks))


def _routers(blocks: Sequence[Block], host: str, path: str) -> list[int]:
    found = []
    ranked = [(router, block) for block in blocks if (router := model_of(block).router(block.pass_directive))]
    for router, block in sorted(ranked, key=lambda pair: _priority(pair[0]), reverse=True):
        fit = fits(router.rule, host, path)
        if fit is not Fit.NO:
            found.append(id(block))
        if fit is Fit.YES:
            break
    return found


def _priority(router: Router) -> int:
    text = router.priority.strip()
    return int(text) if re.fullmatch(r"[1-9]\d{0,8}", text) else len(router.rule)


def fits(rule: str, host: str, path: str) -> Fit:
    """Whether a rule fits a request for this host and path."""
    parts = [_all(part, host, path) for part in rule.split("||")]
    if Fit.YES in parts:
        return Fit.YES
    return Fit.MAYBE if Fit.MAYBE in parts else Fit.NO


def _all(rule: str, host: str, path: str) -> Fit:
    parts = [_atom(part, host, path) for part in rule.split("&&")]
    if Fit.NO in parts:
        return Fit.NO
    return Fit.MAYBE if Fit.MAYBE in parts else Fit.YES


def _atom(text: str, host: str, path: str) -> Fit:
    match = _ATOM.fullmatch(text)
    values = _TEXT.findall(match[2]) if match is not None else []
    if match is None or not values:
        return Fit.MAYBE
    kind = match[1].lower()
    if kind == "host":
        fit = host in [value.lower() for value in values]
    elif kind == "path":
        fit = path in values
    else:
        fit = any(path.startswith(value) for value in values)
    return Fit.YES if fit else Fit.NO
