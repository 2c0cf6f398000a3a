"""The HTTP filters of Envoy: which of them do not change a response."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flushcheck.configs.tree import Directive
from flushcheck.configs.yaml_nodes import at, child, is_false, is_true, scalars, text_at

ROUTER, BUFFER, COMPRESSOR = "router", "buffer", "compressor"
_MAX_FILTERS = 100  # of one list: each route looks at each of them

# Filters that act on the request, on headers, or decide whether a request is passed on: from Envoy's
# documentation of each. Router, buffer and compressor were measured.
PASSING = frozenset(
    {
        *("adaptive_concurrency", "admission_control", "alternate_protocols_cache", "api_key_auth"),
        *("basic_auth", "cdn_loop", "cors", "credential_injector", "csrf", "dynamic_forward_proxy"),
        *("ext_authz", "gcp_authn", "geoip", "grpc_stats", "header_mutation", "header_to_metadata"),
        *("health_check", "ip_tagging", "json_to_metadata", "jwt_authn", "local_ratelimit", "oauth2"),
        *("on_demand", "original_src", "rate_limit_quota", "ratelimit", "rbac", "set_filter_state"),
        *("set_metadata", "stateful_session", ROUTER, "upstream_codec"),
        # Istio's own, which count and add metadata.
        *(
            "stats",
            "alpn",
            "istio_stats",
            "peer_metadata",
            "istio.stats",
            "istio.alpn",
            "istio.peer_metadata",
        ),
    }
)
# What a compressor compresses without content_type. Source: Envoy's compressor.proto.
DEFAULT_TYPES = (
    "text/html",
    "text/css",
    "text/plain",
    "text/xml",
    "application/javascript",
    "application/json",
    "application/xhtml+xml",
    "image/svg+xml",
)


@dataclass(frozen=True, slots=True, eq=False)
class Filter:
    """One entry of http_filters."""

    name: str  # as written
    kind: str  # for example "compressor"
    at: Directive
    config: Directive | None  # typed_config
    disabled: bool = False


def extension(type_url: str) -> str:
    """The extension that a type names: "…/envoy.extensions.filters.http.buffer.v3.Buffer" is "buffer"."""
    parts = type_url.rpartition("/")[2].split(".")
    versions = [index for index, part in enumerate(parts) if part in ("v2", "v3", "v2alpha", "v3alpha")]
    return parts[versions[0] - 1] if versions and versions[0] > 0 else ""


def read_filters(entries: Sequence[Directive]) -> tuple[Filter, ...]:
    """The filters of a list, in order; of a longer list than exists, an unknown one stands for the rest."""
    filters = tuple(read_filter(entry) for entry in entries[:_MAX_FILTERS])
    if len(entries) <= _MAX_FILTERS:
        return filters
    rest = f"filter {_MAX_FILTERS + 1} of {len(entries)}"
    return (*filters, Filter(rest, rest, entries[_MAX_FILTERS], None))


def read_filter(entry: Directive) -> Filter:
    """One filter: its type says what it is; without a type its name does."""
    name = text_at(entry, "name")
    config = child(entry, "typed_config") or child(entry, "typedConfig") or child(entry, "config")
    named = name.removeprefix("envoy.filters.http.").removeprefix("envoy.").removeprefix("istio.")
    type_url = text_at(config, "@type")
    if type_url.endswith("TypedStruct"):
        type_url = text_at(config, "type_url") or text_at(config, "typeUrl")
        config = child(config, "value")
    kind = extension(type_url) or named
    return Filter(name or kind, kind, entry, config, is_true(text_at(entry, "disabled")))


def compresses(each: Filter) -> str:
    """The library with which a compressor compresses responses; "" if it leaves them alone or is unknown."""
    if each.kind != COMPRESSOR or each.config is None:
        return ""
    common = at(each.config, "response_direction_config", "common_config")
    if is_false(text_at(common, "enabled", "default_value")):
        return ""
    library = child(each.config, "compressor_library")
    return text_at(library, "typed_config", "@type").rpartition(".")[2].lower()


def holding_types(each: Filter) -> tuple[str, ...]:
    """The content types that a compressor compresses, in lower case."""
    lists = (
        at(each.config, "response_direction_config", "common_config", "content_type"),
        child(each.config, "content_type"),
    )
    line = next((found for found in lists if found is not None and (found.block or found.args)), None)
    if line is None:
        return DEFAULT_TYPES
    return tuple(text.strip().lower() for text in scalars(line))


def library_line(each: Filter) -> Directive:
    """The line that names a compressor's library."""
    library = child(each.config, "compressor_library")
    return at(library, "typed_config", "@type") or library or each.at
