"""A real TLS handshake, with a certificate that openssl makes for the test."""

import os
import shutil
import socket
import ssl

import pytest

from flushcheck.model import Outcome, Probe, Transport
from flushcheck.prober import observe, observe_all
from tests.prober.peers import TO_CLOSE, Client, end, piece, scripted_server

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command")


def stream(client: Client) -> None:
    if client.path.endswith("/ws"):
        client.respond(400, b'{"error": "no"}')
    else:
        client.send(TO_CLOSE + piece(0) + end(1))


@pytest.mark.usefixtures("trusted")
def test_a_stream_is_read_over_tls(speaks_tls):
    with scripted_server(speaks_tls(stream), read_first=False) as url:
        chunked, opened = observe_all(
            [Probe(Transport.CHUNKED), Probe(Transport.WEBSOCKET)],
            url.replace("http:", "https:"),
            timeout_s=5,
        )
    assert (chunked.outcome, chunked.detail) == (Outcome.COMPLETE, "")
    assert (opened.outcome, opened.detail) == (Outcome.REFUSED, "status 400: no")


@pytest.mark.parametrize("transport", Transport)
def test_a_self_signed_certificate_is_unreachable(transport, speaks_tls):
    with scripted_server(speaks_tls(stream), read_first=False) as url:
        seen = observe(Probe(transport), url.replace("http:", "https:"), timeout_s=5)
    assert seen.outcome is Outcome.UNREACHABLE
    assert "certificate" in seen.detail
    assert "not trusted: self-signed certificate" in seen.detail


@pytest.mark.usefixtures("trusted")
def test_a_certificate_for_another_name_is_unreachable(speaks_tls):
    with scripted_server(speaks_tls(stream), read_first=False) as url:
        other = url.replace("http:", "https:").replace("127.0.0.1", "localhost")
        seen = observe(Probe(Transport.CHUNKED), other, timeout_s=5)
    assert (seen.outcome, "localhost" in seen.detail) == (Outcome.UNREACHABLE, True), seen.detail


def test_plain_http_to_a_tls_port_is_unreachable(speaks_tls):
    with scripted_server(speaks_tls(stream), read_first=False) as url:
        seen = observe(Probe(Transport.CHUNKED), url, timeout_s=5)
    assert seen.outcome is Outcome.UNREACHABLE


RECORDS = [
    # name             version                   writes, sizes of their text     the records' sizes beyond the text
    ("TLS 1.3",        ssl.TLSVersion.TLSv1_3,   (4_096, 4_096, 4_096),          17),
    ("TLS 1.2",        ssl.TLSVersion.TLSv1_2,   (4_096, 4_096, 4_096),          24),
    ("full records",   ssl.TLSVersion.TLSv1_3,   (16_384, 16_384),               17),
    ("a byte each",    ssl.TLSVersion.TLSv1_3,   (1,) * 50,                      17),
]  # fmt: skip


@pytest.mark.parametrize(("name", "version", "writes", "more"), RECORDS, ids=[row[0] for row in RECORDS])
@pytest.mark.usefixtures("trusted")
def test_each_read_has_the_sizes_of_the_records_it_completed(name, version, writes, more, server_context):
    context = server_context()
    context.maximum_version = version
    context.set_ciphers("ECDHE+AESGCM")

    def script(client: Client) -> None:
        with context.wrap_socket(client.sock, server_side=True) as sock:
            inner = Client(sock)
            inner.read_request()
            inner.send(TO_CLOSE)
            for size in writes:
                inner.send(b"\n" * size)
            inner.send(piece(0) + end(1))
            sock.unwrap()

    with scripted_server(script, read_first=False) as url:
        seen = observe(Probe(Transport.CHUNKED), url.replace("http:", "https:"), timeout_s=5)
    records = [size for arrival in seen.arrivals for size in arrival.record_bytes]
    assert seen.outcome is Outcome.COMPLETE
    # Session tickets and the header came in records of their own, and are not among them.
    assert records == [*(size + more for size in writes), len(piece(0) + end(1)) + more]
    assert sum(arrival.size_bytes for arrival in seen.arrivals) == sum(records) - more * len(records)
    assert seen.tls_version == ("TLSv1.2" if more == 24 else "TLSv1.3")


WIRES = [
    # name                        what the peer does to an open connection                  outcome, words in the detail
    ("garbage",                   lambda raw, sock: raw.sendall(b"garbage" * 9),            Outcome.CUT, "1 piece arrived; "),
    ("a record too long",         lambda raw, sock: raw.sendall(b"\x17\3\3\xff\xff" * 9),   Outcome.CUT, "1 piece arrived; "),
    ("a damaged record",          lambda raw, sock: raw.sendall(b"\x17\3\3\0\x20" + b"x" * 32), Outcome.CUT, "1 piece arrived; "),
    ("half a record, then close", lambda raw, sock: raw.sendall(b"\x17\3\3\0\x20"),         Outcome.CUT, "1 piece arrived"),
    ("closed without a notice",   lambda raw, sock: None,                                   Outcome.CUT, "1 piece arrived"),
    ("closed with a notice",      lambda raw, sock: sock.unwrap(),                          Outcome.CUT, "1 piece arrived"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "ending", "outcome", "words"), WIRES, ids=[row[0] for row in WIRES])
@pytest.mark.usefixtures("trusted")
def test_what_arrived_before_a_broken_record_counts(name, ending, outcome, words, server_context):
    def script(client: Client) -> None:
        raw = socket.socket(fileno=os.dup(client.sock.fileno()))
        with raw, server_context().wrap_socket(client.sock, server_side=True) as sock:
            inner = Client(sock)
            inner.read_request()
            inner.send(TO_CLOSE + piece(0))
            ending(raw, sock)
            raw.shutdown(socket.SHUT_RDWR)

    with scripted_server(script, read_first=False) as url:
        seen = observe(Probe(Transport.CHUNKED), url.replace("http:", "https:"), timeout_s=5)
    assert (seen.outcome, words in seen.detail) == (outcome, True), seen.detail
    assert len(seen.pieces) == 1
