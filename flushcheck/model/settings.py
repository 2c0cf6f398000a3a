"""A variable in the environment that looks like a setting of the service and is none."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UnknownSetting:
    """An unknown FLUSHCHECK_* variable; a typo would silently disable a limit."""

    name: str  # of the variable
    similar: str = ""  # the setting that may be meant; "" if no name is similar

    @property
    def sentence(self) -> str:
        """A warning with the suggestion, if there is one."""
        suggestion = f": did you mean {self.similar}?" if self.similar else ""
        return f"{self.name} is not a setting of flushcheck{suggestion}"
