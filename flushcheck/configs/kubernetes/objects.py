"""Which objects of a YAML file concern requests: Ingresses, routes, ConfigMaps, and values of Helm charts."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from flushcheck.configs.tree import MAX_BLOCKS, MAX_LINES, Directive
from flushcheck.configs.yaml_nodes import (
    INCLUDE,
    MERGE,
    at,
    child,
    children,
    documents,
    is_unknown,
    items,
    scalar,
    text_at,
)

# Kinds that have values of a chart inside.
_CHARTS = frozenset({"HelmRelease", "HelmChart", "HelmChartConfig", "Application", "ApplicationSet"})
# Kinds of routes: the API that they belong to, and the program that reads them; "": a gateway decides.
_ROUTES = {
    "HTTPRoute": ("", ""),
    "VirtualServer": ("k8s.nginx.org", "F5's NGINX Ingress Controller"),
    "VirtualServerRoute": ("k8s.nginx.org", "F5's NGINX Ingress Controller"),
    "HTTPProxy": ("projectcontour.io", "Contour"),
    "ApisixRoute": ("apisix.apache.org", "APISIX"),
    "Mapping": ("getambassador.io", "Emissary"),
    "Route": ("route.openshift.io", "OpenShift's router, an HAProxy"),
}


@dataclass(frozen=True, slots=True, eq=False)
class Ingress:
    """Annotations and what they are about: an Ingress, or the values for the Ingress of a chart."""

    at: Directive  # the line that stands for it
    name: str
    annotations: Directive | None
    metadata: Directive | None  # where annotations belong if there are none
    class_name: str = ""
    tls: bool = False
    from_values: bool = False  # its chart writes the Ingress

    @property
    def entries(self) -> Sequence[Directive]:
        """Its annotations."""
        return children(self.annotations)


@dataclass(frozen=True, slots=True, eq=False)
class Settings:
    """The settings of a controller for all of its cluster: a ConfigMap, or the values of its chart."""

    at: Directive
    name: str
    entries: Sequence[Directive]
    namespace: str = ""
    is_f5_chart: bool = False  # values of the chart of F5's controller

    def has_any(self, names: Container[str]) -> bool:
        """Whether one of these settings is among them."""
        return any(line.name in names for line in self.entries)


@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """A route of the Gateway API, or of one program."""

    at: Directive
    kind: str
    name: str
    root: Directive
    program: str = ""  # that reads it


def objects(directives: Sequence[Directive]) -> Iterator[Directive]:
    """Every object of the API in a file; a document that is none is its own value."""
    for document in documents(directives):
        if text_at(document, "kind").endswith("List") and at(document, "items") is not None:
            yield from items(at(document, "items"))
        else:
            yield document


def kind_of(root: Directive) -> str:
    """The kind of an object; "" if it is none."""
    kind, version = child(root, "kind"), child(root, "apiVersion")
    return "" if kind is None or version is None else text_at(root, "kind")


def ingresses(directives: Sequence[Directive], prefixes: Iterable[str]) -> Iterator[Ingress]:
    """The Ingresses of a file, and those that charts write from values in it."""
    known = tuple(prefixes)
    for root in objects(directives):
        kind = kind_of(root)
        if kind == "Ingress":
            yield _ingress(root)
        elif not kind or kind in _CHARTS:
            yield from _from_values(root, known)


def _ingress(root: Directive) -> Ingress:
    metadata = at(root, "metadata")
    named = child(metadata, "name")
    name = text_at(metadata, "name") or text_at(metadata, "generateName")
    annotations = child(metadata, "annotations")
    class_name = text_at(root, "spec", "ingressClassName")
    class_name = class_name or text_at(annotations, "kubernetes.io/ingress.class")
    return Ingress(
        at=child(root, "kind") or root,
        name="Ingress" if is_unknown(named) or not name else f"Ingress {name}",
        annotations=annotations,
        metadata=metadata,
        class_name=class_name,
        tls=_has_entries(at(root, "spec", "tls")),
    )


def _has_entries(entry: Directive | None) -> bool:
    """Whether an entry is there and not empty; what a template fills in counts."""
    return entry is not None and (bool(entry.block) or is_unknown(entry))


def _from_values(root: Directive, prefixes: tuple[str, ...]) -> Iterator[Ingress]:
    pending = [(root, "")]
    found = 0
    while pending and found <= MAX_BLOCKS:
        around, path = pending.pop()
        named = {line.name: line for line in children(around)}
        for entry in reversed(children(around)[:MAX_LINES]):
            where = f"{path}.{entry.name}".lstrip(".")
            if entry.name.lower().endswith("annotations") and _has_prefix(entry, prefixes):
                found += 1
                yield Ingress(
                    at=entry,
                    name=f"values {where}",
                    annotations=entry,
                    metadata=None,
                    class_name=_class_in_values(named),
                    tls=_has_entries(named.get("tls")),
                    from_values=True,
                )
            elif entry.block:
                pending.append((entry, where))


def _has_prefix(entry: Directive, prefixes: tuple[str, ...]) -> bool:
    return any(line.name.startswith(prefixes) for line in children(entry))


def _class_in_values(named: Mapping[str, Directive]) -> str:
    names = ("ingressClassName", "className", "class", "ingressClass")
    return next((text for name in names if (text := scalar(named.get(name)))), "")


def settings(directives: Sequence[Directive], names: Iterable[str]) -> Iterator[Settings]:
    """The ConfigMaps that have settings of a controller, and its values.

    Args:
        names: of settings, as a controller knows them.
    """
    known = frozenset(names)
    for root in objects(directives):
        kind = kind_of(root)
        if kind == "ConfigMap" and _concerns(child(root, "data"), known):
            name = text_at(root, "metadata", "name")
            yield Settings(
                at=child(root, "kind") or root,
                name=f"ConfigMap {name}".rstrip(),
                entries=children(child(root, "data")),
                namespace=text_at(root, "metadata", "namespace"),
            )
        elif not kind or kind in _CHARTS:
            yield from _settings_in_values(root, known)


def _concerns(data: Directive | None, known: frozenset[str]) -> bool:
    return any(line.name in known for line in children(data))


def _settings_in_values(root: Directive, known: frozenset[str]) -> Iterator[Settings]:
    """`controller.config` of a controller's chart, also below the name of a subchart."""
    pending = [root]
    while pending:
        entry = pending.pop()
        controller = child(entry, "controller")
        config = child(controller, "config") if controller is not None else None
        entries = child(config, "entries") if config is not None else None
        if config is not None and _concerns(config, known):
            yield Settings(config, "values controller.config", children(config))
        elif entries is not None and _concerns(entries, known):
            name = "values controller.config.entries"
            yield Settings(entries, name, children(entries), is_f5_chart=True)
        pending += [line for line in children(entry) if line.block and line.name != "controller"]


def routes(directives: Sequence[Directive]) -> Iterator[Route]:
    """The routes of a file that are no Ingress."""
    for root in objects(directives):
        kind = kind_of(root)
        api, program = _ROUTES.get(kind, ("?", ""))
        if text_at(root, "apiVersion").startswith(api):
            yield Route(child(root, "kind") or root, kind, text_at(root, "metadata", "name"), root, program)


# Objects of the API that pass no request on by themselves, as far as their kind tells.
_PASSIVE = frozenset(
    {
        *("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "Pod", "Job", "CronJob", "Service"),
        *(
            "Namespace",
            "Secret",
            "ServiceAccount",
            "Role",
            "RoleBinding",
            "ClusterRole",
            "ClusterRoleBinding",
        ),
        *("PersistentVolume", "PersistentVolumeClaim", "StorageClass", "HorizontalPodAutoscaler"),
        *("PodDisruptionBudget", "NetworkPolicy", "ResourceQuota", "LimitRange", "PriorityClass"),
        *("Certificate", "Issuer", "ClusterIssuer", "ServiceMonitor", "PodMonitor", "Endpoints"),
    }
)


def is_passive(directives: Sequence[Directive]) -> bool:
    """Whether a file has objects, and all of them are of kinds that pass no request on."""
    kinds = [kind_of(root) for root in objects(directives) if any(line.args for line in children(root))]
    return bool(kinds) and all(kind in _PASSIVE for kind in kinds)


def unread_lines(entries: Sequence[Directive]) -> tuple[Directive, ...]:
    """The lines among these entries that stand for others: of a template, or merged from elsewhere."""
    return tuple(line for line in entries if line.name in (INCLUDE, MERGE))
