"""Apache httpd: lines without effect on a hold. Each was measured on 2.4.71, in front of a FastCGI server."""

from __future__ import annotations

import re

from flushcheck.culprits.no_effect.row import Place, Row, Said, Table, both

_MEASURED = "measured on Apache 2.4.71"
_ENV = ("setenv", "setenvif", "setenvifnocase", "browsermatch", "browsermatchnocase")

# Names of directives, of settings of PHP and of headers, which no module reads as environment variables.
_UNREAD = re.compile(
    r"fcgid\w+|(?:output|proxyio|send|deflate)buffersize|flushmax\w+|enablesendfile|keepalive|chunked|"
    r"flushpackets|output[._-]buffering|implicit_flush|zlib\.output_compression|x[-_]accel[-_]buffering|"
    r"(?:no[-_]?|proxy[-_]?|response[-_]?)?buffer(?:ing)?|transfer-encoding"
)
_COMPRESSION = frozenset({"no-gzip", "dont-vary", "gzip-only-text/html", "no-brotli"})
_OLD_HTTP = frozenset({"downgrade-1.0", "force-response-1.0", "nokeepalive"})
_REQUEST_SIDE = frozenset(
    {
        *("proxy-sendchunked", "proxy-sendchunks", "proxy-sendcl", "proxy-nokeepalive"),
        *("proxy-initial-not-pooled", "force-proxy-request-1.0"),
    }
)

# Not for .htaccess, with AllowOverride All: each was tried, and every request got status 500.
_SERVER_ONLY = (
    *("fcgidoutputbuffersize", "outputbuffersize", "fcgidiotimeout", "fcgidmaxrequestlen"),
    *("proxypass", "proxypassmatch", "proxypassreverse", "proxyset", "proxytimeout", "proxyiobuffersize"),
    *("proxyreceivebuffersize", "proxyrequests", "balancermember"),
    *("flushmaxthreshold", "flushmaxpipelined", "sendbuffersize", "receivebuffersize"),
    *("timeout", "keepalive", "keepalivetimeout", "maxkeepaliverequests", "requestreadtimeout"),
    *("deflatebuffersize", "deflatecompressionlevel", "protocols", "sslengine", "listen", "loadmodule"),
    *("php_admin_value", "php_admin_flag", "virtualhost", "directory", "location", "locationmatch", "proxy"),
    *("include", "includeoptional"),
)


def environment(place: Place) -> frozenset[str]:
    """The variables that a line sets, in lower case."""
    args = [arg.lower() for arg in place.line.args]
    if place.line.name == "setenv":
        return frozenset(args[:1])
    skipped = 2 if place.line.name.startswith("setenvif") else 1
    return frozenset(arg.partition("=")[0].lstrip("!") for arg in args[skipped:])


def in_htaccess(place: Place) -> bool:
    """Whether the line stands in a file for one folder, in which most directives are not allowed."""
    name = place.line.file.replace("\\", "/").rpartition("/")[2].lower()
    return name.startswith(".ht") or name.endswith(".htaccess")


def _sets(place: Place, names: frozenset[str]) -> bool:
    return bool(environment(place) & names)


def _unread(place: Place) -> bool:
    return any(_UNREAD.fullmatch(name) for name in environment(place))


def _compression(place: Place) -> bool:
    """Beside a hold, or in a fragment, whose gateway is not known."""
    return _sets(place, _COMPRESSION) and bool(place.held_by or place.block.is_fragment)


def header_words(place: Place) -> list[str]:
    """Action, header and value of a Header or RequestHeader line, in lower case."""
    words = [arg.lower() for arg in place.line.args]
    return words[1:] if words[:1] in (["always"], ["onsuccess"]) else words


def _writes(place: Place, header: str) -> bool:
    action, name = [*header_words(place), "", ""][:2]
    return action in ("set", "add", "append", "merge", "setifempty") and name.rstrip(":") == header


def _mislabels(place: Place) -> bool:
    return _writes(place, "content-encoding")


def _no_transform(place: Place) -> bool:
    return _writes(place, "cache-control") and "no-transform" in place.line.whole.lower()


def _accept_encoding(place: Place) -> bool:
    return "accept-encoding" in header_words(place)[1:2]


def _php_elsewhere(place: Place) -> bool:
    """Whether PHP runs in another process, or may: a .htaccess shows no handler."""
    setting = place.arg() in ("output_buffering", "zlib.output_compression")
    if not setting or place.arg(1) not in ("0", "off"):
        return False
    if place.block.via in ("fastcgi", "fcgid"):
        return True
    return place.block.via == "php" and in_htaccess(place) and place.line is place.block.pass_directive


_OFF = ("off", "0")


def _off(place: Place) -> bool:
    return place.arg() in _OFF


def _by_proxy_fcgi(place: Place) -> bool:
    return place.block.via == "fastcgi"


def _not_by_mod_security(place: Place) -> bool:
    return place.held_by != "apache-mod-security"


ROWS = (
    Row(
        names=_SERVER_ONLY,
        said=Said.ALWAYS,
        breaks=True,
        condition=in_htaccess,
        does=(
            "is not allowed in .htaccess: Apache responds with status 500 to every request below the folder. "
            "It belongs in the server's configuration"
        ),
        evidence=f"{_MEASURED}: status 500, not allowed here",
    ),
    Row(
        names=_ENV,
        said=Said.ALWAYS,
        condition=_unread,
        does="sets an environment variable, and no module reads one of this name",
        works="# remove the line. In the virtual host: FcgidOutputBufferSize 0 (mod_fcgid), flushpackets=on "
        "(mod_proxy_fcgi)",
        evidence=f"{_MEASURED}: held, unchanged, behind mod_proxy_fcgi",
    ),
    Row(
        names=("setenv", "setenvif", "setenvifnocase"),
        said=Said.ALWAYS,
        condition=_compression,
        does="switches compression off for some responses; the gateway's buffer holds them all the same",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("setenv",),
        condition=lambda place: _sets(place, _OLD_HTTP),
        does="makes the response end by closing the connection, so that a stream that was cut looks complete",
        evidence=f"{_MEASURED}: held, and the end by close",
    ),
    Row(
        names=_ENV,
        condition=lambda place: _sets(place, _REQUEST_SIDE),
        does="concerns the request to the app, and mod_proxy_http alone reads it",
        evidence=f"{_MEASURED}: no difference",
    ),
    Row(
        names=("requestheader",),
        said=Said.ALWAYS,
        condition=lambda place: _writes(place, "x-accel-buffering"),
        does="sends the header to the app; nginx reads it in responses, and Apache not at all",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("header",),
        condition=lambda place: _writes(place, "x-accel-buffering"),
        does="is for an nginx in front of Apache; Apache itself does not know the header",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("header",),
        said=Said.ALWAYS,
        condition=_mislabels,
        does=(
            "changes the header and not the body: a body that Apache compresses gets a wrong name, and "
            "clients cannot read it"
        ),
        evidence=f"{_MEASURED}: held, mislabelled",
    ),
    Row(
        names=("header",),
        condition=_no_transform,
        does="is for caches and proxies in front of Apache; what holds here compresses nothing",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("requestheader",),
        condition=_accept_encoding,
        does="keeps the app and mod_deflate from compressing; the gateway's buffer stays",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("php_value", "php_flag", "php_admin_value", "php_admin_flag"),
        said=Said.ALWAYS,
        condition=_php_elsewhere,
        does=(
            "is read by mod_php alone. Where PHP runs in FPM or mod_fcgid, Apache responds with status 500, "
            "or skips the line inside <IfModule mod_php.c>; there .user.ini or the pool has the setting"
        ),
        works="output_buffering = 0",
        evidence=f"{_MEASURED} with PHP-FPM 8.2: Invalid command 'php_value'",
    ),
    Row(
        names=("fcgidoutputbuffersize", "outputbuffersize"),
        condition=_by_proxy_fcgi,
        does="belongs to mod_fcgid, and this address is passed by mod_proxy_fcgi",
        works="flushpackets=on",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("enablesendfile", "enablemmap", "keepalive", "flushmaxpipelined", "limitrequestbody"),
        condition=_off,
        does="concerns files, connections or the request's body, not the gateway's buffer",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("proxyfcgibackendtype", "cgipassauth"),
        does="concerns what the app is told",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
    Row(
        names=("proxyiobuffersize",),
        does="sets the size of a read or of a socket's buffer; nothing waits for it to fill",
        evidence=f"{_MEASURED}: no difference (ProxyIOBufferSize)",
    ),
    Row(
        names=("secresponsebodyaccess",),
        condition=both(_off, _not_by_mod_security),
        does="switches off a collecting of mod_security that is not on here",
        evidence=f"{_MEASURED}: held, unchanged",
    ),
)

TABLE = Table(ROWS, "Apache, the virtual host")
