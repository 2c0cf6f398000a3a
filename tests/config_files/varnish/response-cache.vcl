vcl 4.1;
backend default { .host = "127.0.0.1"; }
sub vcl_recv { if (req.http.Upgrade) { return (pipe); } }
sub vcl_backend_response {
    # expect-next: response-cache
    set beresp.ttl = 10m;
}
