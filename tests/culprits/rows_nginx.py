"""What each detector of nginx asks of a run: a row on either side of every condition."""

from __future__ import annotations

from dataclasses import replace

from flushcheck.culprits import (
    nginx_brotli,
    nginx_fastcgi_buffering,
    nginx_gzip,
    nginx_hint_taken,
    nginx_ignore_headers,
    nginx_limit_rate,
    nginx_proxy_buffering,
    nginx_scgi_buffering,
    nginx_ssi,
    nginx_uwsgi_buffering,
)
from flushcheck.model import Outcome
from tests.culprits.seen import (
    APP,
    BLOCKS,
    CERTAIN,
    CHUNKED,
    CLEAN,
    EVENTS,
    FAILED,
    FASTCGI,
    FLOWING,
    HELD,
    IDENTITY,
    LATE,
    LIKELY,
    NGINX,
    NO,
    NOT_TRIED,
    PHP,
    POLLING,
    POSSIBLE,
    REMOVED,
    SCGI,
    THROTTLED,
    TICKS,
    UWSGI,
    WEBSOCKET,
    XAB,
    YES,
    Row,
    Seen,
    Table,
    compressed,
)

ADDED = {"x-accel-buffering": "no"}

# Each: name, what is changed, the confidence that is left; None: not named.
BUFFERING: list[Row] = [
    ("held, flows with the header",   {},                                         CERTAIN),
    ("over HTTP/1.1",                 {"request": APP},                           CERTAIN),
    ("the app did not report",        {"request": None},                          LIKELY),
    ("held in blocks",                {"flow": BLOCKS},                           CERTAIN),
    ("in ticks",                      {"flow": TICKS},                            CERTAIN),
    ("ticks as long as a buffer",     {"flow": TICKS, "lag_s": 0.51},             CERTAIN),
    ("ticks shorter than a buffer",   {"flow": TICKS, "lag_s": 0.5},              None),
    ("blocks as short",               {"flow": BLOCKS, "lag_s": 0.5},             CERTAIN),
    ("only larger pieces are held",   {"flow": FLOWING},                          CERTAIN),
    ("nothing is held",               CLEAN,                                      None),
    ("does not flow with it",         {"frees": {XAB: NO}},                       None),
    ("not tried",                     {"frees": {XAB: NOT_TRIED}},                None),
    ("the header arrived",            {"stripped": False},                        None),
    ("a hop adds the header",         {"stripped": False, "headers": ADDED},      LIKELY),
    ("it is added, and frees nothing", {"stripped": False, "headers": ADDED, "frees": {XAB: NO}}, None),
    ("at a constant rate",            {"flow": THROTTLED},                        None),
    ("a gateway",                     {"request": FASTCGI},                       None),
    ("compression alone",             compressed(YES),                            None),
    ("compressed or not",             compressed(NO),                             CERTAIN),
    ("compressed, identity untried",  compressed(NOT_TRIED),                      POSSIBLE),
]  # fmt: skip

COMPRESSION: list[Row] = [
    ("compression alone",             {},                                         CERTAIN),
    ("compressed or not",             compressed(NO),                             None),
    ("compressed, identity untried",  compressed(NOT_TRIED),                      POSSIBLE),
    ("not compressed",                {"headers": {}},                            None),
    ("the header arrived",            {"stripped": False},                        None),
    ("does not flow with it",         {"frees": {XAB: NO, IDENTITY: YES}},        None),
    ("identity on the other one",     {"frees": {XAB: YES}, "other": HELD, "other_frees": {IDENTITY: YES}}, CERTAIN),
    ("the other is not compressed",   {"frees": {XAB: YES}, "other": HELD, "other_headers": {}, "other_frees": {IDENTITY: YES}}, POSSIBLE),
    ("no effect on the other one",    {"frees": {XAB: YES}, "other": HELD, "other_frees": {IDENTITY: NO}},  None),
]  # fmt: skip

GATEWAY: list[Row] = [
    ("a hop adds the header",         {"stripped": False, "headers": ADDED},      LIKELY),
    ("held, flows with the header",   {},                                         CERTAIN),
    ("the app did not report",        {"request": None},                          POSSIBLE),
    ("no gateway",                    {"request": APP},                           None),
    ("the header arrived",            {"stripped": False},                        None),
    ("at a constant rate",            {"flow": THROTTLED},                        None),
    ("compression alone",             compressed(YES),                            None),
    ("compressed or not",             compressed(NO),                             CERTAIN),
    ("compressed, identity untried",  compressed(NOT_TRIED),                      POSSIBLE),
]  # fmt: skip

WITHOUT_EFFECT: list[Row] = [
    ("removed, and held in blocks",   {},                                         POSSIBLE),
    ("the app did not report",        {"request": None},                          POSSIBLE),
    ("in blocks at token size",       {"flow": BLOCKS},                           POSSIBLE),
    ("in ticks",                      {"flow": TICKS},                            None),
    ("late",                          {"flow": LATE},                             None),
    ("no size",                       {"size": None},                             None),
    ("the header arrived",            {"stripped": False},                        None),
    ("flows with it",                 {"frees": {XAB: YES}},                      None),
    ("not tried",                     {"frees": {XAB: NOT_TRIED}},                None),
    ("PHP, nginx's own size",         {"request": PHP, "size": 4088},             POSSIBLE),
    ("PHP, more than nginx's",        {"request": PHP, "size": 4089},             None),
]  # fmt: skip

INCLUDES: list[Row] = [
    ("frames without a header",       {},                                         LIKELY),
    ("a header came",                 {"status": 101},                            None),
    ("other bytes came",              {"detail": "no response in HTTP: 220 mail"}, None),
    ("refused",                       {"handshake_outcome": Outcome.REFUSED},     None),
    ("nothing flows",                 {"flow": HELD},                             None),
    ("events flow",                   {"flow": HELD, "other": FLOWING},           LIKELY),
    ("it was not tried",              {"websocket": None},                        None),
]  # fmt: skip

BROTLI = {"content-encoding": "br"}

TABLES: list[Table] = [
    (nginx_proxy_buffering, CHUNKED, NGINX, BUFFERING),
    (nginx_gzip, CHUNKED, replace(NGINX, **compressed(YES)), COMPRESSION),
    (nginx_brotli, CHUNKED, replace(NGINX, **{**compressed(YES), "headers": BROTLI}), [
        *(row for row in COMPRESSION if "headers" not in row[1]),
        ("zstd",                     {"headers": {"content-encoding": "ZSTD"}},   CERTAIN),
        ("gzip",                     compressed(YES),                             None),
        ("not compressed",           {"headers": {}},                             None),
    ]),
    (nginx_gzip, CHUNKED, replace(NGINX, **{**compressed(YES), "headers": BROTLI}), [("brotli", {}, None)]),
    (nginx_fastcgi_buffering, CHUNKED, replace(NGINX, request=FASTCGI), [*GATEWAY, ("uwsgi", {"request": UWSGI}, None)]),
    (nginx_uwsgi_buffering, CHUNKED, replace(NGINX, request=UWSGI), [*GATEWAY, ("SCGI", {"request": SCGI}, None)]),
    (nginx_scgi_buffering, CHUNKED, replace(NGINX, request=SCGI), [*GATEWAY, ("FastCGI", {"request": FASTCGI}, None)]),
    (nginx_limit_rate, CHUNKED, replace(NGINX, flow=THROTTLED), [
        ("a constant rate", {}, CERTAIN), ("held", {"flow": HELD}, None), ("no nginx", {"stripped": False}, None),
    ]),
    (nginx_hint_taken, CHUNKED, REMOVED, WITHOUT_EFFECT),
    (nginx_ignore_headers, CHUNKED, REMOVED, WITHOUT_EFFECT),
    # On the second Transport, so that the first one's blocks and results are not taken for its own.
    (nginx_hint_taken, EVENTS, replace(REMOVED, transport=EVENTS, request=PHP, size=4088, other=HELD, other_size=8192), [
        ("its own blocks", {}, POSSIBLE),
    ]),
    (nginx_hint_taken, POLLING, replace(REMOVED, transport=POLLING, polling=None), [("a poll in blocks", {}, POSSIBLE)]),
    (nginx_gzip, EVENTS, replace(NGINX, transport=EVENTS, **compressed(YES), other=HELD, other_frees={IDENTITY: NO}), [
        ("its own identity", {}, CERTAIN),
    ]),
    (nginx_ssi, WEBSOCKET, Seen(**CLEAN, websocket=FAILED, status=0, handshake_outcome=Outcome.UNREACHABLE, detail='came: {"seq":0'), INCLUDES),
    (nginx_ssi, CHUNKED, Seen(**{**CLEAN, "flow": FAILED}, outcome=Outcome.UNREACHABLE, detail='came: {"seq":0', other=FLOWING), [
        ("no WebSocket", {}, None),
    ]),
]  # fmt: skip
