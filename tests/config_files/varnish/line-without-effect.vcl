vcl 4.1;
backend default { .host = "127.0.0.1"; .port = "8000"; }
sub vcl_backend_fetch {
    // expect-next: line-without-effect
    set bereq.http.X-Accel-Buffering = "no";
}
sub vcl_backend_response {
    // expect-next: varnish-do-stream
    set beresp.do_stream = false;
    // expect-next: line-without-effect
    set beresp.http.X-Accel-Buffering = "no";
}
