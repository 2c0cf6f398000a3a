"""Directives that crossplane's table does not have: nginx's own newer ones, and those of other modules.

A body filter of another module may collect the response, and its code decides whether it does: such a block
cannot be called innocent. Sources: nginx 1.30.6 (each name of OWN_DIRECTIVES tried with `nginx -t`), the
README of each module.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.templates import is_marked
from flushcheck.configs.tree import Block, Directive, ellipsize

OWN_DIRECTIVES = frozenset(
    {
        *("add_header_inherit", "add_trailer_inherit", "auth_delay", "early_hints", "epoll_events"),
        *(
            "grpc_ssl_certificate_cache",
            "grpc_ssl_conf_command",
            "gzip_hash",
            "gzip_no_buffer",
            "gzip_window",
        ),
        *("http2", "http2_pool_size", "http2_streams_index_size", "http3", "http3_hq"),
        *("http3_max_concurrent_streams", "http3_stream_buffer_size", "keepalive_min_timeout"),
        *("keepalive_time", "max_headers", "mp4_start_key_frame", "open_file_cache_events", "post_action"),
        *("postpone_gzipping", "proxy_cookie_flags", "proxy_pass_trailers", "proxy_ssl_certificate_cache"),
        *("proxy_ssl_conf_command", "quic_active_connection_id_limit", "quic_bpf", "quic_gso"),
        *("quic_host_key", "quic_retry", "ssi_ignore_recycled_buffers", "ssl_certificate_cache"),
        *("ssl_certificate_compression", "ssl_conf_command", "ssl_ech_file", "ssl_key_log", "ssl_ocsp"),
        *("ssl_object_cache_inheritable", "ssl_ocsp_cache", "ssl_ocsp_responder", "ssl_reject_handshake"),
        *("userid_flags", "uwsgi_ssl_certificate_cache", "uwsgi_ssl_conf_command", "uwsgi_string"),
        # In nginx before 1.25.1, and refused or ignored since.
        *("http2_idle_timeout", "http2_max_field_size", "http2_max_header_size", "http2_max_requests"),
        *("http2_push", "http2_push_preload", "http2_max_concurrent_pushes", "http2_recv_timeout", "ssl"),
    }
)

# Names of directives, and the module that has them.
_MODULES = {
    r"(un)?brotli(_\w+)?": "ngx_brotli",
    r"(un)?zstd(_\w+)?": "zstd-nginx-module",
    r"more_(set|clear)_(input_)?headers": "headers-more",
    r"\w+_by_lua(_block|_file)?|lua_\w+": "lua-nginx-module",
    r"js_\w+": "njs",
    r"geoip2(_\w+)?": "geoip2",
    r"modsecurity(_\w+)?": "ModSecurity",
    r"pagespeed": "ngx_pagespeed",
    r"passenger_\w+": "Passenger",
    r"vhost_traffic_status\w*|stub_traffic_\w+": "vhost-traffic-status",
    r"auth_(ldap|pam|digest|gss|spnego|jwt)\w*": "an authentication module",
    r"echo(_\w+)?": "echo",
    r"nchan_\w+|push_stream\w*": "nchan or push-stream",
    r"upload_\w+|track_uploads|report_uploads": "upload",
    r"subs_filter\w*": "substitutions",
    r"replace_filter\w*": "replace-filter",
    r"opentracing\w*|otel\w*|opentelemetry\w*|datadog\w*|zipkin\w*": "a tracing module",
    r"fancyindex\w*": "fancyindex",
    r"dav_ext\w*": "dav-ext",
    r"srcache_\w+": "srcache",
    r"set_(md5|sha1|base32|decode_\w+|encode_\w+|escape_uri|unescape_uri|random|secure_random\w*)|"
    r"set_(quote_\w+|hashed_\w+|local_today|formatted_\w+|form_input\w*|if_empty)": "set-misc",
    r"SecRulesEnabled|SecRulesDisabled|CheckRule|DeniedUrl|LearningMode|BasicRule|MainRule": "naxsi",
    r"testcookie\w*": "testcookie",
    r"check(_\w+)?": "upstream-check",
    r"ssl_dyn_rec_\w+": "the dynamic TLS records patch",
    r"aws_\w+": "aws-auth",
    r"proxy_connect\w*": "proxy-connect",
    r"concat\w*|trim\w*|footer\w*|length_hiding\w*": "a filter module",
    r"shib_\w+": "shibboleth",
    r"(proxy|fastcgi|uwsgi|scgi)_cache_purge": "cache-purge",
    r"vod\w*|hls\w*|rtmp\w*": "a video module",
    r"redis\w*|memc_\w+|postgres_\w+|drizzle\w*|rds_\w+": "a database module",
    r"wasm|proxy_wasm|wasmtime|resolver_add": "ngx_wasm_module",
    r"limit_(upload_rate|traffic_rate)\w*": "limit-upload-rate",
    r"(set_)?cookie_flag|encrypted_session\w*|accept_language\w*|xss_\w+|eval(_\w+)?": "another module",
    r"perl(_\w+)?": "perl",
}
_MODULE = re.compile("|".join(f"(?P<m{number}>{names})" for number, names in enumerate(_MODULES)))

# Directives that put a filter of another module between the app's response and its reader.
_BODY_FILTERS = {
    "body_filter_by_lua": "Lua code",
    "body_filter_by_lua_block": "Lua code",
    "body_filter_by_lua_file": "Lua code",
    "js_body_filter": "JavaScript code",
    "replace_filter": "the replace-filter module",
    "pagespeed": "PageSpeed",
    "modsecurity": "ModSecurity",
    "srcache_store": "the srcache module",
    "trim": "the trim module",
    "length_hiding": "the length-hiding module",
    "footer": "the footer module",
    "proxy_wasm": "a WebAssembly filter",
    "perl": "Perl code",
}
_OFF = frozenset({"off"})
STREAM_TYPES = ("text/event-stream", "text/plain", "application/x-ndjson")


def module_of(name: str) -> str:
    """The module, not nginx's own, that has a directive of this name; "" if none is known."""
    match = _MODULE.fullmatch(name)
    return list(_MODULES.values())[int(match.lastgroup[1:])] if match and match.lastgroup else ""


def doubts(block: Block) -> Iterator[str]:
    """Why it is not known whether this block passes chunks on: filters, unknown protocols."""
    for name, program in _BODY_FILTERS.items():
        lines: tuple[Directive, ...] = tuple(block.scope.nearest(name))
        for line in lines:
            if not line.args or line.args[0] not in _OFF:
                yield f"{name} (line {line.line}): responses go through {program}, which may collect them"
                break
    image = next(iter(block.scope.nearest("image_filter")), None)
    if image is not None and image.args[:1] != ("off",):
        yield f"image_filter (line {image.line}): a response that is no image does not pass"
    types = block.value("sub_filter_types", "text/html")
    hit = [kind for kind in types.args if kind in STREAM_TYPES or kind == "*"]
    substitutions = block.scope.nearest("sub_filter")
    if hit and substitutions:
        yield (
            f"sub_filter (line {substitutions[0].line}) looks for its text in {hit[0]}: it keeps back "
            "what may be the beginning of it"
        )
    if block.is_fragment:
        return  # it has no pass of its own
    address = block.pass_directive.args[0]
    scheme, colon, _ = address.partition("://")
    known = "$" not in scheme and not is_marked(scheme)
    if block.via == "http" and colon and known and scheme.lower() not in ("http", "https"):
        yield f"{ellipsize(scheme, 20)}:// is no protocol of proxy_pass: nginx refuses this line"
