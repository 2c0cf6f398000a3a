"""Right, wrong or undecided: what taps and checks say of a stack, beside the table and the observer.

Wrong is a layer named that holds nothing, a clean stack accused, or a held one called clean. Undecided is what says
less: "could not tell", or a hold without the name of its layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flushcheck.culprits import CULPRITS
from flushcheck.model import Verdict
from flushcheck.tapping.report import TapCause, TapReport
from tests.lab.stacks.runs import Sight
from tests.lab.stacks.table import Stack
from tests.lab.verdicts import Mark
from tests.lab.watched import SUBTLE

# Causes whose headline is of one layer.
OF_LAYERS = (TapCause.LAYER, TapCause.SYNC_ITERATOR, TapCause.ASYNC_ITERATOR, TapCause.GZIP_MEMBERS)


@dataclass(frozen=True, slots=True)
class Score:
    """What became of one stack."""

    stack: Stack
    observer: str  # why what arrived is not what the table says; "" if it is
    tap: Mark
    order: Mark
    url: Mark
    why: str = ""

    @property
    def marks(self) -> tuple[Mark, ...]:
        """Of all three."""
        return self.tap, self.order, self.url


def score(stack: Stack, sight: Sight) -> Score:
    """Compare what each said of a stack with its row."""
    tap, tap_why = score_tap(stack, sight.tap)
    order, order_why = score_order(stack, sight.order["message"], sight.order["layers"])
    url, url_why = score_url(stack, sight.url, sight.url_names)
    why = "; ".join(text for text in (tap_why, order_why, url_why) if text)
    return Score(stack, observer_difference(stack, sight.seen, sight.freed), tap, order, url, why)


def observer_difference(stack: Stack, seen: str, freed: str) -> str:
    """Why what arrived is not what the table says; "" if it is."""
    if seen not in stack.seen.split():
        return f"seen {seen}, not {' or '.join(stack.seen.split())}"
    if stack.guilty and freed != "flowing":
        return f"{freed} without {stack.guilty} too"
    return ""


def score_tap(stack: Stack, report: TapReport) -> tuple[Mark, str]:
    """Judge what `flushcheck tap` says."""
    said = f"tap: {report.headline}"
    layers = {rung.name for rung in report.guilty} - {"reader"}
    if layers - {stack.named}:
        return Mark.WRONG, said
    if report.cause == stack.cause and (report.cause not in OF_LAYERS or layers):
        return (
            (Mark.RIGHT, "") if report.cause or report.verdict is Verdict.FLOWING else (Mark.UNDECIDED, said)
        )
    if report.verdict is Verdict.UNKNOWN:
        return Mark.UNDECIDED, said
    return Mark.WRONG, said


def score_order(stack: Stack, message: str, layers: Sequence[str]) -> tuple[Mark, str]:
    """Judge what the order check says."""
    said = f"order: {message.splitlines()[0] if message else 'streams'}"
    if set(layers) - {stack.named}:
        return Mark.WRONG, said
    if stack.order == "held":
        return (Mark.RIGHT, "") if layers else (Mark.UNDECIDED if message else Mark.WRONG, said)
    if stack.order == "whole":
        return (Mark.RIGHT, "") if message and not layers else (Mark.WRONG, said)
    return (Mark.WRONG, said) if message else (Mark.RIGHT, "")


def score_url(stack: Stack, failure: str, names: Sequence[str]) -> tuple[Mark, str]:
    """Judge what `assert_url_streams` says, which sees no layers."""
    said = f"url: {' '.join(failure.split())[:160] or 'streams'}"
    if any(not CULPRITS[name].generic and not _is_of(stack, name) for name in names):
        return Mark.WRONG, said
    if (
        stack.guilty == "queue" or stack.view == "slow"
    ):  # by the next request; not told from a hold to the end
        return Mark.RIGHT, ""
    if bool(failure) == stack.is_held:
        return Mark.RIGHT, ""
    if set(stack.seen.split()) & SUBTLE:
        return Mark.UNDECIDED, said
    return Mark.WRONG, said


def _is_of(stack: Stack, name: str) -> bool:
    """Whether a culprit is the layer that holds the stack."""
    if stack.view == "decorated":
        return name == "django-gzip-middleware"
    return any(path.endswith(f".{stack.named}") for path in CULPRITS[name].layers) or name in (
        "compressor",
        "gzip-members",
        "byte-buffer",
    )
