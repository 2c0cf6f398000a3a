"""A Probe is one request and the single thing in which it differs from its baseline."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flushcheck.model.pieces import Transport


class Scenario(StrEnum):
    """One size and pace of Pieces. A hold looks different at each: see `plan.SHAPES`."""

    TOKEN = "token"
    KILO = "kilo"
    BIG = "big"
    IDLE = "idle"  # two Pieces with silence between: see `idle_timeouts`
    STEADY = "steady"  # small Pieces without a pause, for the same time
    OWN = "own"  # a stream of the user's own app: its records carry no send time


class Variant(StrEnum):
    """The single thing in which a Probe differs from its baseline."""

    BASELINE = "baseline"
    XAB = "x-accel-buffering"  # the response carries X-Accel-Buffering: no
    NO_TRANSFORM = "no-transform"  # the response carries Cache-Control: no-cache, no-transform
    NOSNIFF = "nosniff"  # the response carries X-Content-Type-Options: nosniff
    PADDED = "padded"  # the body opens with padding
    IDENTITY = "identity"  # the client offers no encodings
    HTTP10 = "http/1.0"  # the client speaks HTTP/1.0
    OTHER_TYPE = "other-type"  # the body is declared as application/octet-stream
    TOGETHER = "together"  # one of several of the same at once
    GZIP = "gzip"  # the client offers this encoding alone, as do the next three
    DEFLATE = "deflate"
    BR = "br"
    ZSTD = "zstd"
    EVENT_STREAM = "event-stream"  # the client accepts text/event-stream alone
    # How an origin flushes that can vary it; with X-Accel-Buffering: no, so that no nginx hides its buffers.
    NO_FLUSH = "no-flush"  # it writes and does not flush
    FLUSH = "flush"  # PHP: flush() after each write
    OB_FLUSH = "ob-flush"  # PHP: ob_flush() and flush() after each write


class Vantage(StrEnum):
    """From where a Probe was made."""

    PATH = "path"  # the address asked about
    LOOPBACK = "loopback"  # the service asked itself: the control
    DIRECT = "direct"  # the app's own port, which the caller named: the control from where the reader sits
    UNPROXIED = "unproxied"  # the address asked about, past the forward proxy: no control of the app
    OUTER = "outer"  # the outermost mount of the same app, where the address asked about is the innermost one


class Client(StrEnum):
    """What kind of program asks. A path may hold a stream for one kind and pass it on for another."""

    BROWSER = "browser"  # offers HTTP/2 and HTTP/1.1, and follows the choice; one HTTP/2 connection for all
    HTTP1 = "http1"  # offers HTTP/1.1 only, as many libraries and other proxies do
    HTTP3 = "http3"  # asks over QUIC


@dataclass(frozen=True, slots=True)
class Probe:
    """One request to make, and the single thing in which it differs from the baseline."""

    transport: Transport
    scenario: Scenario = Scenario.TOKEN
    variant: Variant = Variant.BASELINE
    vantage: Vantage = Vantage.PATH
    # Tells repetitions of the same Probe apart; of a Probe at another address than the public one: the place
    # of that address in `Run.addresses`.
    run: int = 0
    lasts_s: float = 0.0  # of IDLE and STEADY: for how long; the other Scenarios have their own length
    client: Client = Client.BROWSER

    @property
    def id(self) -> str:
        """A name that is unique in a plan, for example `chunked-kilo-identity`."""
        parts: list[str] = [self.transport, self.scenario]
        if self.lasts_s:
            parts.append(f"{self.lasts_s:g}s")
        if self.variant is not Variant.BASELINE:
            parts.append(self.variant)
        if self.vantage is not Vantage.PATH:
            parts.append(self.vantage)
        if self.client is not Client.BROWSER:
            parts.append(self.client)
        if self.run:
            parts.append(str(self.run))
        return "-".join(parts)
