"""Programs whose files are YAML, TOML or JSON: which of them a text is for, and its tree.

The name of such a file seldom tells: a key that only this program has does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from flushcheck.configs.findings import Server
from flushcheck.configs.hosting import parse_next
from flushcheck.configs.recognise import bare_name
from flushcheck.configs.tree import Parsed
from flushcheck.files.toml_tree import parse_toml
from flushcheck.files.yaml_tree import parse_yaml

_ENDINGS = (".yaml", ".yml", ".toml", ".json")
_TOML = re.compile(r"(?:[ \t]*+(?:#[^\n]*+)?\r?\n)*+[ \t]*+(?:\[|[\w.\"'-]++[ \t]*+=)")

# Keys that no other program has. No part may match what the part after it could match: the text is hostile.
_SIGNS = {
    Server.TRAEFIK: re.compile(
        r"(?<![\w.-])traefik\.(?:http|tcp)\.(?:routers|middlewares|services)\.|"
        r"(?<![\w.-])traefik\.ingress\.kubernetes\.io/router\.|"
        r"""^[ \t]*+["']?apiVersion["']?:[ \t]*+["']?traefik\.(?:io|containo\.us)/|"""
        r"^entryPoints:|^[ \t]*+\[+(?:entryPoints|http\.(?:routers|middlewares|services))\b|"
        r"^http:[ \t]*+\{[^\n]{0,200}\b(?:routers|middlewares)\b|"
        r"^http:[ \t]*+(?:#[^\n]*+)?\r?\n(?:[ \t#][^\n]*+\n|\r?\n)*?[ \t]++(?:routers|middlewares):",
        re.MULTILINE | re.IGNORECASE,
    ),
    Server.ENVOY: re.compile(
        r"type\.googleapis\.com/envoy\.|\benvoy\.(?:filters|http_connection_manager)\b|"
        r"""^[ \t]*+["']?apiVersion["']?:[ \t]*+["']?networking\.istio\.io/""",
        re.MULTILINE,
    ),
}


def is_structured(name: str) -> bool:
    """Whether a file of this name is YAML, TOML or JSON."""
    return bare_name(name).endswith(_ENDINGS)


def servers_in(name: str, text: str, given: Server | None) -> Iterator[Server]:
    """The programs that such a file configures, by its keys; none for a file of another kind.

    Args:
        name: a text that is in no file has a name without an ending.
        given: what a person says that it is for.
    """
    if is_structured(name) or "." not in name.rpartition("/")[2]:
        for server, sign in _SIGNS.items():
            if (server is given and is_structured(name)) or sign.search(text) is not None:
                yield server


def parse_structured(text: str, file: str) -> Parsed:
    """The tree of a text, in whichever of these languages it is written."""
    name = bare_name(file)
    if name.endswith(".toml") or (not name.endswith(_ENDINGS) and _TOML.match(text) is not None):
        return parse_toml(text, file)
    if text.lstrip()[:1] in ("{", "["):
        text = text.replace("\t", " ")  # JSON may be indented by tabs, YAML may not
    return parse_yaml(text, file)


def parse_hosting(text: str, file: str) -> Parsed:
    """The tree of a platform's file: JavaScript of Next.js, or one of these languages."""
    if re.search(r"\.(js|mjs|cjs|ts|mts)$", bare_name(file)) or _JAVASCRIPT.search(text) is not None:
        return parse_next(text, file)
    return parse_structured(text, file)


_JAVASCRIPT = re.compile(r"^[ \t]*+(?:module\.exports|export default)\b", re.MULTILINE)
