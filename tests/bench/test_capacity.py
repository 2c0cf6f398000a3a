"""What many streams need, by the measured costs; and replicas that scale before they refuse."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from bench.capacity import (
    LOCAL_PORTS,
    Autoscaling,
    Costs,
    Load,
    cores_per_stream,
    needs,
    simulate,
    streams_per_process,
)
from flushcheck.streaming.limits import Limits
from tests.live.servers import ROOT

COSTS = Costs(piece_us=10, opening_us=600, stream_bytes=1000, process_bytes=10_000, max_streams=5000)

SHARES = [
    # name, load, share of a core, streams of a process
    ("pieces alone", Load(2, 1e12), 20e-6, 5000),
    ("with openings", Load(2, 60), 30e-6, 5000),
    ("openings alone", Load(0, 0.6), 1e-3, 700),
    ("many pieces", Load(50, 1e12), 500e-6, 1400),
    ("at the most measured", Load(14, 1e12), 140e-6, 5000),
    ("just beyond", Load(14.1, 1e12), 141e-6, 4964),
    ("more than a core", Load(1e6, 60), 10.00001, 1),
]


@pytest.mark.parametrize(("name", "load", "share", "streams"), SHARES, ids=[row[0] for row in SHARES])
def test_a_process_carries_what_its_core_does_and_no_more_than_was_measured(name, load, share, streams):
    assert cores_per_stream(load, COSTS) == pytest.approx(share)
    assert streams_per_process(load, COSTS) == streams


def test_many_streams_need_all_of_it():
    found = needs(10_001, Load(2, 60), COSTS)
    assert (found.per_process, found.processes, found.descriptors) == (5000, 3, 5200)
    assert found.cores == pytest.approx(0.30003)
    assert found.memory_bytes == 10_001_000 + 30_000
    assert found.proxy_connections == 20_002
    assert found.upstreams == 1
    assert needs(LOCAL_PORTS, Load(2, 60), COSTS).upstreams == 1
    assert needs(LOCAL_PORTS + 1, Load(2, 60), COSTS).upstreams == 2


SCALING = Autoscaling(target=600, limit=900)
LOAD = Load(2, 60)

DEMANDS = [
    # name, new streams in each second, replicas at most, whether any is refused
    ("little", [5.0] * 600, 2, False),
    ("as planned", [20.0] * 600, 2, False),
    ("a little more than planned", [24.0] * 900, 3, False),
    ("ten times as much within ten minutes", [20 + 180 * min(at, 600) / 600 for at in range(900)], 19, False),
    ("ten times as much at once", [20.0] * 300 + [200.0] * 300, 20, True),
]


@pytest.mark.parametrize(("name", "demand", "most", "refused"), DEMANDS, ids=[row[0] for row in DEMANDS])
def test_replicas_follow_the_streams(name, demand, most, refused):
    outcome = simulate(demand, LOAD, Costs(), SCALING)
    assert outcome.opened + outcome.refused == pytest.approx(sum(demand), abs=1)
    assert bool(outcome.refused) is refused
    assert most <= outcome.most_replicas <= most + max(1, most // 5)
    assert outcome.fullest <= SCALING.limit
    assert outcome.busiest < 0.7


def test_replicas_end_slowly_when_the_streams_are_gone():
    busy, quiet = [200.0] * 600, [1.0] * 1500
    outcome = simulate(busy + quiet, LOAD, Costs(), SCALING)
    # Ten minutes at their number, then one less every two minutes.
    assert outcome.most_replicas >= 20
    removed = outcome.most_replicas - outcome.last_replicas
    assert 6 <= removed <= 8
    assert simulate(busy + quiet * 4, LOAD, Costs(), SCALING).last_replicas == SCALING.least


def test_without_more_replicas_the_rest_is_refused():
    outcome = simulate([200.0] * 600, LOAD, Costs(), Autoscaling(target=600, limit=900, most=2))
    assert outcome.fullest == 900
    assert outcome.refused > outcome.opened


def test_the_kubernetes_file_scales_as_simulated():
    objects: Any = yaml.safe_load_all((ROOT / "deploy" / "kubernetes" / "flushcheck.yaml").read_text())
    spec = next(one["spec"] for one in objects if one["kind"] == "HorizontalPodAutoscaler")
    streams = next(metric["pods"] for metric in spec["metrics"] if metric["type"] == "Pods")
    assert int(streams["target"]["averageValue"]) == SCALING.target
    assert Limits().max_streams == SCALING.limit
    assert spec["minReplicas"] == SCALING.least
    down = spec["behavior"]["scaleDown"]
    assert down["stabilizationWindowSeconds"] == SCALING.stabilization_s
    assert down["policies"] == [{"type": "Pods", "value": 1, "periodSeconds": SCALING.scale_down_every_s}]
