"""What a caller may ask of a diagnosis: each argument checked once, before a connection is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flushcheck.measurement import plan
from flushcheck.model import Client, Transport, UsageError
from flushcheck.prober.address import Address, parse

DEFAULT_TIMEOUT_S = 30.0
MAX_TIMEOUT_S = 600.0

MAX_SILENCES = 8  # each is a stream for each transport, all side by side


def parse_direct(url: str, public: Address) -> Address | None:
    """Read the app's own address; None if there is none.

    Raises:
        UsageError: it is not an address, or the public one.
    """
    if not url:
        return None
    address = parse(url)
    if address == public:
        raise UsageError(
            f"direct={address.url}: expected the app's own port, not the address to diagnose, for example "
            "direct=http://localhost:8000"
        )
    return address


def check_timeout(timeout_s: float, max_s: float, default_s: float) -> float:
    """Return a timeout in seconds as it was given.

    Raises:
        UsageError: it is not above 0, or above `max_s`.
    """
    if not 0 < timeout_s <= max_s:
        raise UsageError(
            f"timeout={timeout_s:g}: expected more than 0 and at most {max_s:g} seconds, for example "
            f"timeout={default_s:g}"
        )
    return timeout_s


def ladder(idle_s: float | Iterable[float]) -> tuple[float, ...]:
    """Return the silences to try, shortest first.

    Raises:
        UsageError: one is too short to be a silence, or longer than the service can be silent; or they are
            too many.
    """
    silences_s = sorted({idle_s} if isinstance(idle_s, int | float) else set(idle_s))
    for silence_s in silences_s:
        if not plan.MIN_SILENCE_S <= silence_s <= plan.MAX_SILENCE_S:
            raise UsageError(
                f"idle={silence_s:g}: expected {plan.MIN_SILENCE_S:g} to {plan.MAX_SILENCE_S:g} seconds, "
                "for example idle=65"
            )
    if len(silences_s) > MAX_SILENCES:
        raise UsageError(
            f"idle has {len(silences_s)} silences: expected at most {MAX_SILENCES}, for example idle=5,30,65"
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
    names = [only] if isinstance(only, str) else list(only)
    expected = f"expected {', '.join(Transport)}, for example only=chunked,events"
    for name in names:
        if name not in set(Transport):
            raise UsageError(f"only={str(name)[:40]}: {expected}")
    if not names:
        raise UsageError(f"only is empty: {expected}")
    return tuple(transport for transport in Transport if transport in names)


def client_names(clients: Iterable[Client | str]) -> tuple[Client, ...]:
    """Return the clients named, in the order of the model.

    Raises:
        UsageError: a name is not one of theirs, or there is none.
    """
    names = [clients] if isinstance(clients, str) else list(clients)
    expected = f"expected {', '.join(Client)}, for example clients=browser"
    for name in names:
        if name not in set(Client):
            raise UsageError(f"clients={str(name)[:40]}: {expected}")
    if not names:
        raise UsageError(f"clients is empty: {expected}")
    return tuple(client for client in Client if client in names)
