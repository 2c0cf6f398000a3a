"""Lines pasted into a configuration: in place of what sets the same, else into the block that they belong to."""

from __future__ import annotations

import pytest

from flushcheck.model import Server
from tests.lab.paste import paste

LOCATION = "server {\nlocation / {\nproxy_pass http://a;\n}\n}\n"
OTHER = "location /b {\nproxy_pass http://b;\n}\n"
VHOST = "<VirtualHost *:80>\nProxyPass / http://a/\n</VirtualHost>\n"
SECTIONS = "defaults\nmode http\nfrontend f\nbind :1\n"
SITE = "{\nadmin off\n}\nhttp://x {\nreverse_proxy a {\nbuffer_responses\n}\n}\n"
ROWS = [
    # name                      server            the file                             what is pasted                                    the file then
    ("a new line",              Server.NGINX,     LOCATION,                            "location / {\n# keep\nproxy_buffering off;\n}", "server {\nlocation / {\nproxy_pass http://a;\nproxy_buffering off;\n}\n}\n"),
    ("in place of the same",    Server.NGINX,     LOCATION.replace("proxy", "gzip on;\nproxy"), "location / {\ngzip off;\n}",         LOCATION.replace("proxy", "gzip off;\nproxy")),
    ("not outside of it",       Server.NGINX,     "gzip on;\n" + LOCATION,             "location / {\ngzip off;\n}",                    "gzip on;\n" + LOCATION.replace("a;\n", "a;\ngzip off;\n")),
    ("not in another one",      Server.NGINX,     LOCATION + OTHER,                    "location / {\na b;\n}",                         LOCATION.replace("a;\n", "a;\na b;\n") + OTHER),
    ("named by no location",    Server.NGINX,     LOCATION + OTHER,                    "location /c {\na b;\n}",                        LOCATION.replace("a;\n", "a;\na b;\n") + OTHER.replace("b;\n", "b;\na b;\n")),
    ("a section of Apache",     Server.APACHE,    VHOST,                               "<Location />\nA b\n</Location>",                "<VirtualHost *:80>\nProxyPass / http://a/\n<Location />\nA b\n</Location>\n</VirtualHost>\n"),
    ("a line of Apache",        Server.APACHE,    VHOST,                               "ProxyPass / http://b/ c=d",                     "<VirtualHost *:80>\nProxyPass / http://b/ c=d\n</VirtualHost>\n"),
    ("removed from Apache",     Server.APACHE,    VHOST.replace("<V", "SetEnv a 1\n<V"), "# remove SetEnv a here\nProxyPass / http://b/",  VHOST.replace("//a", "//b")),
    ("in place of a block",     Server.CADDY,     "http://x {\nencode {\ngzip\n}\n}\n",  "http://x {\nencode gzip\n}",                    "http://x {\nencode gzip\n}\n"),
    ("a new line of Apache",    Server.APACHE,    VHOST,                               "ProxyTimeout 9",                                "<VirtualHost *:80>\nProxyTimeout 9\nProxyPass / http://a/\n</VirtualHost>\n"),
    ("a section of HAProxy",    Server.HAPROXY,   SECTIONS,                            "defaults\noption b",                            "defaults\noption b\nmode http\nfrontend f\nbind :1\n"),
    ("removed",                 Server.CADDY,     SITE,                                "http://x {\n# remove buffer_responses and b here\n}", SITE.replace("buffer_responses\n", "")),
    ("a matcher",               Server.CADDY,     SITE,                                "http://x {\n@s path /\nencode @s gzip\n}",      SITE.replace("http://x {\n", "http://x {\n@s path /\nencode @s gzip\n")),
    ("at the end",              Server.LIGHTTPD,  "a = 1\n",                           "b = 2",                                         "a = 1\nb = 2\n"),
    ("in front of the subs",    Server.VARNISH,   "vcl 4.1;\nsub a {\n}\n",            "sub b {\n}",                                    "vcl 4.1;\nsub b {\n}\nsub a {\n}\n"),
    ("behind the subs",         Server.VARNISH,   "vcl 4.1;\nsub a {\n}\n",            "sub b {\n}\n# behind them\nsub c {\n}",         "vcl 4.1;\nsub b {\n}\nsub a {\n}\n# behind them\nsub c {\n}\n"),
    ("into the server",         Server.NGINX,     "server {\nlisten 80;\nlisten 81;\n}\n", "server {\n    a b;\n}",          "server {\nlisten 80;\na b;\nlisten 81;\n}\n"),
    ("server and location",     Server.NGINX,     LOCATION.replace("{\nl", "{\nlisten 80;\nl"), "server {\n    a b;\n    location / {\n        c d;\n    }\n}", LOCATION.replace("{\nl", "{\nlisten 80;\na b;\nl").replace("a;\n}", "a;\nc d;\n}")),
    ("a manager of Envoy",      Server.ENVOY,     "m:\n  stat_prefix: x\n  o: { b: true }\n",   "# typed_config\no: { b: false }",                 "m:\n  stat_prefix: x\n  o: { b: false }\n"),
    ("a route of Envoy",        Server.ENVOY,     "  routes:\n  - match: x\n",                   "# routes of it\n- match: y\n  route: z",          "  routes:\n  - match: y\n    route: z\n  - match: x\n"),
    ("a router of Traefik",     Server.TRAEFIK,   "http:\n  routers:\n    a:\n      b: c\n",     "http:\n  routers:\n    d:\n      e: f",           "http:\n  routers:\n    d:\n      e: f\n    a:\n      b: c\n"),
    ("a rule of uWSGI",         Server.UWSGI,     "[uwsgi]\na = b\nroute-run = c\n",             "[uwsgi]\n; keep\nroute = d\na = e",               "[uwsgi]\na = e\nroute = d\nroute-run = c\n"),
    ("a new line of uWSGI",     Server.UWSGI,     "[uwsgi]\na = b\n",                            "[uwsgi]\nc = d",                                  "[uwsgi]\nc = d\na = b\n"),
    ("a pool of PHP",           Server.PHP,       "[www]\nphp_admin_flag[a.b] = on\n",           "a.b = Off",                                       "[www]\nphp_admin_value[a.b] = Off\n"),
    ("php.ini",                 Server.PHP,       "a = b\n",                                     "c = Off",                                         "a = b\nc = Off\n"),
    ("no subs",                 Server.VARNISH,   "vcl 4.1;\n",                        "sub b {\n}",                                    "vcl 4.1;\nsub b {\n}\n"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "server", "text", "change", "then"), ROWS, ids=[row[0] for row in ROWS])
def test_a_line_goes_where_a_person_puts_it(name, server, text, change, then):
    assert paste(text, change, server) == then


def test_a_line_without_a_place_is_refused():
    with pytest.raises(ValueError, match="no place for gzip off;"):
        paste("events {}\n", "location / {\ngzip off;\n}", Server.NGINX)
