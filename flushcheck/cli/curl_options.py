"""curl's options, by what a line of them means to flushcheck: passed on, of no matter, or refused.

Of no matter is what changes neither the request nor the way to the server: where output goes, how much is
printed, how often curl would try again. Refused is what would make another request than the one that
flushcheck can make. Source: `curl --help all` of 7.88 and 8.10.
"""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _pairs(text: str) -> dict[str, str]:
    return {pair[0]: pair[2] for pair in (entry.partition("=") for entry in text.split())}


SHORT = _pairs("""
    0=http1.0 1=tlsv1 2=sslv2 3=sslv3 4=ipv4 6=ipv6 A=user-agent B=use-ascii C=continue-at D=dump-header
    E=cert F=form G=get H=header I=head J=remote-header-name K=config L=location M=manual N=no-buffer
    O=remote-name P=ftp-port Q=quote R=remote-time S=show-error T=upload-file U=proxy-user V=version
    X=request Y=speed-limit Z=parallel a=append b=cookie c=cookie-jar d=data e=referer f=fail g=globoff
    h=help i=include j=junk-session-cookies k=insecure l=list-only m=max-time n=netrc o=output
    p=proxytunnel q=disable r=range s=silent t=telnet-option u=user v=verbose w=write-out x=proxy
    y=speed-time z=time-cond #=progress-bar :=next
""")

# Options of `flushcheck watch` that have the same meaning.
PASSED = _pairs("""
    insecure=--insecure ipv4=-4 ipv6=-6 netrc=--netrc http1.1=--http1.1 http2=--http2 http3=--http3
""")
PASSED_WITH_VALUE = _pairs("""
    user-agent=--user-agent user=--user cookie=--cookie cacert=--cacert capath=--cacert key=--key
    connect-to=--connect-to unix-socket=--unix-socket proxy=--proxy proxy-user=--proxy-user
    max-time=--timeout
""")

# What `curl_line` understands itself.
READ = _names("""
    get location compressed
""")
READ_WITH_VALUE = _names("""
    request url header referer oauth2-bearer data data-ascii data-raw data-binary data-urlencode json
    cert resolve max-redirs socks5 socks5-hostname
""")

NO_MATTER = _names("""
    no-buffer silent show-error include verbose show-headers fail fail-early fail-with-body globoff
    progress-bar no-progress-meter disable remote-name remote-name-all remote-header-name remote-time
    parallel parallel-immediate create-dirs no-clobber remove-on-error skip-existing xattr styled-output
    no-styled-output trace-time trace-ids suppress-connect-headers basic tcp-nodelay tcp-fastopen
    no-keepalive raw path-as-is retry-all-errors retry-connrefused http0.9 use-ascii no-sessionid
    no-alpn no-npn ssl ssl-reqd ssl-no-revoke ssl-revoke-best-effort ssl-allow-beast tlsv1 tlsv1.0
    tlsv1.1 tlsv1.2 tlsv1.3 cert-status false-start
""")
NO_MATTER_WITH_VALUE = _names("""
    output output-dir write-out stderr trace trace-ascii dump-header cookie-jar libcurl retry
    retry-delay retry-max-time connect-timeout expect100-timeout keepalive-time keepalive-cnt
    happy-eyeballs-timeout-ms max-filesize speed-limit speed-time parallel-max rate create-file-mode
    proto proto-redir tls-max ciphers tls13-ciphers curves random-file egd-file etag-save
""")

REFUSED = _names("""
    head next http1.0 http2-prior-knowledge http3-only anyauth digest ntlm ntlm-wb negotiate
    location-trusted post301 post302 post303 proxytunnel junk-session-cookies netrc-optional
    haproxy-protocol ignore-content-length tr-encoding append list-only crlf proxy-anyauth proxy-basic
    proxy-digest proxy-ntlm proxy-negotiate proxy-insecure sslv2 sslv3 manual version help
    disallow-username-in-url doh-insecure doh-cert-status compressed-ssh socks5-basic socks5-gssapi
    proxy-tlsv1 proxy-http2 ca-native proxy-ca-native form-escape
""")
REFUSED_WITH_VALUE = _names("""
    form form-string upload-file config range continue-at time-cond etag-compare request-target
    limit-rate interface local-port noproxy preproxy proxy1.0 socks4 socks4a proxy-header proxy-cacert
    proxy-capath proxy-cert proxy-key proxy-pass proxy-pinnedpubkey aws-sigv4 delegation service-name
    login-options netrc-file hsts alt-svc doh-url dns-servers dns-interface dns-ipv4-addr dns-ipv6-addr
    cert-type key-type pass engine pinnedpubkey crlfile abstract-unix-socket url-query variable
    proto-default haproxy-clientip ech quote telnet-option ftp-port
""")

# What to do instead of what is refused.
INSTEAD = {
    "head": "a response to HEAD has no body to watch; leave -I out",
    "form": "send the body as a file: -d @body -H 'Content-Type: multipart/form-data; boundary=…'",
    "upload-file": "use -X PUT -d @FILE",
    "next": "give the line of one request",
    "limit-rate": "it slows the reading, and so the times; leave it out",
    "url-query": "write the query into the URL",
    "config": "write its options into the line",
    "http2-prior-knowledge": "HTTP/2 without TLS is not available, as in browsers",
}

WITH_VALUE = frozenset(PASSED_WITH_VALUE) | READ_WITH_VALUE | NO_MATTER_WITH_VALUE | REFUSED_WITH_VALUE
ALL = WITH_VALUE | frozenset(PASSED) | READ | NO_MATTER | REFUSED
