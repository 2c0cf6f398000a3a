"""uWSGI's transformations that collect the response: `tofile:` and `offload:`."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import uwsgi
from flushcheck.configs.findings import Action, Finding, Level, Server
from flushcheck.configs.tree import Block, edit
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.model import Culprit, Fix, Flow, Owner, Place, Source, Symptom

CULPRIT = Culprit(
    id="uwsgi-transformation",
    title="a transformation of uWSGI collects the response (tofile, offload)",
    why=(
        "The routing actions tofile and offload take the response to its end: tofile writes it into a file, "
        "offload leaves it to a thread. Only then is it sent. gzip, chunked and toupper pass each write of "
        "the app on at once. Measured on uWSGI 2.0.21."
    ),
    symptoms="The response arrives whole at its end; with offload its header comes first.",
    detection=(
        "From outside it looks like any other program that stores the response first; only uWSGI's settings "
        "name it."
    ),
    fixes=(
        Fix(
            where="uWSGI, the routing rule",
            change="; remove this rule, or give it a pattern that the stream's address does not match",
            by=Owner.APP,
            server=Server.UWSGI,
            cost="the responses are no longer stored, or no longer sent by a thread of their own",
        ),
        Fix(
            where="uWSGI, in front of its routing rules",
            change="route = ^/stream last:",
            by=Owner.APP,
            server=Server.UWSGI,
            place=Place.ADDRESS,
            cost="no later rule acts on these addresses",
            note="write the path of your own streams",
        ),
    ),
    references=("https://uwsgi-docs.readthedocs.io/en/latest/Transformations.html",),
    looks_like=("http-hop", "buffering-hop"),
    shown_by=frozenset({Source.FILE}),
    shows=(Symptom(Flow.HELD),),
    measured_on=("uWSGI 2.0.21",),
)

SERVERS = (Server.UWSGI,)


def lint(block: Block) -> Iterator[Finding]:
    """A rule for every request, or for those whose address matches."""
    for line, action in uwsgi.actions(block):
        if action not in uwsgi.HOLDING:
            continue
        always = line.name.endswith("route-run")
        comment = (edit(Action.REPLACE, line, f"; {line.word} = {' '.join(line.args)}"),)
        yield block.finding(
            CULPRIT,
            Level.ERROR if always else Level.WARNING,
            f"{line.text} (line {line.line}): uWSGI sends the response only when it is complete"
            + ("" if always else ", where the rule matches"),
            at=line,
            edits=comment if block.at.word.startswith("[") else (),
            override=NO_OVERRIDE,
        )
