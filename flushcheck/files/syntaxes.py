"""How each server's files are read: one row a server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flushcheck.configs import (
    apache,
    app_server,
    caddy,
    envoy,
    gunicorn,
    haproxy,
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
from flushcheck.configs.tree import Config, Directive, Parsed, ReadProblem
from flushcheck.files.includes import (
    SearchPath,
    apache_folders,
    apache_include,
    app_server_include,
    caddy_import,
    gunicorn_config,
    lighttpd_or_varnish_include,
    nginx_folders,
    nginx_include,
    own_folder,
    traefik_file,
    uwsgi_include,
)
from flushcheck.files.kubernetes_files import parse_kubernetes
from flushcheck.files.nginx_grammar import refused_lines
from flushcheck.files.nginx_lexer import parse_nginx
from flushcheck.files.sources import Files
from flushcheck.files.structured import parse_hosting, parse_structured
from flushcheck.files.uwsgi_syntax import parse_uwsgi
from flushcheck.files.xml_tree import parse_xml


@dataclass(frozen=True, slots=True)
class Syntax:
    """How one server's files are read."""

    parse: Callable[[str, str], Parsed]  # the text of a file, and its name
    includes: tuple[str, ...] = ()  # names of the statements that include
    opaque_blocks: tuple[str, ...] = ()  # blocks in which includes are not read
    resolve: Callable[[Directive, SearchPath], Sequence[str] | None] = lambda _directive, _path: ()
    # The folders that relative includes start from, likeliest first: main file, its statements, all files.
    folders: Callable[[str, Sequence[Directive], Files], tuple[str, ...]] = own_folder
    # The lines that the server refuses, of a whole configuration.
    refused_lines: Callable[[Config], Sequence[ReadProblem]] = lambda _config: ()


SYNTAXES: Mapping[Server, Syntax] = {
    Server.NGINX: Syntax(
        parse_nginx, nginx.INCLUDES, nginx.OPAQUE_BLOCKS, nginx_include, nginx_folders, refused_lines
    ),
    Server.APACHE: Syntax(apache.parse, apache.INCLUDES, (), apache_include, apache_folders),
    Server.HAPROXY: Syntax(haproxy.parse),
    Server.LIGHTTPD: Syntax(lighttpd.parse, lighttpd.INCLUDES, (), lighttpd_or_varnish_include),
    Server.CADDY: Syntax(caddy.parse, caddy.INCLUDES, (), caddy_import),
    Server.VARNISH: Syntax(varnish.parse, varnish.INCLUDES, (), lighttpd_or_varnish_include),
    Server.PHP: Syntax(php.parse),
    Server.IIS: Syntax(parse_xml),
    Server.SQUID: Syntax(squid.parse, squid.INCLUDES, (), lighttpd_or_varnish_include),
    Server.UWSGI: Syntax(parse_uwsgi, uwsgi.INCLUDES, (), uwsgi_include),
    Server.APP_SERVER: Syntax(app_server.parse, app_server.INCLUDES, (), app_server_include),
    Server.HOSTING: Syntax(parse_hosting),
    Server.KUBERNETES: Syntax(
        parse_kubernetes, refused_lines=lambda config: tuple(kubernetes.ignored_lines(config))
    ),
    Server.GUNICORN: Syntax(gunicorn.parse, gunicorn.INCLUDES, (), gunicorn_config),
    Server.TRAEFIK: Syntax(parse_structured, traefik.INCLUDES, (), traefik_file),
    Server.ENVOY: Syntax(parse_structured, refused_lines=envoy.refused_lines),
}
