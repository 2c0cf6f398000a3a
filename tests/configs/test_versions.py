"""The versions with which a server program changed: the one before it, and the first that has the change."""

import pytest

from flushcheck.configs import versions
from flushcheck.model import Side, VersionChange

SIDES = [
    # change                               the last version before it, the first with it
    (versions.NGINX_UPSTREAM_HTTP11,       (1, 29, 6),  (1, 29, 7)),
    (versions.NGINX_TLS13,                 (1, 23, 3),  (1, 23, 4)),
    (versions.HAPROXY_TLS_TICKS,           (2, 7, 12),  (2, 8)),
    (versions.HAPROXY_ALPN,                (2, 7, 12),  (2, 8)),
    (versions.HAPROXY_COMPRESSION_FLUSH,   (2, 8, 99),  (2, 9)),
    (versions.CADDY_ENCODE_FLUSH,          (2, 8, 4),   (2, 9)),
    (versions.DJANGO_GZIP_FLUSH,           (6, 0, 9),   (6, 1)),
    (versions.DJANGO_GZIP_MEMBERS,         (5, 2, 19),  (6, 0)),
    (versions.STARLETTE_GZIP_EVENTS,       (0, 45, 3),  (0, 46)),
    (versions.STARLETTE_GZIP_FLUSH,        (1, 4, 0),   (1, 5)),
]  # fmt: skip


@pytest.mark.parametrize(("change", "last", "first"), SIDES)
def test_the_version_that_changed(change, last, first):
    assert (change.side(last), change.side(first)) == (Side.BEFORE, Side.SINCE)


def test_every_change_is_listed():
    stated = [value for value in vars(versions).values() if isinstance(value, VersionChange)]
    assert stated == [*versions.CHANGES] == [change for change, *_ in SIDES]
