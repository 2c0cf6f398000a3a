"""The body of a line of curl: what its options of data add up to. Files are named here, not read."""

from __future__ import annotations

from urllib.parse import quote_plus

from flushcheck.model import UsageError

EXAMPLE = "for example flushcheck watch -- curl -N https://example.org/chat -d @body.json"


class CurlBody:
    """Data option by data option (curl(1), --data and what follows it there)."""

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._file = ""  # with its "@"
        self.is_json = False

    @property
    def given(self) -> bool:
        """Whether there is a body, be it empty."""
        return bool(self._texts or self._file)

    @property
    def content_type(self) -> str:
        """What curl sends where the line has no Content-Type."""
        return "application/json" if self.is_json else "application/x-www-form-urlencoded"

    def data(self, value: str) -> None:
        """Take a text, or the name of a file behind "@".

        Raises:
            UsageError: it is a second file.
        """
        if not value.startswith("@"):
            self._texts.append(value)
        elif self._file:
            raise UsageError(f"curl --data with two files: expected one, {EXAMPLE}")
        else:
            self._file = value

    def raw(self, value: str) -> None:
        """Take a text in which "@" means nothing."""
        self._texts.append(value)

    def json(self, value: str) -> None:
        """Take JSON, or a file with it; parts of it follow each other.

        Raises:
            UsageError: as `data`.
        """
        self.is_json = True
        self.data(value)

    def urlencoded(self, value: str) -> None:
        """Take `name=content` or `content`, encoded here.

        Raises:
            UsageError: the content is that of a file.
        """
        name, equals, content = value.partition("=")
        if not equals and "@" in value:
            raise UsageError(f"curl --data-urlencode with a file: expected 'name=content', {EXAMPLE}")
        encoded = quote_plus(content if equals else value)
        self._texts.append(f"{name}={encoded}" if equals and name else encoded)

    def argument(self) -> str:
        """Return it as an argument of `flushcheck watch`.

        Raises:
            UsageError: a file is not all of it.
        """
        if not self._file:
            return f"--data-raw={self._joined()}"
        if self._texts:
            raise UsageError(f"curl --data with a file and more: expected one file with all of it, {EXAMPLE}")
        return f"--data={self._file}"

    def query(self) -> str:
        """Return it as `--get` puts it behind the address.

        Raises:
            UsageError: it is in a file.
        """
        if self._file:
            raise UsageError(f"curl --get with a file: expected -d 'name=value' beside it, {EXAMPLE}")
        return self._joined()

    def _joined(self) -> str:
        return ("" if self.is_json else "&").join(self._texts)
