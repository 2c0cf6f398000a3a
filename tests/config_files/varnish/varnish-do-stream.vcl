vcl 4.1;
backend default { .host = "127.0.0.1"; .port = "8000"; }
/* set beresp.do_stream = false; in a comment */
sub vcl_backend_response {
    // expect-next: varnish-do-stream
    set beresp.do_stream = false;
    if (bereq.url ~ "^/esi") {
        # expect-next: varnish-do-stream
        set beresp.do_esi = true;
    }
}
sub vcl_recv {
    if (req.http.Upgrade) { return (pipe); }
}
