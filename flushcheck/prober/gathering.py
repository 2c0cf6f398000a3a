"""A whole run: the baselines, the control beside them, then the experiments that they call for.

Here the address, the way to it and the kinds of client are found, and what is seen becomes a Run. The probes
are made in the rounds of `rounds`, within one timeout for the whole.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from flushcheck.measurement import plan
from flushcheck.model import (
    Client,
    NamedAddress,
    Probe,
    Run,
    Transport,
)
from flushcheck.prober.address import parse_origin
from flushcheck.prober.arguments import (
    CLIENTS,
    DEFAULT_TIMEOUT_S,
    MAX_TIMEOUT_S,
    check_probe_options,
    check_timeout,
    client_names,
    named_addresses,
    parse_beside,
    parse_outer,
    parse_silences,
    same_way,
    transports,
)
from flushcheck.prober.differing import check_http3, differing, may_speak_http3
from flushcheck.prober.discovery import Discovery, discover
from flushcheck.prober.greeting import CertificateLook
from flushcheck.prober.http3_sharing import http3_available
from flushcheck.prober.marking import begin, marked, nonce
from flushcheck.prober.redirects import at as moved
from flushcheck.prober.redirects import follow_redirects
from flushcheck.prober.rounds import MIN_SHORT_S, Gathering, RunProgress, open_transports
from flushcheck.prober.stall_monitor import StallMonitor
from flushcheck.prober.target import DEFAULT_OPTIONS, ConnectionOptions, Protocol, Target
from flushcheck.prober.tool import TOOL

# How much longer than the rounds the look at the certificates may take, which takes no longer than the
# handshakes of the first one.
LOOK_SPARE_S = 1.0

# What is asked for to learn whether the service's address redirects: the shortest response of all probes.
FIRST_PROBE = Probe(Transport.POLLING)


# The share of the time left that the greeting may use at most: its address may be silent, and the first round
# has to say so.
GREETING = 0.25

# The kind of client that a version of HTTP asks as; another one: all that the caller wants.
_ASKED_BY = {
    Protocol.HTTP1: (Client.HTTP1,),
    Protocol.HTTP2: (Client.BROWSER,),
    Protocol.HTTP3: (Client.HTTP3,),
}


def gather(
    url: str,
    *,
    only: Iterable[Transport | str] = tuple(Transport),
    quick: bool = False,
    timeout_s: float = DEFAULT_TIMEOUT_S,
    on_progress: Callable[[RunProgress], None] | None = None,
    direct: str = "",
    at: Iterable[tuple[str, str]] = (),
    outer: str = "",
    idle_s: float | Iterable[float] = (),
    options: ConnectionOptions = DEFAULT_OPTIONS,
    clients: Iterable[Client | str] = CLIENTS,
    observer: str = "",
) -> Run:
    """Make every observation that a verdict on the path to a service needs.

    Args:
        url: the root of the service; a path below the host is kept.
        only: the transports to probe.
        quick: leave out what only confirms a clean path, and begin with short streams.
        timeout_s: total time limit, without the search for idle timeouts. A probe that is not done by then
            ends as a timeout, with what it saw.
        on_progress: called in this thread when a stage begins and when a probe is done.
        direct: the app's own address, to make the same baselines there too; "" for none.
        at: names and URLs of the same app behind one hop more each, for the same; from the app outwards.
        outer: a second mount of the same origin, outside of all layers of the app; "" for none. Its baselines
            are made too.
        idle_s: silences to try, in seconds; none: no search for idle timeouts. It comes last, and takes as
            long as the longest of them.
        options: how to get to the service.
        clients: the kinds of client to ask as, as far as the address makes a difference between them.
        observer: the name of this machine, for the report; "" to leave it out.

    Raises:
        UsageError: `url`, `direct`, `at`, `outer`, `only`, `timeout_s`, `idle_s` or `clients` is not
            possible. Whatever the peer does is in the Run.
    """
    options, beginning = marked(options), begin()
    address, key = parse_origin(url)
    wanted, silences_s = transports(only), parse_silences(idle_s)
    asked = client_names(_ASKED_BY.get(options.protocol, clients))
    target = Target(address, check_probe_options(options))
    if set(asked) == {Client.HTTP3}:
        check_http3(target)
    addresses = named_addresses(direct, at)
    others = parse_beside(addresses, target)
    outermost = parse_outer(outer, target, addresses)
    deadline = time.monotonic() + check_timeout(timeout_s, MAX_TIMEOUT_S, DEFAULT_TIMEOUT_S)
    found = discover(target, key, deadline)
    target = found.target
    if target.capabilities is None:  # what has responded to the question is where it is
        target = follow_redirects(target, plan.address(FIRST_PROBE, nonce(options)), deadline)
    mounts = discover(outermost[0], outermost[1] or key, deadline) if outermost else None
    if fault := found.fault or _mounts_fault(target, mounts):
        none = Run(target.address.url, (), tool=TOOL, verified=options.tls.verify, origin_fault=fault)
        return beginning.complete(none, options, observer)
    beside = tuple(
        # The same address, past the proxy.
        replace(moved(there, target.address), capabilities=target.capabilities)
        if there.address == address
        else discover(there, own_key or key, deadline).target
        for there, own_key in others
    )
    if mounts:
        beside = (mounts.target,)
    past_proxy = next((there for there in beside if there.address == target.address), None)
    with StallMonitor() as stalls:
        looks = [CertificateLook(at_target, deadline) for at_target in (target, past_proxy)]
        now = time.monotonic()
        clients_asked = differing(target, asked, now + GREETING * (deadline - now))
        gathering = Gathering(target, beside, stalls, on_progress, clients_asked, outer=bool(mounts))
        short = quick and deadline - time.monotonic() >= MIN_SHORT_S
        short_s = plan.SHORT_S
        observations = gathering.short_look(wanted, deadline) if short else None
        if observations is None:
            short_s = 0.0
            observations = gathering.rounds(wanted, timeout_s, deadline, quick=quick)
        # A transport that does not open cannot be silent.
        opened = open_transports(observations)
        observations += gathering.silences(opened, silences_s) if opened else ()
    looked_by = min(deadline, time.monotonic() + LOOK_SPARE_S)
    run = Run(
        target=target.address.url,
        observations=observations,
        tool=TOOL,
        direct=beside[0].address.url if beside and not mounts else "",
        addresses=tuple(
            NamedAddress(named.name, there.address.url)
            for named, there in zip(addresses, () if mounts else beside, strict=True)
        ),
        proxy=target.proxy.url if target.proxy else "",
        verified=options.tls.verify,
        redirected_from=address.url if target.address != address else "",
        http3_missing=Client.HTTP3 in asked and may_speak_http3(target) and not http3_available(),
        certificate=looks[0].wait(looked_by),
        site_certificate=looks[1].wait(looked_by),
        pins=options.pins,
        capabilities=target.capabilities,
        direct_capabilities=beside[0].capabilities if beside and not mounts else None,
        outer=mounts.target.address.url if mounts else "",
        outer_capabilities=mounts.target.capabilities if mounts else None,
        omissions=gathering.omissions,
        short_s=short_s,
    )
    return beginning.complete(run, options, observer)


def _mounts_fault(inner: Target, mounts: Discovery | None) -> str:
    """Why the two mounts cannot be compared; "" if they can, or if there is only one."""
    if mounts is None:
        return ""
    if mounts.fault:
        return mounts.fault
    url = mounts.target.address.url
    if mounts.target.capabilities is None:
        return f"no flushcheck origin at {url}: it has no capabilities; check the address and the token"
    if not same_way(inner.address, mounts.target.address):
        return f"{inner.address.url} and {url} do not lead to the same host and port"
    return ""
