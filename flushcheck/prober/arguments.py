"""What a caller may ask of a diagnosis: each argument checked once, before a connection is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import TypeVar

from flushcheck.measurement import plan
from flushcheck.model import PUBLIC, Client, NamedAddress, Transport, UsageError
from flushcheck.prober.address import Address, parse_origin
from flushcheck.prober.target import ConnectionOptions, Target

DEFAULT_TIMEOUT_S = 30.0
MAX_TIMEOUT_S = 600.0

# The clients that a run can ask as.
CLIENTS = tuple(Client)

MAX_SILENCES = 8  # each is a stream for each transport, all side by side


DIRECT_NAME = "direct"  # the name of the address of --direct
MAX_NAME = 40  # characters of the name of an address
MAX_ADDRESSES = 8  # beside that one: each is asked for the same streams at the same time


def named_addresses(direct: str, at: Iterable[tuple[str, str]]) -> tuple[NamedAddress, ...]:
    """Return the addresses that are asked beside the public one, from the app towards the reader.

    Args:
        direct: the first one, without a name; "" for none.
        at: names and URLs.

    Raises:
        UsageError: they are too many, or two have one name.
    """
    own = [NamedAddress(DIRECT_NAME, direct)] if direct else []
    addresses = (*own, *(NamedAddress(name, url) for name, url in at))
    example = "for example ingress=http://10.0.0.5:8080"
    if len(addresses) > MAX_ADDRESSES:
        raise UsageError(
            f"{len(addresses)} addresses beside the first: expected at most {MAX_ADDRESSES}, {example}"
        )
    names = [PUBLIC]
    for address in addresses:
        if address.name in names:
            raise UsageError(f"two addresses are called {address.name[:40]}: expected other names, {example}")
        names.append(address.name)
    return addresses


def parse_beside(addresses: Iterable[NamedAddress], public: Target) -> tuple[tuple[Target, str], ...]:
    """Read the addresses that are asked beside the public one, and their tokens. No proxy is on the way.

    Raises:
        UsageError: one is not an address, or the public one where that is reached without a proxy.
    """
    targets = []
    for named in addresses:
        address, key = parse_origin(named.url)
        if address == public.address and not public.proxy:
            what = "direct address" if named.name == DIRECT_NAME else f"the address {named.name[:40]}"
            raise UsageError(
                f"{address.url} as {what}: expected the app's own port, not the address to diagnose, "
                "for example http://localhost:8000"
            )
        targets.append((Target(address, public.options.past_proxy), key))
    return tuple(targets)


def parse_outer(url: str, inner: Target, beside: Sequence[NamedAddress]) -> tuple[Target, str] | None:
    """Read the address of the outermost mount, and its token; None if there is none.

    Raises:
        UsageError: it is not an address, the innermost mount itself, or one that is reached in another way.
    """
    if not url:
        return None
    address, key = parse_origin(url)
    example = "for example http://localhost:8000/flushcheck --outer http://localhost:8000/flushcheck-outer"
    if beside:
        raise UsageError(f"--outer beside --direct or --at: expected one of them, {example}")
    if address == inner.address:
        raise UsageError(
            f"{address.url} as the outermost mount: expected another one than the first, {example}"
        )
    if not same_way(address, inner.address):
        raise UsageError(
            f"{address.url} as the outermost mount: expected the same host and port as {inner.address.url}, "
            f"so that only the app's layers lie between the two, {example}"
        )
    return Target(address, inner.options), key


def same_way(address: Address, other: Address) -> bool:
    """Whether two addresses have scheme, host and port in common."""
    return (address.tls, address.host, address.port) == (other.tls, other.host, other.port)


def check_probe_options(options: ConnectionOptions) -> ConnectionOptions:
    """Return the options as they were given.

    Raises:
        UsageError: a header among them is one in which the probes differ.
    """
    names = (*(name for name, _ in options.headers), *options.removed_headers)
    if any(name.lower() == "accept-encoding" for name in names):
        raise UsageError(
            "header Accept-Encoding: expected another one, for example -H 'Authorization: Bearer …' (probes "
            "with and without compression are compared)"
        )
    return options


def check_timeout(timeout_s: float, max_s: float, default_s: float) -> float:
    """Return a timeout in seconds as it was given.

    Raises:
        UsageError: it is not above 0, or above `max_s`.
    """
    if not 0 < timeout_s <= max_s:
        raise UsageError(
            f"a timeout of {timeout_s:g} s: expected more than 0 and at most {max_s:g} seconds, for example "
            f"{default_s:g}"
        )
    return timeout_s


def parse_silences(idle_s: float | Iterable[float]) -> tuple[float, ...]:
    """Return the silences to try, shortest first.

    Raises:
        UsageError: one is too short to be a silence, or longer than the service can be silent; or they are
            too many.
    """
    silences_s = sorted({idle_s} if isinstance(idle_s, int | float) else set(idle_s))
    for silence_s in silences_s:
        if not plan.MIN_SILENCE_S <= silence_s <= plan.MAX_SILENCE_S:
            raise UsageError(
                f"a silence of {silence_s:g} s: expected {plan.MIN_SILENCE_S:g} to {plan.MAX_SILENCE_S:g} "
                "seconds, for example 65"
            )
    if len(silences_s) > MAX_SILENCES:
        raise UsageError(
            f"{len(silences_s)} silences: expected at most {MAX_SILENCES}, for example 5, 30 and 65 seconds"
        )
    return tuple(silences_s)


def search_s(silences_s: Sequence[float]) -> float:
    """Return how long a search for idle timeouts takes, in seconds."""
    return max(silences_s, default=0.0)


def transports(only: Iterable[Transport | str]) -> tuple[Transport, ...]:
    """Return the transports named, in the order of the model.

    Raises:
        UsageError: a name is not one of theirs, or there is none.
    """
    return _named(only, tuple(Transport), "transport", "chunked and events")


def client_names(clients: Iterable[Client | str]) -> tuple[Client, ...]:
    """Return the clients named, in the order of the model.

    Raises:
        UsageError: a name is not one that a run can ask as, or there is none.
    """
    return _named(clients, CLIENTS, "client", "browser")


_Name = TypeVar("_Name", bound=StrEnum)


def _named(given: Iterable[str], known: tuple[_Name, ...], kind: str, example: str) -> tuple[_Name, ...]:
    names = [given] if isinstance(given, str) else list(given)
    expected = f"expected one or more of {', '.join(known)}, for example {example}"
    for name in names:
        if name not in known:
            raise UsageError(f"{str(name)[:40]!r} is not a {kind}: {expected}")
    if not names:
        raise UsageError(f"no {kind} is given: {expected}")
    return tuple(name for name in known if name in names)
