"""App Engine's standard environment, which does not stream."""

from __future__ import annotations

from collections.abc import Iterator

from flushcheck.configs import hosting
from flushcheck.configs.findings import Finding, Level, Server
from flushcheck.configs.tree import Block
from flushcheck.culprits.lint_common import NO_OVERRIDE
from flushcheck.model import Culprit, Fix, Flow, Owner, Source, Symptom

CULPRIT = Culprit(
    id="app-engine-standard",
    title="App Engine's standard environment collects every response",
    why=(
        "The standard environment does not send data to a client while a request is processed: it collects "
        "what the app writes, and sends one response. This is from documentation."
    ),
    symptoms="The whole response arrives when the app has ended it, whatever headers the app sends.",
    detection="app.yaml has a runtime and no `env: flex`. A run shows http-hop.",
    fixes=(
        Fix(
            where="the platform",
            change="# deploy the app on Cloud Run, or on App Engine with env: flex",
            by=Owner.APP,
            cost="another environment, with its own bills and limits",
        ),
    ),
    references=("https://cloud.google.com/appengine/docs/standard/how-requests-are-handled",),
    looks_like=("http-hop",),
    shown_by=frozenset({Source.FILE}),
    shows=(Symptom(Flow.HELD),),
)

SERVERS = (Server.HOSTING,)


def lint(block: Block) -> Iterator[Finding]:
    """No line frees it; a line names another environment."""
    if block.via == hosting.APP_ENGINE and hosting.environment(block) == "standard":
        yield block.finding(
            CULPRIT,
            Level.ERROR,
            f"{block.name}: App Engine's standard environment sends a response when it is complete",
            at=block.pass_directive,
            override=NO_OVERRIDE,
        )
