"""`flushcheck watch -- curl …`: the line that the user already has, as arguments of flushcheck's own.

The line comes from a shell history, from documentation, or from a browser ("Copy as cURL"), as words or as
one argument. Address, headers, body and connection options are taken; what changes nothing is left out;
what would change the request and is not available is an error that names it. Values may be secrets: no
error shows one.

One thing differs from curl on purpose: without an Accept-Encoding header in the line, the encodings of a
browser are offered, since a compressor that holds the stream shows only then.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator, Sequence

from flushcheck.cli.curl_body import EXAMPLE, CurlBody
from flushcheck.cli.curl_options import (
    ALL,
    INSTEAD,
    NO_MATTER,
    NO_MATTER_WITH_VALUE,
    PASSED,
    PASSED_WITH_VALUE,
    SHORT,
    WITH_VALUE,
)
from flushcheck.cli.shell_words import split_words
from flushcheck.model import UsageError

COMMANDS = ("watch", "diagnose")  # that take such a line

_MAX_REDIRECTS = 10  # of flushcheck; curl's own limit is 50

# Headers that each connection sets itself, to the same effect.
_SET_ANYWAY = frozenset({"connection", "content-length"})
# Headers that flushcheck sends by default, or that other options make.
_DEFAULTS = frozenset({"accept", "accept-encoding", "authorization", "content-type", "cookie", "user-agent"})


def expand(given: Sequence[str]) -> list[str]:
    """Return the arguments of flushcheck with the line of curl in them translated; others as they are.

    Args:
        given: for example `watch --json -- curl -N https://example.org/chat`.

    Raises:
        UsageError: the line has no address, or an option that is unknown or not available.
    """
    if not given or given[0] not in COMMANDS:
        return list(given)
    # A line directly behind the command needs no "--"; it may have one itself.
    places = [0, *([given.index("--")] if "--" in given else [])]
    for at in places:
        words = list(given[at + 1 :])
        if len(words) == 1 and words[0].lstrip().startswith("curl "):
            words = split_words(words[0])
        if words and words[0].rpartition("/")[2] in ("curl", "curl.exe"):
            # Options of flushcheck's own come later, so that they win.
            return [given[0], *curl_arguments(words[1:]), *given[1:at]]
    return list(given)


def curl_arguments(words: Sequence[str]) -> list[str]:
    """Return what a line of curl is in arguments of `flushcheck watch`.

    Args:
        words: what stands behind "curl".

    Raises:
        UsageError: as `expand`.
    """
    line = _CurlLine()
    for name, value in _options(words):
        line.take(name, value)
    return line.arguments()


def _options(words: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield the options of a line by their long names, each with its value; an address is a `url`.

    Raises:
        UsageError: an option is unknown, or its value is missing.
    """
    rest = iter(words)

    def value_of(shown: str) -> str:
        try:
            return next(rest)
        except StopIteration:
            raise UsageError(f"curl {shown} without a value: expected the whole line, {EXAMPLE}") from None

    only_urls = False
    for word in rest:
        if only_urls or not word.startswith("-") or word == "-":
            yield "url", word
        elif word == "--":
            only_urls = True
        elif word.startswith("--"):
            name = word[2:]
            if name not in ALL:
                raise _unknown(word)
            yield name, value_of(word) if name in WITH_VALUE else ""
        else:
            # -sSN is three options, -XPOST one with its value.
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                if (name := SHORT.get(letter, "")) not in ALL:
                    raise _unknown(f"-{letter}")
                if name in WITH_VALUE:
                    yield name, letters or value_of(f"-{letter}")
                    break
                yield name, ""


def _unknown(option: str) -> UsageError:
    # Behind "=" may stand a secret.
    shown = option.partition("=")[0][:40]
    near = difflib.get_close_matches(shown.lstrip("-"), ALL, n=1)
    expected = (
        f"did you mean --{near[0]}?" if near and shown.startswith("--") else "expected an option of curl"
    )
    return UsageError(f"curl {shown}: unknown; {expected} {EXAMPLE}")


class _CurlLine:
    """What a line says, option by option."""

    def __init__(self) -> None:
        self._urls: list[str] = []
        self._passed: list[str] = []
        self._headers: list[tuple[str, str]] = []
        self._removed: list[str] = []
        self._body = CurlBody()
        self._method = ""
        self._get = False
        self._follows = False
        self._max_redirects = _MAX_REDIRECTS
        self._readers: dict[str, Callable[[str], None]] = {
            "url": self._urls.append,
            "header": self._header,
            "referer": lambda value: self._add_header("Referer", value.removesuffix(";auto")),
            "oauth2-bearer": lambda value: self._add_header("Authorization", f"Bearer {value}"),
            "data": self._body.data,
            "data-ascii": self._body.data,
            "data-binary": self._body.data,
            "data-raw": self._body.raw,
            "data-urlencode": self._body.urlencoded,
            "json": self._body.json,
            "cert": self._cert,
            "resolve": self._resolve,
            "socks5": lambda value: self._pass("--proxy", f"socks5://{value}"),
            "socks5-hostname": lambda value: self._pass("--proxy", f"socks5h://{value}"),
            "max-redirs": self._redirects,
        }

    def take(self, name: str, value: str) -> None:
        """Take one option.

        Raises:
            UsageError: it is not available.
        """
        if name in PASSED:
            self._passed.append(PASSED[name])
        elif name in PASSED_WITH_VALUE:
            self._pass(PASSED_WITH_VALUE[name], value)
        elif name in self._readers:
            self._readers[name](value)
        elif name == "request":
            self._method = value
        elif name == "get":
            self._get = True
        elif name == "location":
            self._follows = True
        elif name not in NO_MATTER | NO_MATTER_WITH_VALUE | {"compressed"}:
            instead = INSTEAD.get(name, "leave it out if the stream does not need it")
            raise UsageError(f"curl --{name}: not available here, and it would change the request; {instead}")

    def arguments(self) -> list[str]:
        """Return the line as arguments.

        Raises:
            UsageError: it has no address or several, or a body that cannot be put together.
        """
        if len(self._urls) != 1:
            raise UsageError(f"{len(self._urls)} addresses in the line of curl: expected one, {EXAMPLE}")
        url = self._urls[0] if "://" in self._urls[0] else f"http://{self._urls[0]}"
        passed = [entry for entry in self._passed if entry != "--http2" or url.startswith("https:")]
        if self._body.given and self._get:
            url = f"{url}{'&' if '?' in url else '?'}{self._body.query()}"
        elif self._body.given:
            passed.append(self._body.argument())
            self._default_header("Content-Type", self._body.content_type)
            if self._body.is_json:
                self._default_header("Accept", "application/json")
        passed += [
            f"--header={name}: {value}" if value else f"--header={name};" for name, value in self._headers
        ]
        passed += [f"--header={name}:" for name in self._removed]
        if self._method:
            passed.append(f"--request={self._method}")
        if self._follows:
            passed.append(f"--max-redirects={self._max_redirects}")
        return [*passed, url]

    def _pass(self, option: str, value: str) -> None:
        self._passed.append(f"{option}={value}")

    def _add_header(self, name: str, value: str) -> None:
        self._headers.append((name, value))

    def _default_header(self, name: str, value: str) -> None:
        given = (*self._removed, *(header for header, _ in self._headers))
        if name.lower() not in map(str.lower, given):
            self._headers.append((name, value))

    def _header(self, line: str) -> None:
        """Take `Name: value`; `Name:` leaves a header out, `Name;` sends it without a value (curl(1), -H).

        Raises:
            UsageError: it is a file.
        """
        if line.startswith("@"):
            raise UsageError(f"curl --header with a file: expected -H 'Name: value', {EXAMPLE}")
        name, colon, value = (part.strip() for part in line.partition(":"))
        if not colon:
            if line.endswith(";"):
                self._add_header(line.removesuffix(";").strip(), "")
            else:
                self._pass("--header", line)  # which says what is expected
        elif value:
            if name.lower() not in _SET_ANYWAY:
                self._add_header(name, value)
        elif name.lower() in _DEFAULTS:
            self._removed.append(name)

    def _cert(self, value: str) -> None:
        """Take a file.

        Raises:
            UsageError: a password stands behind it.
        """
        if ":" in value.replace("\\:", ""):
            raise UsageError(
                "curl --cert with a password: not available here; expected a certificate whose key has none, "
                "for example --cert client.pem --key client.key"
            )
        self._pass("--cert", value.replace("\\:", ":"))

    def _resolve(self, value: str) -> None:
        """Take the first of several addresses."""
        host, port, addresses = [*value.removeprefix("+").split(":", 2), "", ""][:3]
        self._pass("--resolve", f"{host}:{port}:{addresses.partition(',')[0]}")

    def _redirects(self, value: str) -> None:
        if value.isdecimal():
            self._max_redirects = min(int(value), _MAX_REDIRECTS)
