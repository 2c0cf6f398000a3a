"""How many streams a process carries, what many streams need, and a simulation of replicas that scale. Pure.

The costs are those that `python -m bench` measured; docs/performance.md has the table that `needs` makes. The
simulation answers what a formula cannot: whether new streams are refused while replicas are still starting.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Costs:
    """What one process was measured to cost. The defaults are those of docs/performance.md."""

    piece_us: float = 17.0  # processor time of a piece
    opening_us: float = 210.0  # of opening and closing a stream
    stream_bytes: int = 19 * 1024  # memory of a stream: a WebSocket, the dearer of the two
    process_bytes: int = 60 * 1024 * 1024  # of a process without streams
    max_streams: int = 5000  # in one process: more were not measured
    descriptors: int = 200  # of a process besides its streams


@dataclass(frozen=True, slots=True)
class Load:
    """What the streams are like."""

    pieces_per_s: float  # of each stream
    stream_s: float  # how long a stream lasts


@dataclass(frozen=True, slots=True)
class Needs:
    """What a number of streams needs."""

    per_process: int  # streams
    processes: int
    cores: float  # in use on average
    memory_bytes: int
    descriptors: int  # of each process
    proxy_connections: int  # of all proxies in front together: nginx's worker_connections
    upstreams: int  # addresses and ports to which one proxy address connects


# A core is planned to be this busy: what is left serves bursts, polls and pages.
MAX_BUSY = 0.7

# Connections from one address to one address and port. Source: ip(7), ip_local_port_range, 32768 to 60999.
LOCAL_PORTS = 60_999 - 32_768 + 1


def cores_per_stream(load: Load, costs: Costs) -> float:
    """The share of a core that one stream takes: its pieces, and its part of an opening."""
    return (load.pieces_per_s * costs.piece_us + costs.opening_us / load.stream_s) / 1e6


def streams_per_process(load: Load, costs: Costs) -> int:
    """The streams of one process on one core."""
    return max(1, min(costs.max_streams, math.floor(MAX_BUSY / cores_per_stream(load, costs) + 1e-6)))


def needs(streams: int, load: Load, costs: Costs) -> Needs:
    """What this many streams at once need."""
    per_process = streams_per_process(load, costs)
    processes = -(-streams // per_process)
    return Needs(
        per_process=per_process,
        processes=processes,
        cores=streams * cores_per_stream(load, costs),
        memory_bytes=streams * costs.stream_bytes + processes * costs.process_bytes,
        descriptors=per_process + costs.descriptors,
        proxy_connections=2 * streams,  # one to the client, one to the process
        upstreams=-(-streams // LOCAL_PORTS),
    )


@dataclass(frozen=True, slots=True)
class Autoscaling:
    """A HorizontalPodAutoscaler on the open streams of each replica.

    Source: Kubernetes, "Horizontal Pod Autoscaling": desired = ceil(current * average / target), within 10 %
    of the target nothing changes, every 15 s; a lower number counts once it was the highest for
    `stabilization_s`.
    """

    target: int  # streams of a replica on average
    limit: int  # at which a replica refuses
    least: int = 2
    most: int = 1000
    every_s: int = 15
    tolerance: float = 0.1
    start_s: int = 20  # until a new replica is ready
    stabilization_s: int = 600
    scale_down_every_s: int = 120  # one replica at most in this time


@dataclass(slots=True)
class Outcome:
    """What a simulation saw."""

    opened: int = 0
    refused: int = 0
    most_replicas: int = 0
    last_replicas: int = 0
    busiest: float = 0.0  # the most that one replica's core was busy, 1.0 for all of it
    fullest: int = 0  # the most streams of one replica


@dataclass(slots=True)
class _Replicas:
    scaling: Autoscaling
    streams: list[int]  # of each that is ready
    ready_s: list[int] = field(default_factory=list)  # when each that starts will be
    wanted: list[tuple[int, int]] = field(default_factory=list)  # (when, replicas), of the stabilization time
    lowered_s: int = -(10**9)

    def scale(self, now_s: int) -> None:
        """Start replicas, or end the emptiest; its clients resume elsewhere."""
        scaling, current = self.scaling, len(self.streams)
        average = sum(self.streams) / current
        ratio = average / scaling.target
        desired = current if abs(ratio - 1) <= scaling.tolerance else math.ceil(current * ratio)
        desired = min(max(desired, scaling.least), scaling.most)
        since_s = now_s - scaling.stabilization_s
        self.wanted = [(at_s, number) for at_s, number in self.wanted if at_s > since_s]
        self.wanted.append((now_s, desired))
        missing = desired - current - len(self.ready_s)
        self.ready_s += [now_s + scaling.start_s] * missing
        steady = max(number for _, number in self.wanted)
        if steady < current and now_s - self.lowered_s >= scaling.scale_down_every_s:
            self.lowered_s = now_s
            self.streams.sort()
            for stream in range(self.streams.pop(0)):
                self.streams[stream % len(self.streams)] += 1

    def start(self, now_s: int) -> None:
        """Take those that have become ready."""
        self.streams += [0 for at_s in self.ready_s if at_s <= now_s]
        self.ready_s = [at_s for at_s in self.ready_s if at_s > now_s]


def simulate(
    demand: list[float], load: Load, costs: Costs, scaling: Autoscaling, *, seed: int = 1
) -> Outcome:
    """Serve streams by replicas of one process each, in turn, as a proxy does.

    Args:
        demand: new streams in each second.
        load: what the streams are like; their lengths vary, and `stream_s` is their mean.
        costs: of a process.
        scaling: how replicas are added and removed.
        seed: of the chance in the lengths.
    """
    chance, outcome = random.Random(seed), Outcome()
    replicas = _Replicas(scaling, [0] * scaling.least)
    ends, turn, owed = 1 / load.stream_s, 0, 0.0
    for now_s, arrivals in enumerate(demand):
        replicas.start(now_s)
        streams = replicas.streams
        for at, number in enumerate(streams):
            # Each ends in this second with the same chance: a normal in place of a binomial number.
            mean = number * ends
            spread = math.sqrt(mean * (1 - ends))
            streams[at] -= min(number, max(0, round(chance.gauss(mean, spread))))
        owed += arrivals
        opened = [0] * len(streams)
        while owed >= 1:
            owed -= 1
            turn += 1
            # A replica that is full is not ready, so its turn goes to the next.
            for step in range(len(streams)):
                at = (turn + step) % len(streams)
                if streams[at] < scaling.limit:
                    streams[at] += 1
                    opened[at] += 1
                    outcome.opened += 1
                    break
            else:
                outcome.refused += 1
        for number, new in zip(streams, opened, strict=True):
            busy = (number * load.pieces_per_s * costs.piece_us + new * costs.opening_us) / 1e6
            outcome.busiest = max(outcome.busiest, busy)
        outcome.fullest = max(outcome.fullest, *streams)
        outcome.most_replicas = max(outcome.most_replicas, len(streams))
        if now_s % scaling.every_s == 0:
            replicas.scale(now_s)
    outcome.last_replicas = len(replicas.streams)
    return outcome


if __name__ == "__main__":
    for pieces_per_s in (2, 10):
        for streams in (10_000, 100_000, 1_000_000):
            print(pieces_per_s, streams, needs(streams, Load(pieces_per_s, 60), Costs()))
