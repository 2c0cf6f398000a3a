"""Server programs, and the places in their configurations where lines can be pasted."""

from __future__ import annotations

from enum import StrEnum


class Server(StrEnum):
    """The server program that a configuration, or a change to one, is for."""

    NGINX = "nginx"
    APACHE = "apache"  # server files and .htaccess
    HAPROXY = "haproxy"
    LIGHTTPD = "lighttpd"
    CADDY = "caddy"
    VARNISH = "varnish"
    PHP = "php"  # php.ini and FPM pools
    IIS = "iis"  # web.config and applicationHost.config
    SQUID = "squid"  # as an accelerator: in front of an app
    UWSGI = "uwsgi"  # ini, YAML, JSON or XML, and its command line
    GUNICORN = "gunicorn"  # gunicorn.conf.py; its command lines, wherever they stand
    TRAEFIK = "traefik"  # files, labels, Kubernetes' Middleware and IngressRoute
    ENVOY = "envoy"  # its own files, Istio's EnvoyFilter and VirtualService
    KUBERNETES = (
        "kubernetes"  # Ingress, Gateway API routes, ConfigMaps of controllers, values of their charts
    )
    APP_SERVER = "app-server"  # commands that start an app: units, Procfiles, Dockerfiles, package.json
    HOSTING = "hosting"  # next.config.js, serverless.yml, app.yaml and files of other platforms

    @property
    def display_name(self) -> str:
        """As the program writes its own name, for sentences."""
        return _DISPLAY_NAMES.get(self, self.value)


_DISPLAY_NAMES = {
    Server.APACHE: "Apache",
    Server.HAPROXY: "HAProxy",
    Server.CADDY: "Caddy",
    Server.VARNISH: "Varnish",
    Server.PHP: "PHP",
    Server.HOSTING: "the platform",
    Server.APP_SERVER: "the app server",
    Server.TRAEFIK: "Traefik",
    Server.ENVOY: "Envoy",
    Server.UWSGI: "uWSGI",
    Server.SQUID: "Squid",
    Server.IIS: "IIS",
    Server.KUBERNETES: "Kubernetes",
}


class Place(StrEnum):
    """Where in the configuration of its server a change can be pasted as it stands."""

    FILE = "file"  # at the top level
    SITE = "site"  # what serves one host: nginx's server, Apache's VirtualHost, a site of Caddy
    ADDRESS = "address"  # what is for the address of the stream alone: nginx's location, Apache's Location
    RESPONSE = "response"  # Varnish: sub vcl_backend_response
