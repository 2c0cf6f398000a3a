vcl 4.1;
backend default { .host = "127.0.0.1"; }
# expect-next: websocket-upgrade (note)
sub vcl_backend_response { }
sub vcl_recv { return (pass); }
