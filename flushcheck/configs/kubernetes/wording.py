"""A Finding of nginx's linters in the words of an Ingress: fix and edits as annotations or ConfigMap keys."""

from __future__ import annotations

import json
from dataclasses import replace

from flushcheck.configs.findings import Action, Edit, Finding
from flushcheck.configs.kubernetes.controllers import NGINX_CONTROLLERS, WRITTEN_ANYWAY, Controller
from flushcheck.configs.tree import Block, edit
from flushcheck.model import Fix


def controller_named(block: Block) -> Controller | None:
    """The controller that writes a block's nginx lines; None for a block of a person's own nginx lines."""
    value = block.params.get("controller")
    named = value.first if value is not None else ""
    return next((each for each in NGINX_CONTROLLERS if each.name == named), None)


def reworded(block: Block, finding: Finding) -> Finding:
    """The same Finding, with what to write into the YAML file."""
    controller = controller_named(block)
    if controller is None:
        return finding
    in_cluster = "cluster" in block.params
    edits = tuple(
        new for old in finding.edits if (new := _edit(old, block, controller, in_cluster)) is not None
    )
    return replace(
        finding,
        fix=_fix(finding, block, controller, in_cluster=in_cluster),
        edits=edits if len(edits) == len(finding.edits) else (),
    )


def _edit(old: Edit, block: Block, controller: Controller, in_cluster: bool) -> Edit | None:
    """An edit of nginx lines as one of entries; None if no entry says the same."""
    if old.lines[0].split(" ")[0] == old.statement:
        # A line of a snippet; one that the controller writes anyway is refused with any value.
        return None if old.statement in WRITTEN_ANYWAY else old
    # The value of an Ingress may stand in a ConfigMap of the same file.
    as_key = in_cluster or old.statement in controller.cluster_settings
    entries = [entry for line in old.lines if (entry := _entry(line, controller, as_key))]
    if len(entries) != len(old.lines):
        return None
    # An entry of this name that the controller ignores is replaced: two would be one too many.
    ignored = [line for entry in entries for line in block.scope.own(entry.partition(":")[0])]
    if not ignored:
        return replace(old, lines=tuple(entries))
    return edit(Action.REPLACE, ignored[0], *entries) if len(entries) == 1 else None


def _entry(line: str, controller: Controller, in_cluster: bool) -> str:
    """An nginx line as an entry of YAML; "" if none says the same."""
    name, _, value = line.rstrip(";").partition(" ")
    known = controller.cluster_settings if in_cluster else controller.settings
    key = next((key for key, setting in known.items() if setting.directive == name), None)
    if key is None:
        return ""
    if name == "proxy_buffering":
        value = controller.off
    elif name == "proxy_read_timeout":
        value = "3600" if known[key].form("3600") == ("3600s",) else "3600s"
    elif name == "limit_rate":
        value = "0"
    return f"{'' if in_cluster else controller.prefix}{key}: {json.dumps(value)}"


def _fix(finding: Finding, block: Block, controller: Controller, *, in_cluster: bool) -> Fix:
    """The culprit's fix as entries to paste; as a snippet where there is no annotation for it."""
    fix = finding.fix
    if fix.change.startswith("#"):
        return fix
    where = f"{block.name}, data" if in_cluster else f"{block.name}, metadata.annotations"
    if block.name.startswith("values "):
        where = block.name
    lines = _wanted(finding, block).splitlines()
    if any("$http_upgrade" in line for line in lines):
        lines = [line for line in lines if not line.startswith("proxy_set_header ")]
        if controller.websocket and not in_cluster:
            change = f"{controller.prefix}{controller.websocket}"
            return replace(fix, where=where, change=change, note="", until=None, since=None)
    entries = [_entry(line, controller, in_cluster) for line in lines]
    if entries and all(entries):
        return replace(fix, where=where, change="\n".join(entries), note="", until=None, since=None)
    names = controller.http_snippets if in_cluster else controller.location_snippets
    if not names:
        return fix
    snippet = f"{'' if in_cluster else controller.prefix}{names[0]}: |"
    note = fix.note if in_cluster else "the controller must allow snippet annotations"
    return replace(fix, where=where, change="\n".join([snippet, *(f"  {line}" for line in lines)]), note=note)


def _wanted(finding: Finding, block: Block) -> str:
    """nginx lines of the fix, with the directive of this block's gateway."""
    change = finding.fix.change
    if block.via == "fastcgi":
        change = change.replace("proxy_buffering", "fastcgi_buffering")
        change = change.replace("proxy_read_timeout", "fastcgi_read_timeout")
    return change
