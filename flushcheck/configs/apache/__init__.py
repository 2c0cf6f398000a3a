"""Apache httpd: server files and .htaccess.

`parser.py` builds the tree of one file, `conditions.py` works out which statements are in force,
`workers.py` which parameters hold for an address, `filters.py` what responses go through, `blocks.py` finds
the lines that pass to an app, and `routing.py` the virtual host that an address leads to.
Source: "Configuration Sections" of the httpd 2.4 manual, and measurements on 2.4.71.
"""

from __future__ import annotations

from flushcheck.configs.apache.blocks import (
    INCLUDES,
    blocks,
    doubts,
    fragments,
    frees,
    is_whole,
    pass_reason,
    seconds,
    setting,
)
from flushcheck.configs.apache.filters import Effect, OutputFilter, output_filters
from flushcheck.configs.apache.parser import parse
from flushcheck.configs.apache.routing import route
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import Format

__all__ = [
    "FORMAT",
    "INCLUDES",
    "Effect",
    "OutputFilter",
    "blocks",
    "output_filters",
    "parse",
    "seconds",
    "setting",
]

_DECISIVE = ("SecResponseBodyAccess", "SecRuleEngine", "SetOutputFilter", "AddOutputFilterByType")

FORMAT = Format(
    server=Server.APACHE,
    blocks=blocks,
    decisive=lambda _block: _DECISIVE,
    pass_reason=pass_reason,
    fragments=fragments,
    frees=frees,
    is_whole=is_whole,
    doubts=doubts,
    route=route,
    file_names=(r"(^|/)\.htaccess$|(^|/)(httpd|apache2)[^/]*\.conf$|(^|/)(apache2|httpd)/.*\.(conf|load)$",),
    line_starts=(
        r"</?(VirtualHost|Directory|DirectoryMatch|Location|LocationMatch|Files|FilesMatch|Proxy)\b[^>]*>",
        r"</?(IfModule|IfDefine|IfVersion|If|Else|ElseIf|Limit|LimitExcept|RequireAll|RequireAny|Macro)\b[^>]*>",
        r"(ServerName|ServerAlias|DocumentRoot|ProxyPass\w*|ProxyPreserveHost|SetHandler|AddHandler)\s",
        r"(LoadModule|RewriteEngine|RewriteRule|RewriteCond|ErrorLog|CustomLog|AllowOverride|Options)\s",
        r"(Require|SetEnv\w*|Fcgid\w+|Passenger\w+|Sec[A-Z]\w+|Header|IncludeOptional|Listen)\s",
        r"php_(admin_)?(value|flag)\s",
    ),
)
