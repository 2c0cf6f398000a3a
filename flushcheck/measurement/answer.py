"""The answer to a question about a run: yes, no, or that the run does not tell."""

from __future__ import annotations

from enum import Enum
from typing import NoReturn


class Answer(Enum):
    """Compare it with a member: `seen.frees(...) is Answer.YES`. A truth test raises TypeError."""

    YES = "yes"
    NO = "no"
    NOT_TRIED = "not tried"  # the probe was not made, or what it saw decides nothing

    def __bool__(self) -> NoReturn:
        # NOT_TRIED is neither true nor false, so `if answer:` and `not answer` are always a mistake.
        raise TypeError(f"{self} has no truth value: compare it, for example `answer is Answer.YES`")

    @classmethod
    def of(cls, fact: bool) -> Answer:
        """The answer to a question that the run decides."""
        return cls.YES if fact else cls.NO
