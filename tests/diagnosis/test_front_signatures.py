"""The program that ends TLS, by its first HTTP/2 SETTINGS."""

from __future__ import annotations

import dataclasses

import pytest

from flushcheck.diagnosis.front_signatures import SIGNATURES, front, shown
from flushcheck.diagnosis.inference import judge
from flushcheck.model import Run, Transport
from tests.measurement.streams import saw

NGINX = ((3, 128), (4, 65_536), (5, 16_777_215))
GO = ((3, 250), (4, 1_048_576), (5, 1_048_576))
ROWS = [
    # name,                    SETTINGS in the order they arrived,       program
    ("nginx",                  NGINX,                                    "nginx (1.22 to 1.30)"),
    ("in another order",       NGINX[::-1],                              "nginx (1.22 to 1.30)"),
    ("HAProxy 2.6",            ((8, 1), (3, 100)),                       "HAProxy 2.6, or Apache with H2WebSockets on"),
    ("HAProxy 3.0",            ((8, 1), (3, 100), (4, 65_536)),          "HAProxy 3.0"),
    ("HAProxy 3.2",            ((8, 1), (3, 100), (4, 16_384)),          "HAProxy 3.2"),
    ("Caddy 2.6",              (*GO, (6, 1_048_896)),                    "Caddy 2.6"),
    ("Caddy 2.8",              ((1, 4096), *GO, (6, 1_048_896)),         "Caddy 2.8, or Traefik 3.7"),
    ("Caddy 2.9",              ((1, 4096), *GO, (6, 1_048_896), (8, 1)), "Caddy 2.9"),
    ("Caddy 2.11",             ((1, 4096), *GO, (6, 1_048_896), (9, 1)), "Caddy 2.11"),
    ("Caddy 2.11, less room",  ((1, 4096), *GO, (6, 16_704), (9, 1)),    "Caddy 2.11"),
    ("Envoy",                  ((1, 4096), (3, 1024), (4, 16_777_216), (8, 1)), "Envoy 1.40"),
    ("Envoy, no WebSockets",   ((1, 4096), (3, 1024), (4, 16_777_216), (8, 0)), "Envoy 1.40"),
    ("hypercorn",              ((1, 4096), (2, 0), (3, 100), (4, 65_535), (5, 16_384), (6, 65_536), (8, 1)), "hypercorn 0.18"),
    ("granian",                ((3, 200), (4, 1_048_576), (5, 16_384), (6, 16_777_216)), "granian 2.8"),
    ("a value more",           (*NGINX, (8, 1)),                         ""),
    ("a value less",           NGINX[:2],                                ""),
    ("another value",          ((3, 100), (4, 65_536), (5, 16_777_215)), ""),
    ("Apache, as others do",   ((3, 100),),                              ""),
    ("no HTTP/2",              (),                                       ""),
]  # fmt: skip


@pytest.mark.parametrize(("name", "settings", "program"), ROWS, ids=[row[0] for row in ROWS])
def test_the_program_that_writes_these_settings(name, settings, program):
    assert front(settings) == program


def test_settings_are_shown_in_the_order_of_their_ids():
    assert shown(NGINX[::-1]) == "3=128, 4=65536, 5=16777215"


def test_every_signature_names_a_version():
    assert all(any(char.isdigit() for char in program) for program in SIGNATURES.values())


def test_a_hop_list_names_it_as_a_hint():
    seen = dataclasses.replace(saw(Transport.CHUNKED), settings=NGINX)
    hops = [hop for hop in judge(Run("https://test", (seen,))).hops if "next to the reader" in hop.what]
    assert [(hop.what, hop.evidence.sentence) for hop in hops] == [
        (
            "next to the reader: a program that looks like nginx (1.22 to 1.30)",
            "chunked: its first HTTP/2 SETTINGS are 3=128, 4=65536, 5=16777215, as measured there",
        )
    ]
