"""AWS Lambda's invoke mode of a function's own address."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import hosting
from flushcheck.configs.findings import Action, Edit, Finding, Level, Server
from flushcheck.configs.tree import Block, edit
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.model import Culprit, Fix, Flow, Owner, Source, Symptom

CULPRIT = Culprit(
    id="lambda-invoke-mode",
    title="AWS Lambda collects the response of a function (invokeMode BUFFERED)",
    why=(
        "A function's address is called in the mode BUFFERED by default: the result is available when the "
        "payload is complete, whatever the function writes before. This is from documentation."
    ),
    symptoms="The whole response arrives when the function has ended.",
    detection="serverless.yml has a url without invokeMode RESPONSE_STREAM. A run shows http-hop.",
    fixes=(
        Fix(
            where="serverless.yml, the url of the function",
            change="invokeMode: RESPONSE_STREAM",
            by=Owner.APP,
            note="the function has to write to a response stream; runtimes beside Node.js need an adapter",
        ),
    ),
    references=("https://docs.aws.amazon.com/lambda/latest/dg/config-rs-invoke-furls.html",),
    looks_like=("http-hop",),
    shown_by=frozenset({Source.FILE}),
    shows=(Symptom(Flow.HELD),),
)

SERVERS = (Server.HOSTING,)


def lint(block: Block) -> Iterator[Finding]:
    """BUFFERED by default, so silence counts."""
    if block.via != hosting.LAMBDA_URL:
        return
    value = hosting.invoke_mode(block)
    if value.first == "BUFFERED":
        own = value.at is not None and value.at.line != block.pass_directive.line
        edits: tuple[Edit, ...] = ()
        if value.at is not None and own:
            edits = (edit(Action.REPLACE, value.at, CULPRIT.fixes[0].change),)
        yield block.finding(
            CULPRIT,
            Level.ERROR,
            f"{block.say(value)}: AWS Lambda sends the response when the function has ended",
            value=value,
            at=value.at or block.pass_directive,
            edits=edits,
            override=NO_OVERRIDE,
        )
