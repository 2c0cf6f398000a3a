"""Templates as people have them: a mark that cannot matter leaves the result, one that decides makes it unknown."""

import pytest

from flushcheck.configs.findings import Level
from flushcheck.files import check_text

FLOWS = "    proxy_buffering off;\n    proxy_pass http://app;\n"
OFF = "server {\n  listen 80;\n  location / {\n    %s\n" + FLOWS + "  }\n}\n"
HTTP11 = "server {\n  listen 80;\n  %s\n  location / {\n    proxy_http_version 1.1;\n    proxy_pass http://a;\n  }\n}\n"
VHOST = "<VirtualHost *:80>\n%s\nProxyPass / http://x/\n</VirtualHost>\n"
HAPROXY = "defaults\n  mode http\n  option http-no-delay\nlisten l\n  %s\n  bind :80\n  server s x:1\n"
LIGHTTPD = 'server.stream-response-body = %s\nproxy.server = ( "" => ( ( "host" => "x", "port" => 1 ) ) )\n'
CADDY = "{{ domain }} {\n %s\n reverse_proxy x\n}\n"
VCL = 'vcl 4.0;\nbackend d { .host = "{{ host }}"; }\nsub vcl_backend_response {\n %s\n}\n'

# name of the file, its text, what is in place of %s, and the reason if it is not known: "" if the block passes
TEMPLATES = [
    ("a.conf.j2",     OFF,  "proxy_read_timeout {{ timeout | default(60) }}s;", ""),
    ("a.conf.j2",     OFF,  "access_log {{ log_dir }}/access.log;", ""),
    ("a.conf.j2",     OFF,  "{% for h in headers %}proxy_set_header {{ h.name }} {{ h.value }};{% endfor %}", ""),
    ("a.conf.j2",     OFF,  "gzip {{ gzip }};", ""),
    ("a.conf.j2",     "{{ ansible_managed | comment }}\n" + OFF, "", ""),
    ("a.conf.j2",     "# {{ ansible_managed }}\n" + OFF, "", ""),
    ("a.conf.j2",     OFF.replace("http://app", "{{ scheme }}://{{ host }}"), "", ""),
    ("a.conf.j2",     OFF.replace("http://app", "{{ backend }}"), "", ""),
    ("a.conf.erb",    OFF.replace("http://app", "<%= @up %>").replace("  location", "<%- @l.each do |l| -%>\n  location"), "<%- end -%>", ""),
    ("a.conf.tpl",    "{{- if .Values.on }}\n" + OFF + "{{- end }}\n", "{{- with .Values.ip }}\n    set_real_ip_from {{ . }};\n{{- end }}", ""),
    ("a.conf.j2",     "{% macro l(p) %}\nlocation {{ p }} {\n" + FLOWS + "}\n{% endmacro %}\nserver {\n  listen 80;\n%s\n}\n", "{{ l('/a') }}", ""),
    ("a.template",    OFF.replace("80", "${PORT}"), "proxy_read_timeout ${TIMEOUT};", ""),
    ("a.conf.j2",     OFF,  "limit_rate {{ rate }};", "a template fills in limit_rate ⟨rate⟩ (line 4)"),
    ("a.conf.j2",     OFF,  "proxy_limit_rate {{ rate }};", "a template fills in proxy_limit_rate ⟨rate⟩ (line 4)"),
    ("a.conf.j2",     HTTP11, "client_max_body_size {{ size }};", ""),
    ("a.conf.j2",     HTTP11, "gzip_types {{ types }};", ""),
    ("a.conf.j2",     HTTP11, "gzip {{ gzip }};", "a template fills in gzip ⟨gzip⟩ (line 3)"),
    ("a.conf.j2",     HTTP11, "brotli {{ x }};", "a template fills in brotli ⟨x⟩ (line 3)"),
    ("a.conf.j2",     HTTP11, "zstd {{ x }};", "a template fills in zstd ⟨x⟩ (line 3)"),
    ("a.conf.j2",     HTTP11, "gzip on;\n  gzip_types {{ types }};", "a template fills in gzip_types ⟨types⟩ (line 4)"),
    ("a.conf.j2",     HTTP11, "ssi {{ x }};", "a template fills in ssi ⟨x⟩ (line 3)"),
    ("a.conf.j2",     HTTP11, "sub_filter_types {{ x }};", "a template fills in sub_filter_types ⟨x⟩ (line 3)"),
    ("a.conf.j2",     HTTP11, "proxy_ignore_headers {{ x }};", "a template fills in proxy_ignore_headers ⟨x⟩ (line 3)"),
    ("a.conf.j2",     HTTP11, "proxy_cache {{ zone }};", "a template fills in proxy_cache ⟨zone⟩ (line 3)"),
    ("a.conf.j2",     HTTP11.replace("1.1", "{{ v }}"), "", "a template fills in proxy_http_version ⟨v⟩ (line 5)"),
    ("a.conf.j2",     HTTP11, "{% include 'extra.conf' %}", "⟨include_extra.conf⟩ could not be read; if it adds nothing: proxied with HTTP/1.1 (line 5): chunks pass one by one"),
    ("httpd.conf.j2", VHOST, "ServerName {{ name }}\nCustomLog {{ log }} combined", ""),
    ("httpd.conf.j2", VHOST, "SetOutputFilter {{ x }}", "a template fills in SetOutputFilter ⟨x⟩ (line 2)"),
    ("httpd.conf.j2", VHOST, "AddOutputFilterByType {{ x }}", "a template fills in AddOutputFilterByType ⟨x⟩ (line 2)"),
    ("httpd.conf.j2", VHOST, "SecRuleEngine {{ x }}", "a template fills in SecRuleEngine ⟨x⟩ (line 2)"),
    ("httpd.conf.j2", VHOST, "SecResponseBodyAccess {{ x }}", "a template fills in SecResponseBodyAccess ⟨x⟩ (line 2)"),
    ("haproxy.cfg.j2", "{{ head }}\n" + HAPROXY, "maxconn {{ n }}", ""),
    ("haproxy.cfg.j2", HAPROXY, "{{ options }}", "⟨options⟩ could not be read; if it adds nothing: option http-no-delay (line 3)"),
    ("haproxy.cfg.j2", HAPROXY, "compression algo {{ x }}", "a template fills in compression algo ⟨x⟩ (line 5)"),
    ("haproxy.cfg.j2", HAPROXY, "mode {{ m }}", "a template fills in mode ⟨m⟩ (line 5)"),
    ("lighttpd.conf.j2", "server.port = {{ port }}\n" + LIGHTTPD, "1", ""),
    ("lighttpd.conf.j2", LIGHTTPD, "{{ x }}", "a template fills in server.stream-response-body ⟨x⟩ (line 1)"),
    ("lighttpd.conf.j2", "deflate.mimetypes = ( {{ x }} )\n" + LIGHTTPD, "1", "a template fills in deflate.mimetypes ( ⟨x⟩ ) (line 1)"),
    ("Caddyfile.j2",  "{{ ansible_managed | comment }}\n" + CADDY, "tls {{ email }}", ""),
    ("Caddyfile.j2",  CADDY, "encode {{ x }}", "a template fills in encode ⟨x⟩ (line 2)"),
    ("default.vcl.j2", VCL, "set beresp.grace = {{ g }}s;", ""),
    ("default.vcl.j2", VCL, "set beresp.do_stream = {{ x }};", "a template fills in set beresp.do_stream = ⟨x⟩ (line 4)"),
    ("default.vcl.j2", VCL, "set beresp.ttl = {{ x }}s;", "a template fills in set beresp.ttl = ⟨x⟩s (line 4)"),
    ("default.vcl.j2", VCL, "{{ x }}", "⟨x⟩ could not be read; if it adds nothing: responses are streamed, neither compressed nor searched for ESI"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "around", "inside", "reason"), TEMPLATES)
def test_a_mark_that_decides_makes_a_block_unknown_and_no_other_does(name, around, inside, reason):
    checked = check_text(around.replace("%s", inside), name=name)
    assert [finding for finding in checked.findings if finding.level is not Level.NOTE] == []
    assert [block.reason for block in checked.unknown] == [reason] * bool(reason)
    assert len(checked.passed) == (not reason)


def test_a_mode_that_a_template_fills_in_is_a_condition():
    checked = check_text(
        HAPROXY.replace("http-no-delay", "forwardfor").replace("%s", "mode {{ m }}"), name="haproxy.cfg"
    )
    (finding,) = [finding for finding in checked.findings if finding.culprit.id == "haproxy-http-delay"]
    assert finding.level is Level.WARNING
    assert finding.message.endswith("for clients over HTTP/1.1, if mode ⟨m⟩ (line 5) is mode http")
