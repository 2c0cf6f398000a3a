"""Lines that people write to make a stream flow, and that do nothing for it: one table for each server.

`row.py` says what a row is: the directive's names, a condition, what the line really does, what works there,
and the evidence. `nginx.py`, `apache.py`, `haproxy.py` and `others.py` hold the tables; `candidates.py` finds
the lines of a block that a table may name. The finding is made by `culprits/line_without_effect.py`.

To add a line: measure it on the real server, beside a configuration that holds, and add a row; then the rows
of tests/culprits/test_no_effect.py, a guilty line and an innocent one.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flushcheck.configs.findings import Server
from flushcheck.culprits.no_effect import apache, haproxy, nginx, others
from flushcheck.culprits.no_effect.candidates import candidates
from flushcheck.culprits.no_effect.row import Place, Row, Said, Table

__all__ = ["TABLES", "Place", "Row", "Said", "Table", "candidates"]

TABLES: Mapping[Server, Table] = MappingProxyType(
    {
        Server.NGINX: nginx.TABLE,
        Server.APACHE: apache.TABLE,
        Server.HAPROXY: haproxy.TABLE,
        Server.CADDY: others.CADDY,
        Server.LIGHTTPD: others.LIGHTTPD,
        Server.VARNISH: others.VARNISH,
        Server.PHP: others.PHP,
        Server.GUNICORN: others.GUNICORN,
        Server.APP_SERVER: others.APP_SERVER,
    }
)
