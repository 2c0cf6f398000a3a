"""What the first HTTP/2 SETTINGS of a connection tell of the program that ends TLS.

Servers write other settings, and their values are the same whatever the app's Server header says. They were
measured on the versions named; two programs may write the same, so an entry names every one that was seen
to. It is a hint for the hop list, and no culprit rests on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# Ids of SETTINGS (RFC 9113, section 6.5.2; 8: RFC 8441; 9: RFC 9218), and the programs that write these.
_GO = {(3, 250), (4, 1_048_576), (5, 1_048_576)}  # net/http, of Caddy and Traefik
SIGNATURES: Mapping[frozenset[tuple[int, int]], str] = {
    frozenset({(3, 128), (4, 65_536), (5, 16_777_215)}): "nginx (1.22 to 1.30)",
    frozenset({(3, 100), (8, 1)}): "HAProxy 2.6, or Apache with H2WebSockets on",
    frozenset({(3, 100), (4, 65_536), (8, 1)}): "HAProxy 3.0",
    frozenset({(3, 100), (4, 16_384), (8, 1)}): "HAProxy 3.2",
    frozenset({*_GO, (6, 1_048_896)}): "Caddy 2.6",
    frozenset({*_GO, (1, 4096), (6, 1_048_896)}): "Caddy 2.8, or Traefik 3.7",
    frozenset({*_GO, (1, 4096), (6, 1_048_896), (8, 1)}): "Caddy 2.9",
    frozenset({*_GO, (1, 4096), (6, 1_048_896), (9, 1)}): "Caddy 2.11",
    frozenset({*_GO, (1, 4096), (6, 16_704), (9, 1)}): "Caddy 2.11",
    frozenset({(1, 4096), (3, 1024), (4, 16_777_216), (8, 1)}): "Envoy 1.40",
    frozenset({(1, 4096), (3, 1024), (4, 16_777_216), (8, 0)}): "Envoy 1.40",
    frozenset({(1, 4096), (2, 0), (3, 100), (4, 65_535), (5, 16_384), (6, 65_536), (8, 1)}): "hypercorn 0.18",
    frozenset({(3, 200), (4, 1_048_576), (5, 16_384), (6, 16_777_216)}): "granian 2.8",
}


def front(settings: Sequence[tuple[int, int]]) -> str:
    """The programs that are known to write these SETTINGS, for example "HAProxy 3.2"; "" if none is."""
    return SIGNATURES.get(frozenset(settings), "")


def shown(settings: Sequence[tuple[int, int]]) -> str:
    """SETTINGS in a sentence, for example "3=100, 8=1"."""
    return ", ".join(f"{number}={value}" for number, value in sorted(settings))
