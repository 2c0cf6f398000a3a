"""Apache's proxy workers: which parameters hold for an address.

The worker decides whether a FastCGI response is flushed, not the line: the first line that names an address
creates the worker, and the parameters of later lines for the same address are ignored (AH01146, "because of
worker sharing", measured on 2.4.71). <Proxy> and ProxySet set them at any place in the file.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from flushcheck.configs.tree import MAX_BLOCKS, Directive, Scope

# Sections that a request may be in; the others are conditions on the server or groups of permissions.
REQUEST_SECTIONS = frozenset(
    {
        *("virtualhost", "directory", "directorymatch", "location", "locationmatch", "files", "filesmatch"),
        *("if", "elseif", "else"),
    }
)

Parameters = dict[str, tuple[str, Directive]]  # by name in lower case: the value, and the line that sets it


@dataclass(slots=True)
class Worker:
    """What Apache keeps for one address."""

    name: str  # the address; the worker serves every address that begins with it
    creator: Directive  # the line that creates it
    params: Parameters


class Workers:
    """The workers of one virtual host, in the order in which httpd creates them.

    The workers of the server around it serve it too; of two with one name the server's counts: measured.
    """

    def __init__(self, scope: Scope, outer: Workers | None = None) -> None:
        self._outer = outer
        self._workers: list[Worker] = []
        self._balancers: dict[str, list[Directive]] = {}
        self._fill(scope.children, in_location=False)

    def serving(self, url: str) -> Worker | None:
        """The worker that serves an address: the one with the longest name that the address begins with."""
        outer = self._outer.serving(url) if self._outer else None
        candidates = [worker for worker in (outer, self._own(url)) if worker]
        return max(candidates, key=lambda worker: len(worker.name), default=None)

    def members(self, url: str) -> Sequence[Directive]:
        """The BalancerMember lines of a balancer; none if the address is no balancer, or an unknown one."""
        name = "/".join(url.lower().split("/")[:3])
        return self._balancers.get(name) or (self._outer.members(url) if self._outer else ())

    def _fill(self, children: Iterable[Directive], *, in_location: bool) -> None:
        for child in children:
            if len(self._workers) >= MAX_BLOCKS:
                return
            if child.name in ("proxypass", "proxypassmatch"):
                url = target(child, in_location=in_location)
                if url and self._own(url) is None:
                    self._workers.append(Worker(_address(url), child, parameters(child, child.args)))
            elif child.name in ("proxy", "proxymatch") and child.block is not None and child.args:
                self._section(child)
            elif child.name == "proxyset" and child.args and "://" in child.args[0]:
                self._set(child.args[0], child, child.args[1:])
            elif child.block is not None and child.name in REQUEST_SECTIONS - {"virtualhost"}:
                self._fill(child.block, in_location=child.name in ("location", "locationmatch"))

    def _section(self, section: Directive) -> None:
        url = section.args[0]
        if url.lower().startswith("balancer://"):
            members = [line for line in section.block or () if line.name == "balancermember" and line.args]
            self._balancers.setdefault(url.lower().rstrip("/"), []).extend(members)
            return
        self._set(url, section, section.args[1:])
        for child in section.block or ():
            if child.name == "proxyset":
                self._set(url, child, child.args)

    def _set(self, url: str, directive: Directive, args: Iterable[str]) -> None:
        worker = self._own(url)
        if worker is None:
            worker = Worker(_address(url), directive, {})
            self._workers.append(worker)
        worker.params.update(parameters(directive, args))

    def _own(self, url: str) -> Worker | None:
        # The first is the longest: no worker is created for an address that an earlier one serves.
        address = _address(url)
        return next((worker for worker in self._workers if address.startswith(worker.name)), None)


def _address(url: str) -> str:
    """The address that names a worker: the part behind a socket's path, with at least a slash."""
    plain = url.rpartition("|")[2].partition("$")[0]
    scheme, colon, rest = plain.partition("://")
    return f"{scheme.lower()}{colon}{rest if '/' in rest else f'{rest}/'}"


def parameters(directive: Directive, args: Iterable[str]) -> Parameters:
    """The `key=value` arguments of a line."""
    pairs = (arg.partition("=") for arg in args)
    return {key.lower(): (value, directive) for key, equals, value in pairs if equals}


def target(directive: Directive, *, in_location: bool) -> str:
    """The address that a ProxyPass line passes to; "" if the line excludes a path from passing."""
    if in_location and directive.args and "://" in directive.args[0]:
        return directive.args[0]
    return next((url for url in directive.args[1:2] if "://" in url), "")  # "!" excludes
