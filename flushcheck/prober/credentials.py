"""A name and a password, checked when they are made. No error and no `repr` shows the password."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field

from flushcheck.model import UsageError

MAX_CHARS = 1_000  # of a name, and of a password

EXAMPLE = "for example -u user:password"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name and a password."""

    user: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        """Check both.

        Raises:
            UsageError: they cannot be sent (RFC 7617: no control characters, no colon in the name).
        """
        if ":" in self.user:
            raise UsageError(f"a name with a colon: expected a name without one, {EXAMPLE}")
        for what, text in (("name", self.user), ("password", self.password)):
            if len(text) > MAX_CHARS:
                raise UsageError(
                    f"a {what} of {len(text)} characters: expected at most {MAX_CHARS}, {EXAMPLE}"
                )
            # Surrogates are bytes of an argument that are no UTF-8.
            if any(ord(char) < 32 or ord(char) == 127 or "\ud800" <= char <= "\udfff" for char in text):
                raise UsageError(f"a {what} with control characters: expected text, {EXAMPLE}")

    @property
    def basic(self) -> str:
        """The value of an Authorization header (RFC 7617), in UTF-8 as curl and browsers send it."""
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode("ascii")
