vcl 4.1;
backend default { .host = "127.0.0.1"; }
sub vcl_recv {
    if (req.http.Upgrade) { return (pipe); }
}
sub vcl_backend_response {
    set beresp.do_stream = true;
    set beresp.http.X-Note = "set beresp.do_stream = false;";
    set beresp.do_esi = false;
}
