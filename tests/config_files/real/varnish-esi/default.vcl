vcl 4.1;
import std;
backend default { .host = "127.0.0.1"; .port = "8080"; .first_byte_timeout = 60s; }
sub vcl_recv {
    if (req.http.Upgrade ~ "(?i)websocket") { return (pipe); }
    if (req.url ~ "^/stream") { return (pass); }
}
sub vcl_pipe { if (req.http.upgrade) { set bereq.http.upgrade = req.http.upgrade; set bereq.http.connection = req.http.connection; } }
sub vcl_backend_response {
    // expect-next: varnish-gzip
    if (beresp.http.content-type ~ "text") { set beresp.do_gzip = true; }
    // expect-next: varnish-do-stream
    set beresp.do_esi = true;
    // expect-next: response-cache
    set beresp.ttl = 5m;
}
