"""What the renderings of a report share about its Clients: their names, and which of them to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flushcheck.model import Client, ClientReport, Report, TransportReport

NAMES: Mapping[Client, str] = {
    Client.BROWSER: "browsers",
    Client.HTTP1: "HTTP/1.1 clients",
    Client.HTTP3: "HTTP/3 clients",
}


def others(report: TransportReport) -> tuple[ClientReport, ...]:
    """The Clients that got something else than the first one: another flow, or for another reason."""
    if not report.clients:
        return ()
    first = report.clients[0]
    return tuple(client for client in report.clients[1:] if _got(client) != _got(first))


def _got(client: ClientReport) -> tuple[object, ...]:
    return client.flow, frozenset(detection.culprit.id for detection in client.culprits)


def clients_of(report: Report) -> tuple[Client, ...]:
    """Every Client of the run, in the order of the model."""
    asked = {client.client for transport in report.transports for client in transport.clients}
    return tuple(client for client in Client if client in asked)


def asked_as(report: Report) -> str:
    """One sentence that names the Clients and their protocols; "" if HTTP/1.1 was all that was spoken."""
    versions = {
        (client.client, client.http_version)
        for transport in report.transports
        for client in transport.clients
    }
    multiplexed = [version for version in ("2", "3") if (Client.BROWSER, version) in versions]
    spoken = " and ".join(f"HTTP/{version}" for version in multiplexed or ["1.1"])
    words = {
        Client.BROWSER: f"a browser over {spoken}",
        Client.HTTP1: "a client that speaks only HTTP/1.1",
        Client.HTTP3: "a browser over HTTP/3",
    }
    asked = clients_of(report)
    if not multiplexed and asked in ((), (Client.BROWSER,)):
        return ""
    return "measured as " + ", and as ".join(words[client] for client in asked)


def named(clients: Iterable[Client]) -> str:
    """These Clients in a sentence, for example "browsers, HTTP/1.1 clients"."""
    return ", ".join(NAMES[client] for client in clients)
