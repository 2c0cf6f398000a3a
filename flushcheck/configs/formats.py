"""Every configuration format, in the order in which file names are compared: the first that fits counts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flushcheck.configs import apache, caddy, gunicorn, haproxy, kubernetes, lighttpd, nginx, php, varnish
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import Format

FORMATS: Mapping[Server, Format] = MappingProxyType(
    {
        module.FORMAT.server: module.FORMAT
        for module in (gunicorn, caddy, haproxy, lighttpd, varnish, php, apache, nginx, kubernetes)
    }
)
