"""Files of hosting platforms: Next.js, Serverless, App Engine, and those whose documents settle nothing.

The file's name says the platform. What a platform's documents state is a Finding or a reason to pass; what
they do not state is unknown, with the page that was read. Nothing here was measured: no platform runs here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from flushcheck.configs.findings import Server
from flushcheck.configs.tree import Block, Config, Directive, Format, Parsed, Scope, Value
from flushcheck.configs.yaml_nodes import at, child, children, documents, scalar, text_at

NEXT, LAMBDA_URL, LAMBDA_HTTP, APP_ENGINE = "next", "lambda-url", "lambda-http", "app-engine"
VERCEL_FUNCTION = "vercel-function"

MAX_JAVASCRIPT = 100_000  # characters

_STRINGS_AND_COMMENTS = re.compile(
    r"""("(?:[^"\\\n]|\\.)*+"|'(?:[^'\\\n]|\\.)*+'|`(?:[^`\\]|\\.)*+(?:`|\Z))|//[^\n]*+|/\*(?:[^*]|\*(?!/))*+(?:\*/|\Z)""",
    re.DOTALL,
)
_COMPRESS = re.compile(r"""(?<![\w.$])["']?compress["']?\s{0,20}(?::|,|\}|=(?!=))\s{0,20}([\w!.]*)""")


def parse_next(text: str, file: str) -> Parsed:
    """What a next.config.js says of compress, and whether parts of it come from elsewhere."""
    code = _STRINGS_AND_COMMENTS.sub(
        lambda match: match[1] or "\n" * match[0].count("\n"), text[:MAX_JAVASCRIPT]
    )
    lines = [
        Directive("compress", (match[1] or "computed",), file, line := _line(code, match.start()), line)
        for match in _COMPRESS.finditer(code)
    ]
    if re.search(r"\boutput\s{0,20}:\s{0,20}[\"']export[\"']", code):
        lines.append(Directive("export", (), file, 1, 1))
    if "..." in code or "{" not in code or len(text) > MAX_JAVASCRIPT:
        lines.append(Directive("elsewhere", (), file, 1, 1))
    return Parsed((Directive(NEXT, (), file, 1, 1, tuple(lines)),))


def _line(text: str, at_char: int) -> int:
    return text.count("\n", 0, at_char) + 1


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform whose file settles nothing: why it is not known whether a stream passes."""

    names: re.Pattern[str]
    doubt: str
    sign: Callable[[Directive], bool] = lambda _document: True


def _has(*keys: str) -> Callable[[Directive], bool]:
    return lambda document: all(child(document, key) is not None for key in keys)


_VERCEL = re.compile(r"(^|[./])vercel\.json$")
PLATFORMS = (
    Platform(
        _VERCEL,
        "Vercel ends a function after its maxDuration; whether it streams depends on the framework "
        "(https://vercel.com/docs/functions/configuring-functions/duration)",
    ),
    Platform(
        re.compile(r"(^|/)fly\.[\w.-]*toml$"),
        "Fly's proxy closes a connection that is silent; the documents do not say that it buffers "
        "(https://fly.io/docs/reference/configuration/)",
        _has("app"),
    ),
    Platform(
        re.compile(r"(^|/)netlify\.toml$"),
        "whether a function of Netlify streams depends on its code "
        "(https://docs.netlify.com/build/functions/overview/)",
    ),
    Platform(
        re.compile(r"(^|/)render\.ya?ml$"),
        "Render's documents do not say whether its proxy buffers (https://render.com/docs/blueprint-spec)",
        _has("services"),
    ),
    Platform(
        re.compile(r"(^|/)railway\.(json|toml)$"),
        "Railway's documents do not say whether its proxy buffers "
        "(https://docs.railway.com/reference/config-as-code)",
    ),
    Platform(
        re.compile(r"(^|/)(\.?cloudflared/config|cloudflared)\.ya?ml$"),
        "cloudflared's disableChunkedEncoding is for requests; whether it passes each piece depends on the "
        "content type (https://developers.cloudflare.com/cloudflare-one/connections/connect-networks/"
        "configure-tunnels/cloudflared-parameters/origin-parameters/)",
        _has("ingress"),
    ),
    Platform(
        re.compile(r"(^|/)kong[\w.-]*\.(ya?ml|json)$"),
        "a route of Kong has response_buffering on by default, and plugins may collect responses; whether "
        "pieces wait depends on both and on the client's protocol "
        "(https://developer.konghq.com/gateway/entities/route/)",
        _has("_format_version"),
    ),
    Platform(
        re.compile(r"(^|/)apisix[\w.-]*\.ya?ml$"),
        "APISIX is an nginx with proxy_buffering on, unless its plugin proxy-buffering has "
        "disable_proxy_buffering: true; whether pieces wait depends on the client's protocol and on other "
        "plugins (https://apisix.apache.org/docs/apisix/plugins/proxy-buffering/)",
        _has("routes"),
    ),
)


def blocks(config: Config) -> Iterator[Block]:
    """The parts of a platform's file that send responses."""
    path = config.file.replace("\\", "/").lower()
    for document in config.directives:
        if document.name == NEXT:
            if not any(line.name == "export" for line in document.block or ()):
                yield _block(config, document, NEXT, "next start")
    for document in documents(config.directives):
        if re.search(r"(^|[./])serverless\.ya?ml$", path):
            yield from _functions(config, document)
        elif re.search(r"(^|[./])app\.ya?ml$", path):
            if (runtime := child(document, "runtime")) is not None:
                yield _block(config, document, APP_ENGINE, f"runtime {scalar(runtime)}", runtime)
        elif _VERCEL.search(path) and (timed := _timed_functions(document)):
            for function in timed:
                yield _block(config, function, VERCEL_FUNCTION, f"function {function.name}")
        elif any(platform.names.search(path) and platform.sign(document) for platform in PLATFORMS):
            yield _block(config, document, "platform", path.rpartition("/")[2])


def _timed_functions(document: Directive) -> list[Directive]:
    """The functions of Vercel with a line that says how long they may run."""
    functions = children(child(document, "functions"))
    return [function for function in functions if child(function, "maxDuration") is not None]


def _functions(config: Config, document: Directive) -> Iterator[Block]:
    for function in children(child(document, "functions")):
        url = child(function, "url")
        if url is not None and text_at(function, "url") not in ("false", "no"):
            yield _block(config, function, LAMBDA_URL, f"function {function.name}", url)
        for event in children(child(function, "events")):
            kind = next((line for line in children(event) if line.name in ("http", "httpApi", "alb")), None)
            if kind is not None:
                yield _block(config, function, LAMBDA_HTTP, f"function {function.name}, {kind.name}", kind)


def _block(config: Config, scope: Directive, via: str, name: str, line: Directive | None = None) -> Block:
    inside = Scope(scope, scope.block or ())
    return Block(
        server=Server.HOSTING,
        scope=inside,
        pass_directive=line or scope,
        via=via,
        name=name,
        version=config.version,
        insert_scope=inside,
    )


def compress(block: Block) -> Value:
    """Next's compress: true by default."""
    return replace(block.value("compress", "true"), default="Next.js' default")


def invoke_mode(block: Block) -> Value:
    """How a function's own address is called: BUFFERED by default."""
    line = at(block.scope.directive, "url", "invokeMode")
    if line is None:
        return Value("invokeMode", ("BUFFERED",), None, "AWS Lambda's default")
    return Value("invokeMode", (scalar(line),), line)


def max_duration(block: Block) -> Directive | None:
    """The line that ends a function of Vercel at an age, in seconds; None for a block of another kind."""
    return child(block.scope.directive, "maxDuration") if block.via == VERCEL_FUNCTION else None


def environment(block: Block) -> str:
    """App Engine's environment: "standard" by default."""
    document = block.scope.directive
    return text_at(document, "env") or ("flexible" if text_at(document, "vm") == "true" else "standard")


def pass_reason(block: Block) -> str:
    """Why a block without Findings lets a stream through."""
    value = compress(block) if block.via == NEXT else invoke_mode(block)
    return block.say(value)


def doubts(block: Block) -> Iterator[str]:
    """Why it is not known whether a stream passes: code that does not run here, silent documents."""
    if block.via == NEXT:
        value = compress(block)
        if value.first not in ("true", "false") or len(block.scope.own("compress")) > 1:
            yield "compress is computed when the file runs"
        elif value.at is None and block.scope.own("elsewhere"):
            yield "parts of the settings come from elsewhere, compress perhaps with them"
    elif block.via == LAMBDA_HTTP:
        yield (
            f"{block.pass_directive.name}: API Gateway and load balancers collect a function's response, "
            "unless the integration streams (https://docs.aws.amazon.com/apigateway/latest/developerguide/"
            "response-transfer-mode-lambda.html)"
        )
    elif block.via == LAMBDA_URL and invoke_mode(block).first not in ("BUFFERED", "RESPONSE_STREAM"):
        yield f"{block.say(invoke_mode(block))} is known only when it is deployed"
    elif block.via == APP_ENGINE and environment(block) != "standard":
        yield (
            "App Engine's flexible environment: its documents do not say whether it buffers "
            "(https://cloud.google.com/appengine/docs/flexible/how-requests-are-handled)"
        )
    elif block.via in ("platform", VERCEL_FUNCTION):
        path = block.at.file.replace("\\", "/").lower()
        yield from (platform.doubt for platform in PLATFORMS if platform.names.search(path))


FORMAT = Format(
    server=Server.HOSTING,
    blocks=blocks,
    pass_reason=pass_reason,
    doubts=doubts,
    is_whole=lambda _config: False,
    file_names=(
        r"(^|[./])next\.config\.(js|mjs|cjs|ts|mts)$",
        r"(^|[./])(serverless|render)\.ya?ml$",
        r"(^|[./])(vercel|railway)\.json$|(^|/)(netlify|railway|fly[\w.-]*)\.toml$",
        r"(^|/)(kong|apisix)[\w.-]*\.ya?ml$",
        r"(^|/)(\.?cloudflared/config|cloudflared)\.ya?ml$",
        r"(^|[./])app\.ya?ml$",
    ),
    line_starts=(
        r"(module\.exports|export default|const nextConfig)\s",
        r"(async\s+)?rewrites\(",
        r"compress:\s*(true|false)",
        r"(functions|provider):\s*$",
        r"(handler|invokeMode|frameworkVersion):\s",
        r'"(functions|maxDuration)":',
        r"(runtime|instance_class|automatic_scaling|entrypoint):",
    ),
)
