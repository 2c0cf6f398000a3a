"""Metrics: in one process, over several workers, and which clients may read them."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import requests
from prometheus_client.parser import text_string_to_metric_families

from flushcheck.model import Transport, UsageError
from flushcheck.service import create_app
from flushcheck.service.metrics import exposition
from flushcheck.service.metrics_store import LATE_S, MetricsStore
from flushcheck.service.serving.frame_schedule import EndReason
from flushcheck.streaming.limits import Limits
from tests.live import servers
from tests.live.processes import child_pids
from tests.service.routes.test_websocket import HANDSHAKE
from tests.service.wire import WITHIN_S, OriginServer, read_until, wait_until

Counts = dict[tuple[str, ...], float]


def counts(text: str) -> Counts:
    """Every sample: its name without prefix, and the values of its labels in the order of their names."""
    return {
        (
            sample.name.removeprefix("flushcheck_"),
            *(value for _, value in sorted(sample.labels.items())),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def store_counts(store: MetricsStore) -> Counts:
    return counts(exposition(store.totals()).decode())


def in_a_child(folder: Path, *, dies: bool) -> int:
    """Another worker process with one open stream, one refusal and one piece that was 0.3 s late."""
    ready, report = os.pipe()
    pid = os.fork()
    if not pid:
        store = MetricsStore(str(folder))
        store.stream_opened(Transport.EVENTS)
        store.request_refused(503)
        store.piece_counter(Transport.EVENTS).observe(0.3)
        os.write(report, b"x")
        if not dies:
            signal.pause()
        os._exit(0)
    os.close(report)
    os.read(ready, 1)
    os.close(ready)
    if dies:
        os.waitpid(pid, 0)
    return pid


LATE = ("piece_lateness_seconds_bucket",)


def test_without_gevent_the_engine_is_not_active():
    text = create_app(Limits()).test_client().get("/metrics").text
    assert counts(text)["engine_active",] == 0


def test_a_store_exposes_exactly_what_was_counted():
    store = MetricsStore()
    zero = store_counts(store)
    assert set(zero.values()) == {0.0}
    store.stream_opened(Transport.CHUNKED)
    store.stream_opened(Transport.CHUNKED)
    store.stream_closed(Transport.CHUNKED)
    store.stream_ended(Transport.CHUNKED, EndReason.STALLED)
    store.request_refused(429)
    store.request_refused(418)
    for late_s in (0.0, 0.003, 99.0):
        store.piece_counter(Transport.CHUNKED).observe(late_s)
    now = store_counts(store)
    assert now.keys() == zero.keys()
    assert {
        key: value for key, value in now.items() if value and not key[0].startswith("piece_lateness")
    } == {
        ("streams_open", "chunked"): 1,
        ("streams_ended_total", "stalled", "chunked"): 1,
        ("refusals_total", "429"): 1,
        ("refusals_total", "other"): 1,
        ("pieces_total", "chunked"): 3,
    }
    buckets = [now[*LATE, bound, "chunked"] for bound in (*map(str, LATE_S), "+Inf")]
    assert buckets == [1, 1, *[2] * (len(LATE_S) - 2), 3]
    assert now["piece_lateness_seconds_sum", "chunked"] == pytest.approx(99.003)


def test_workers_add_up_and_a_dead_worker_has_no_open_streams(tmp_path):
    mine = MetricsStore(str(tmp_path))
    mine.stream_opened(Transport.EVENTS)
    live = in_a_child(tmp_path, dies=False)
    assert store_counts(mine)["streams_open", "events"] == 2
    os.kill(live, signal.SIGKILL)
    os.waitpid(live, 0)
    now = store_counts(mine)
    assert (now["streams_open", "events"], now["refusals_total", "503"]) == (1, 1)
    assert now["pieces_total", "events"] == 1


def test_restarts_do_not_add_files(tmp_path):
    mine = MetricsStore(str(tmp_path))
    for _ in range(20):
        in_a_child(tmp_path, dies=True)
    assert len(list(tmp_path.iterdir())) <= 4  # lock, dead, mine, and that of the last child
    now = store_counts(mine)
    assert (now["refusals_total", "503"], now["streams_open", "events"]) == (20, 0)


def test_an_unusable_folder_is_named():
    with pytest.raises(UsageError, match="FLUSHCHECK_METRICS_FOLDER=/nowhere: No such file"):
        MetricsStore("/nowhere")


CLIENTS = [
    # settings, address of the connection, headers, status
    ({}, "127.0.0.1", {}, 200),
    ({}, "10.1.2.3", {}, 200),
    ({}, "fd00::1", {}, 200),
    ({}, "8.8.8.8", {}, 403),
    ({}, "2600::1", {}, 403),
    ({}, "127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}, 403),
    ({}, "127.0.0.1", {"Forwarded": "for=127.0.0.1"}, 403),
    ({}, "127.0.0.1", {"X-Real-IP": "127.0.0.1"}, 403),
    ({}, "127.0.0.1", {"Via": "1.1 varnish"}, 403),
    ({"trusted_proxies": 1}, "127.0.0.1", {"X-Forwarded-For": "8.8.8.8"}, 403),
    ({"trusted_proxies": 1}, "127.0.0.1", {"X-Forwarded-For": "127.0.0.1, 8.8.8.8"}, 403),
    ({"trusted_proxies": 1}, "127.0.0.1", {"X-Forwarded-For": "8.8.8.8, 10.0.0.1"}, 200),
    ({"metrics_token": "s3cr3t"}, "8.8.8.8", {"Authorization": "Bearer s3cr3t"}, 200),
    ({"metrics_token": "s3cr3t"}, "8.8.8.8", {"Authorization": "Bearer s3cr3"}, 401),
    ({"metrics_token": "s3cr3t"}, "127.0.0.1", {}, 401),
    ({"metrics_token": "s3cr3t"}, "127.0.0.1", {"Authorization": "Basic \xe9"}, 401),
]


@pytest.mark.parametrize(("settings", "peer", "headers", "status"), CLIENTS)
def test_only_private_clients_or_the_token_read_metrics(settings, peer, headers, status):
    client = create_app(Limits(**settings)).test_client()
    response = client.get("/metrics", headers=headers, environ_overrides={"REMOTE_ADDR": peer})
    assert response.status_code == status
    assert ("flushcheck_" in response.text) == (status == 200)


def test_each_worker_reports_the_sum_over_all_workers():
    with servers.start_origin(args=["--workers", "3"]) as service, ExitStack() as stack:

        def scrape() -> Counts:
            return counts(requests.get(f"{service.url}/metrics", timeout=WITHIN_S).text)

        origin = OriginServer(service)
        for _ in range(4):
            for path, headers in (("/stream/chunked", ()), ("/stream/events", ()), ("/stream/ws", HANDSHAKE)):
                stream = stack.enter_context(closing(origin.ask(f"{path}?count=9&interval=30", *headers)))
                read_until(stream, b"Water")
            origin.fetch("/stream/polling?cnt=0")
            origin.fetch("/stream/chunked?count=0")
            origin.fetch("/stream/chunked?count=5&interval=0.01")
        # Many connections, so that each worker gets one.
        for _ in range(12):
            now = scrape()
            assert [now["streams_open", transport] for transport in ("chunked", "events", "websocket")] == [
                4,
                4,
                4,
            ]
            assert now["pieces_total", "polling"] == 4
            assert now["pieces_total", "chunked"] == 4 + 20
            assert now["piece_lateness_seconds_count", "websocket"] == 4
            assert now["refusals_total", "400"] == 4
            assert now["streams_ended_total", "done", "chunked"] == 4
        stack.close()
        wait_until(
            lambda: scrape()["streams_ended_total", "gone", "events"] == 4 or None, lambda: str(scrape())
        )
        # A killed worker loses its open streams, and keeps its counters.
        os.kill(min(child_pids(service.pid)), signal.SIGKILL)
        wait_until(lambda: len(child_pids(service.pid)) == 3 or None, lambda: "no new worker")
        assert scrape()["pieces_total", "polling"] == 4
        assert scrape()["streams_open", "chunked"] == 0
