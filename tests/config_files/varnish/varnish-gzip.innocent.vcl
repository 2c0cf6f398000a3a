vcl 4.1;
backend default { .host = "127.0.0.1"; }
sub vcl_recv { return (pipe); }
sub vcl_backend_response {
    set beresp.do_gzip = false;
    set beresp.do_gunzip = true;
}
