vcl 4.1;
backend default { .host = "127.0.0.1"; }
sub vcl_recv { if (req.http.Upgrade) { return (pipe); } }
sub vcl_backend_response {
    if (bereq.url ~ "[.]css$") {
        set beresp.ttl = 1h;
    } else {
        set beresp.ttl = 0s;
    }
}
