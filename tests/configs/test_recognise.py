"""Which server a text configures: by file name, else by lines."""

import pytest

from flushcheck.configs.findings import Server
from flushcheck.configs.recognise import by_lines, recognise
from tests.checking.marks import CONFIGS, fixtures, server_of

RECOGNISED = [
    # name                             text                                     server
    ("/etc/nginx/sites-enabled/app",   "",                                      Server.NGINX),
    ("deploy/nginx.conf",              "",                                      Server.NGINX),
    (".htaccess",                      "",                                      Server.APACHE),
    ("C:\\httpd.conf",                 "",                                      Server.APACHE),
    ("haproxy.cfg",                    "",                                      Server.HAPROXY),
    ("/etc/lighttpd/conf-enabled/x.conf", "",                                   Server.LIGHTTPD),
    ("Caddyfile.prod",                 "",                                      Server.CADDY),
    ("default.vcl",                    "",                                      Server.VARNISH),
    ("/etc/php/8.2/fpm/pool.d/www.conf", "",                                    Server.PHP),
    ("web/next.config.mjs",            "",                                      Server.HOSTING),
    ("serverless.yml",                 "",                                      Server.HOSTING),
    ("fly.prod.toml",                  "",                                      Server.HOSTING),
    ("vercel.json",                    "",                                      Server.HOSTING),
    (".cloudflared/config.yml",        "",                                      Server.HOSTING),
    ("gunicorn.conf.py",               "",                                      Server.GUNICORN),
    ("Dockerfile",                     "",                                      Server.APP_SERVER),
    ("web.service",                    "",                                      Server.APP_SERVER),
    ("a/web.service.d/x.conf",         "",                                      Server.APP_SERVER),
    ("a/package.json",                 "",                                      Server.APP_SERVER),
    ("Procfile.dev",                   "",                                      Server.APP_SERVER),
    ("app.conf",                       "server {\n listen 80;\n}",              Server.NGINX),
    ("app.conf",                       "<VirtualHost *:80>\nServerName x\n",    Server.APACHE),
    ("app.conf",                       "backend b\n server s x:1 check\n",      Server.HAPROXY),
    ("nginx/conf.d/gunicorn.conf",     "",                                      Server.NGINX),
    ("sites/gunicorn.conf",            "server {\n listen 80;\n}",              Server.NGINX),
    ("gunicorn.conf",                  "bind = ':80'\nworkers = 4\n",           Server.GUNICORN),
    ("uwsgi.ini",                      "",                                      Server.UWSGI),
    ("Web.Release.config",             "",                                      Server.IIS),
    ("app.xml",                        "<configuration>\n<system.webServer>\n", Server.IIS),
    ("/etc/squid/conf.d/a.conf",       "",                                      Server.SQUID),
    ("proxy.conf",                     "http_port 80 accel\nacl all src all\n",  Server.SQUID),
    ("shop_uwsgi.ini",                 "",                                      Server.UWSGI),
    ("/etc/uwsgi/apps-enabled/a.xml",  "",                                      Server.UWSGI),
    ("app.ini",                        "[uwsgi]\nworkers = 4\nthreads = 2\n",  Server.UWSGI),
    ("app.ini",                        "[other]\nworkers = 4\nthreads = 2\n",  None),
    ("-",                              "location / { proxy_pass http://x; }",   Server.NGINX),
    ("",                               "# nothing but a comment",               None),
    ("notes.txt",                      "dear diary",                            None),
    ("",                               "",                                      None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "server"), RECOGNISED)
def test_a_file_is_recognised(name, text, server):
    assert recognise(name, text) is server


def test_lines_beyond_the_first_ones_do_not_count():
    text = "listen 80;\n"
    assert by_lines("\n" * 399 + text) is Server.NGINX
    assert by_lines("\n" * 400 + text) is None


def test_a_very_long_line_does_not_count():
    assert by_lines("listen 80" + " " * 490 + ";") is Server.NGINX
    assert by_lines("listen 80" + " " * 491 + ";") is None


def test_text_beyond_the_first_part_does_not_count():
    assert by_lines("#" * 99_992 + "\nroot /;") is Server.NGINX
    assert by_lines("#" * 99_993 + "\nroot /;") is None


def test_a_tie_is_no_result():
    assert by_lines("listen 80;\n") is Server.NGINX
    assert by_lines("listen 80;\nServerName x\n") is None


@pytest.mark.parametrize("path", fixtures(), ids=lambda path: path.relative_to(CONFIGS).as_posix())
def test_the_lines_of_a_fixture_alone_tell_its_server(path):
    assert by_lines(path.read_text()) is server_of(path)
