"""The events of a YAML text, within the time that reading it may take.

libyaml reads a megabyte in 0.3 s of CPU at worst. Without it PyYAML is much slower, and less is read.

What must stay true: no value is built, no tag is obeyed, and no alias is followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

_LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# PyYAML's wheels have libyaml. Without it PyYAML 6.0 reads so many characters in 0.9 s of CPU at worst.
MAX_WITHOUT_LIBYAML = 100_000  # characters

# Of one file. A megabyte that people write has 30,000; a hostile one with more takes 2 s of CPU to judge.
MAX_STATEMENTS = 50_000


class TooLarge(ValueError):
    """A text that is not read, because it would take too long; the message says why."""


def events(text: str) -> Iterator[yaml.Event]:
    """The events of a text, each with its lines.

    Raises:
        TooLarge: PyYAML has no libyaml here, and the text is too long for it.
        yaml.YAMLError: from here on it is no YAML.
        ValueError: it has a character that YAML does not allow.
    """
    if _LOADER is yaml.SafeLoader and len(text) > MAX_WITHOUT_LIBYAML:
        limit = f"larger than {MAX_WITHOUT_LIBYAML // 1000} kB, and PyYAML was installed without libyaml"
        raise TooLarge(f"not read: {limit}")
    # As `yaml.parse` does, without asking for each event twice.
    loader: Any = _LOADER(text)
    try:
        while (event := loader.get_event()) is not None:
            yield event
    finally:
        loader.dispose()
