"""Find culprits: by id, or the ids that a misspelt one may have meant; by server, by symptom, by words."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from flushcheck.configs.findings import Server
from flushcheck.culprits import CULPRITS, LINTERS
from flushcheck.model import Culprit, Flow, UsageError

# Whose configurations show a culprit. One that no configuration shows is in the app, or names no program.
SERVERS: Mapping[str, tuple[Server, ...]] = MappingProxyType(
    {module.CULPRIT.id: module.SERVERS for module in LINTERS}
)
FLOWS = tuple(
    flow for flow in Flow if any(symptom.flow is flow for each in CULPRITS.values() for symptom in each.shows)
)

MAX_WORDS = 100  # characters to search for
MAX_NEAR = 4  # ids offered in place of an unknown one
MAX_SHOWN = 60  # characters of an unknown id in the error


def find(name: str) -> Culprit:
    """The culprit of this id.

    Raises:
        UsageError: there is none; the nearest ids are offered.
    """
    if name in CULPRITS:
        return CULPRITS[name]
    shown = name if len(name) <= MAX_SHOWN else f"{name[:MAX_SHOWN]}…"
    meant = near(name)
    if meant:
        raise UsageError(f"no culprit is called {shown!r}. Did you mean {', '.join(meant)}?")
    raise UsageError(
        f"no culprit is called {shown!r}: expected an id that `flushcheck explain` lists, for example "
        f"{next(iter(CULPRITS))}"
    )


def near(name: str) -> tuple[str, ...]:
    """The ids that may have been meant, likeliest first: alike as a whole, or sharing a word of it."""
    wanted = "-".join(name.lower()[:MAX_SHOWN].replace("_", " ").replace("-", " ").split())
    alike = difflib.get_close_matches(wanted, CULPRITS, n=MAX_NEAR)
    words = [word for word in wanted.split("-") if len(word) > 2]
    sharing = sorted(
        (culprit_id for culprit_id in CULPRITS if any(word in culprit_id for word in words)),
        key=lambda culprit_id: -sum(word in culprit_id for word in words),
    )
    return tuple(dict.fromkeys((*alike, *sharing)))[:MAX_NEAR]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which culprits to list: those that fit all of it. The default is all culprits."""

    server: Server | None = None
    symptom: Flow | None = None
    words: str = ""  # each of them occurs in what the catalogue says of the culprit

    def fits(self, culprit: Culprit) -> bool:
        """Whether a culprit is listed."""
        if self.server is not None and self.server not in SERVERS.get(culprit.id, ()):
            return False
        if self.symptom is not None and self.symptom not in {symptom.flow for symptom in culprit.shows}:
            return False
        words = self.words.lower().split()
        text = _searched(culprit) if words else ""
        return all(word in text for word in words)

    def select(self) -> tuple[Culprit, ...]:
        """The culprits that fit, in the order of the catalogue."""
        return tuple(culprit for culprit in CULPRITS.values() if self.fits(culprit))


def read_selection(query: Mapping[str, str]) -> Selection:
    """The Selection in a query: `server`, `symptom` and `q`, each optional, and empty for any.

    Raises:
        UsageError: a name is unknown, or a value is none of those that exist.
    """
    for name in query:
        if name not in ("server", "symptom", "q"):
            raise UsageError(
                f"unknown parameter {name[:MAX_SHOWN]!r}: expected server, symptom or q, for example q=gzip"
            )
    server, symptom, words = (query.get(name, "") for name in ("server", "symptom", "q"))
    if server and server not in set(Server):
        raise UsageError(
            f"server={server[:MAX_SHOWN]}: expected one of {', '.join(Server)}, for example server=nginx"
        )
    if symptom and symptom not in FLOWS:
        raise UsageError(
            f"symptom={symptom[:MAX_SHOWN]}: expected one of {', '.join(FLOWS)}, for example symptom=blocks"
        )
    if len(words) > MAX_WORDS:
        raise UsageError(f"q of {len(words)} characters: expected at most {MAX_WORDS}, for example q=gzip")
    return Selection(Server(server) if server else None, Flow(symptom) if symptom else None, words)


def _searched(culprit: Culprit) -> str:
    """All that the words of a Selection are looked for in."""
    servers = [server.display_name for server in SERVERS.get(culprit.id, ())]
    flows = [symptom.flow for symptom in culprit.shows]
    changes = [fix.change for fix in culprit.fixes]
    parts = (culprit.id, culprit.title, culprit.symptoms, *servers, *flows, *culprit.measured_on, *changes)
    return "\n".join(parts).lower()
