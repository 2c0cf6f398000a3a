"""What is to blame: a Culprit is a known cause of a hold, with the Fixes that were seen to work."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Confidence(StrEnum):
    """How far the Evidence carries, strongest first."""

    CERTAIN = "certain"  # an experiment separated it from everything else we know
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One fact drawn from one or two Observations, with its numbers."""

    sentence: str
    probes: tuple[str, ...] = ()  # ids of the Probes it was drawn from


@dataclass(frozen=True, slots=True)
class Fix:
    """The change to make, where, at what cost."""

    where: str  # for example "nginx, the location block with proxy_pass"
    change: str  # text to paste, one or more lines
    caution: str  # what it costs, or what else to mind


@dataclass(frozen=True, slots=True)
class Culprit:
    """A known cause of holding: why it happens, how it shows, how to fix it."""

    id: str  # the thing at fault, kebab-case
    title: str
    why: str  # a paragraph: how it comes to hold
    symptoms: str  # a paragraph: what a reader sees, and what tells it from its look-alikes
    fixes: tuple[Fix, ...]
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Detection:
    """A Culprit that the Evidence of one Transport speaks for."""

    culprit: Culprit
    confidence: Confidence
    evidence: tuple[Evidence, ...]
