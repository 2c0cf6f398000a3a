"""Every configuration format, in the order in which file names are compared: the first that fits counts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from flushcheck.configs import (
    apache,
    app_server,
    caddy,
    envoy,
    gunicorn,
    haproxy,
    hosting,
    iis,
    kubernetes,
    lighttpd,
    nginx,
    php,
    squid,
    traefik,
    uwsgi,
    varnish,
)
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import Format

FORMATS: Mapping[Server, Format] = MappingProxyType(
    {
        module.FORMAT.server: module.FORMAT
        for module in (
            *(gunicorn, app_server, hosting, iis, uwsgi, traefik, envoy, caddy, haproxy, lighttpd),
            *(varnish, squid, php, apache, nginx, kubernetes),
        )
    }
)
