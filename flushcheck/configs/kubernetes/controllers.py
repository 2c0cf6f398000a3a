"""Ingress controllers that are an nginx: what they write into its configuration, from which settings.

Sources, read on 2026-11-28: kubernetes/ingress-nginx at controller v1.15.0 (nginx.tmpl, config.go and the
annotations' validators), nginx/kubernetes-ingress (nginx.ingress.tmpl and the documentation of its
ConfigMap), Kong/kong (nginx_kong.lua, kong.conf.default). From documentation: no controller was run; the
nginx lines that they write were, see tests/checking/test_kubernetes_lines.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from flushcheck.configs.yaml_nodes import is_false, is_true

Args = tuple[str, ...]
Form = Callable[[str], Args | None]  # the args of nginx's directive; None: the controller ignores this value


def _verbatim(text: str) -> Args | None:
    return (text,)


def _words(text: str) -> Args | None:
    return tuple(text.split())


def _on_off(text: str) -> Args | None:
    return (text,) if text in ("on", "off") else None


def _flag(text: str) -> Args | None:
    """true and false as controllers in Go read them."""
    if is_true(text) or text == "1":
        return ("on",)
    return ("off",) if is_false(text) or text == "0" else None


def _version(text: str) -> Args | None:
    return (text,) if text in ("1.0", "1.1") else None


def _seconds(text: str) -> Args | None:
    return (f"{text}s",) if text.isdecimal() else None


def _kilobytes(text: str) -> Args | None:
    return (f"{text}k",) if text.isdecimal() else None


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting, and the directive that a controller writes for it."""

    directive: str
    form: Form = _verbatim
    expects: str = ""  # the values that it takes, for a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class Controller:
    """One Ingress controller."""

    name: str
    prefix: str  # of its annotations
    settings: Mapping[str, Setting]  # by the name of the annotation, without its prefix
    cluster_settings: Mapping[str, Setting] = field(default_factory=dict)  # by the key of its ConfigMap
    defaults: Mapping[str, str]  # what it writes into a location where no setting says otherwise
    # What it writes beside a directive of its ConfigMap: by that directive, a name and a default.
    defaults_beside: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    location_snippets: tuple[str, ...] = ()
    server_snippets: tuple[str, ...] = ()
    http_snippets: tuple[str, ...] = ()
    listens_with_tls: bool = True  # for every host, also for one without a certificate of its own
    offers_http2: bool = True
    passes_upgrades: bool = True
    buffering: str = "proxy-buffering"  # the setting that switches proxy_buffering
    off: str = "off"  # its value
    websocket: str = ""  # the annotation that passes upgrades on, with an example


_BUFFERING = Setting("proxy_buffering", _on_off, '"on" or "off"')
_INGRESS_NGINX_BOTH = {
    "proxy-buffering": _BUFFERING,
    "proxy-http-version": Setting("proxy_http_version", _version, '"1.0" or "1.1"'),
    "proxy-read-timeout": Setting("proxy_read_timeout", _seconds, "a number of seconds without a unit"),
    "proxy-request-buffering": Setting("proxy_request_buffering", _on_off, '"on" or "off"'),
    "limit-rate": Setting("limit_rate", _kilobytes, "a number of kilobytes"),
    "enable-modsecurity": Setting("modsecurity", _flag, '"true" or "false"'),
}
INGRESS_NGINX = Controller(
    name="ingress-nginx",
    prefix="nginx.ingress.kubernetes.io/",
    settings=_INGRESS_NGINX_BOTH,
    cluster_settings={
        **_INGRESS_NGINX_BOTH,
        "use-gzip": Setting("gzip", _flag, '"true" or "false"'),
        "gzip-types": Setting("gzip_types", _words),
        "enable-brotli": Setting("brotli", _flag, '"true" or "false"'),
        "brotli-types": Setting("brotli_types", _words),
        "ssl-buffer-size": Setting("ssl_buffer_size"),
        "use-http2": Setting("http2", _flag, '"true" or "false"'),
    },
    defaults={
        "proxy_buffering": "off",
        "proxy_http_version": "1.1",
        "proxy_read_timeout": "60s",
        "proxy_request_buffering": "on",
        "proxy_buffers": "4 4k",
        "ssl_buffer_size": "4k",
        "gzip": "off",
        "brotli": "off",
    },
    # text/plain is the one type of them that a stream may have.
    defaults_beside={
        "gzip": ("gzip_types", "application/json application/xml text/css text/javascript text/plain"),
        "brotli": ("brotli_types", "application/json application/xml text/css text/javascript text/plain"),
    },
    location_snippets=("configuration-snippet", "location-snippet"),
    server_snippets=("server-snippet",),
    http_snippets=("http-snippet",),
)
_F5_BUFFERING = Setting("proxy_buffering", _flag, '"True" or "False"')
_F5_BOTH = {
    "proxy-buffering": _F5_BUFFERING,
    "proxy-read-timeout": Setting("proxy_read_timeout"),
    "proxy-buffers": Setting("proxy_buffers", _words),
}
F5_NGINX = Controller(
    name="F5's NGINX Ingress Controller",
    prefix="nginx.org/",
    settings=_F5_BOTH,
    cluster_settings={**_F5_BOTH, "http2": Setting("http2", _flag, '"True" or "False"')},
    defaults={
        "proxy_buffering": "on",
        "proxy_http_version": "1.1",
        "proxy_read_timeout": "60s",
    },
    location_snippets=("location-snippets",),
    server_snippets=("server-snippets",),
    http_snippets=("http-snippets",),
    listens_with_tls=False,
    offers_http2=False,
    passes_upgrades=False,
    off="False",
    websocket='websocket-services: "NAME-OF-THE-SERVICE"',
)
KONG = Controller(
    name="Kong",
    prefix="konghq.com/",
    settings={"response-buffering": Setting("proxy_buffering", _flag, '"true" or "false"')},
    defaults={"proxy_buffering": "on", "proxy_http_version": "1.1", "proxy_read_timeout": "60s"},
    buffering="response-buffering",
    off="false",
)
NGINX_CONTROLLERS = (INGRESS_NGINX, F5_NGINX, KONG)

# What ingress-nginx writes into every location by itself: the same directive in a snippet is its second one.
WRITTEN_ANYWAY = frozenset(
    {
        *("proxy_buffering", "proxy_buffers", "proxy_buffer_size", "proxy_http_version"),
        *("proxy_read_timeout", "proxy_send_timeout", "proxy_connect_timeout", "proxy_request_buffering"),
        *("proxy_next_upstream", "proxy_cookie_domain", "proxy_cookie_path"),
    }
)

# Annotations of programs whose configuration is not in the file: prefix, program, what is missing.
OTHER_PREFIXES = {
    "haproxy.org/": ("HAProxy's Ingress controller", "its ConfigMap and its version"),
    "ingress.kubernetes.io/": ("an Ingress controller of HAProxy or Voyager", "its ConfigMap"),
    "haproxy-ingress.github.io/": ("HAProxy Ingress", "its ConfigMap and its version"),
    "traefik.ingress.kubernetes.io/": ("Traefik", "its entry points and the middlewares that it names"),
    "alb.ingress.kubernetes.io/": ("AWS's load balancer", "how it passes responses on"),
    "appgw.ingress.kubernetes.io/": ("Azure's Application Gateway", "its setting of response buffering"),
    "projectcontour.io/": ("Contour", "the configuration of its Envoy"),
    "ingress.bluemix.net/": ("IBM's Ingress controller", "its defaults"),
    "ingress.cloud.ibm.com/": ("IBM's Ingress controller", "its defaults"),
    "citrix.com/": ("Citrix's Ingress controller", "the configuration of its load balancer"),
    "ingress.citrix.com/": ("Citrix's Ingress controller", "the configuration of its load balancer"),
    "higress.io/": ("Higress", "the configuration of its Envoy"),
    "k8s.apisix.apache.org/": ("APISIX", "its nginx configuration and its plugins"),
    "getambassador.io/": ("Emissary", "the configuration of its Envoy"),
    "networking.gke.io/": ("Google's load balancer", "its BackendConfig"),
    "cloud.google.com/": ("Google's load balancer", "its BackendConfig"),
    "ingress.cilium.io/": ("Cilium", "the configuration of its Envoy"),
    "ingress.pomerium.io/": ("Pomerium", "its settings"),
}
# Classes that name their program.
_CLASSES = {
    "haproxy": "HAProxy's Ingress controller",
    "traefik": "Traefik",
    "alb": "AWS's load balancer",
    "gce": "Google's load balancer",
    "gce-internal": "Google's load balancer",
    "azure-application-gateway": "Azure's Application Gateway",
    "azure/application-gateway": "Azure's Application Gateway",
    "contour": "Contour",
    "istio": "Istio",
    "cilium": "Cilium",
    "higress": "Higress",
    "apisix": "APISIX",
    "caddy": "Caddy's Ingress controller",
    "tailscale": "Tailscale",
    "cloudflare-tunnel": "a tunnel of Cloudflare",
    "openshift-default": "OpenShift's router, an HAProxy",
    "ngrok": "ngrok",
}
_NGINX_CLASSES = frozenset({"nginx", "public", "webapprouting.kubernetes.azure.com", "ingress-nginx"})
KONG_CLASS = "kong"


def program_of_class(class_name: str) -> str:
    """The program that takes Ingresses of this class by convention, if it is no nginx; "" if not known."""
    return _CLASSES.get(class_name.lower(), "")


def is_nginx_class(class_name: str) -> bool:
    """Whether a class is by convention one of ingress-nginx, or of F5's controller."""
    return class_name.lower() in _NGINX_CLASSES
