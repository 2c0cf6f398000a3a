"""Files of hosting platforms: what holds by their documents, what passes, what is not known."""

import pytest

from flushcheck.configs.findings import Level, Server
from flushcheck.files import check_text
from flushcheck.reports.findings import findings_text

API_GATEWAY = (
    "?{}: API Gateway and load balancers collect a function's response, unless the integration streams"
)
FILES = [
    # name of the file, text, and what is said: (line, culprit), (line, reason) or (line, "?" and a doubt)
    ("next.config.js",  "module.exports = { compress: true }",                [(1, "next-compress")]),
    ("next.config.js",  "module.exports = {\n reactStrictMode: true }",       [(1, "next-compress")]),
    ("next.config.mjs", "export default {\n compress: false,\n}",             [(1, "compress false (line 2)")]),
    ("next.config.ts",  "const c: NextConfig = {\n 'compress': false }\nexport default c", [(1, "compress false (line 2)")]),
    ("next.config.js",  "const c = {}\nc.compress = false\nmodule.exports = c", [(1, "next-compress")]),
    ("next.config.js",  "// compress: false\n/* compress:\nfalse */\nmodule.exports = {}", [(1, "next-compress")]),
    ("next.config.js",  "module.exports = { a: 'x // y', compress: false }",  [(1, "compress false (line 1)")]),
    ("next.config.js",  "module.exports = { compress: !dev }",                [(1, "?compress is computed when the file runs")]),
    ("next.config.js",  "module.exports = { compress: process.env.C }",       [(1, "?compress is computed when the file runs")]),
    ("next.config.js",  "module.exports = { compress }",                      [(1, "?compress is computed when the file runs")]),
    ("next.config.js",  "a = { compress: true }\nb = { compress: false }",    [(1, "?compress is computed when the file runs")]),
    ("next.config.js",  "module.exports = { ...base }",                       [(1, "?parts of the settings come from elsewhere, compress perhaps with them")]),
    ("next.config.js",  "module.exports = require('./base')",                 [(1, "?parts of the settings come from elsewhere, compress perhaps with them")]),
    ("next.config.js",  "module.exports = { ...base, compress: false }",      [(1, "compress false (line 1)")]),
    ("next.config.js",  "module.exports = { output: 'export' }",              []),
    ("next.config.js",  "module.exports = { output: 'standalone' }",          [(1, "next-compress")]),
    ("serverless.yml",  "functions:\n  a:\n    url: true\n",                  [(3, "lambda-invoke-mode")]),
    ("serverless.yml",  "functions:\n  a:\n    url: false\n",                 []),
    ("serverless.yml",  "functions:\n  a:\n    url: no\n",                    []),
    ("serverless.yml",  "functions:\n  a:\n    url:\n      invokeMode: BUFFERED\n", [(4, "lambda-invoke-mode")]),
    ("serverless.yml",  "functions:\n  a:\n    url: { invokeMode: RESPONSE_STREAM }\n", [(2, "invokeMode RESPONSE_STREAM (line 3)")]),
    ("serverless.yml",  "functions:\n  a:\n    url: { invokeMode: '${self:custom.m}' }\n", [(2, "?invokeMode ${self:custom.m} (line 3) is known only when it is deployed")]),
    ("serverless.yml",  "functions:\n  a:\n    events:\n      - httpApi: '*'\n      - schedule: x\n", [(2, API_GATEWAY.format("httpApi"))]),
    ("serverless.yml",  "functions:\n  a:\n    events:\n      - http:\n          path: x\n", [(2, API_GATEWAY.format("http"))]),
    ("serverless.yml",  "functions:\n  a:\n    events:\n      - alb:\n          path: x\n", [(2, API_GATEWAY.format("alb"))]),
    ("serverless.yml",  "functions:\n  a:\n    handler: x\n",                 []),
    ("app.yaml",        "runtime: python312\n",                               [(1, "app-engine-standard")]),
    ("app.yaml",        "env: standard\nruntime: python312\n",                [(2, "app-engine-standard")]),
    ("app.yaml",        "runtime: python\nenv: flex\n",                       [(1, "?App Engine's flexible environment: its documents do not say whether it buffers")]),
    ("app.yaml",        "runtime: python27\nvm: true\n",                      [(1, "?App Engine's flexible environment: its documents do not say whether it buffers")]),
    ("app.yaml",        "kind: Deployment\n",                                 []),
    ("vercel.json",     '{"functions": {"a": {"maxDuration": 10}}}',          [(1, "stream-deadline")]),
    ("vercel.json",     '{"functions": {"a": {"maxDuration": 3599}, "b": {"memory": 1}}}', [(1, "stream-deadline")]),
    ("vercel.json",     '{"functions": {"a": {"maxDuration": 3600}}}',        [(1, "?Vercel ends a function after its maxDuration; whether it streams depends on the framework")]),
    ("vercel.json",     '{"functions": {"a": {"maxDuration": "max"}}}',       [(1, "?Vercel ends a function after its maxDuration; whether it streams depends on the framework")]),
    ("vercel.json",     '{"functions": {"a": {"memory": 1}}}',                [(1, "?Vercel ends a function after its maxDuration; whether it streams depends on the framework")]),
    ("kong.yml",        '_format_version: "3.0"\nroutes: []\n',               [(1, "?a route of Kong has response_buffering on by default, and plugins may collect responses; whether pieces wait depends on both and on the client's protocol")]),
    ("kong.yml",        'routes: []\n',                                       []),
    ("apisix.yaml",     'routes: []\n',                                       [(1, "?APISIX is an nginx with proxy_buffering on, unless its plugin proxy-buffering has disable_proxy_buffering: true; whether pieces wait depends on the client's protocol and on other plugins")]),
    ("apisix.yaml",     'deployment: {}\n',                                   []),
    ("fly.toml",        'app = "a"\n[http_service]\ninternal_port = 8080\n',  [(1, "?Fly's proxy closes a connection that is silent; the documents do not say that it buffers")]),
    ("fly.toml",        "[other]\na = 1\n",                                   []),
    ("netlify.toml",    '[build]\ncommand = "a"\n',                           [(1, "?whether a function of Netlify streams depends on its code")]),
    ("render.yaml",     "services:\n  - type: web\n",                         [(1, "?Render's documents do not say whether its proxy buffers")]),
    ("render.yaml",     "databases:\n  - name: a\n",                          []),
    ("railway.json",    '{"deploy": {}}',                                     [(1, "?Railway's documents do not say whether its proxy buffers")]),
    ("railway.toml",    "[deploy]\na = 1\n",                                  [(1, "?Railway's documents do not say whether its proxy buffers")]),
    ("cloudflared.yml", "tunnel: a\ningress:\n  - service: http://x\n",       [(1, "?cloudflared's disableChunkedEncoding is for requests; whether it passes each piece depends on the content type")]),
    ("cloudflared.yml", "tunnel: a\n",                                        []),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), FILES)
def test_a_platform_holds_passes_or_is_unknown_with_its_source(name, text, expected):
    checked = check_text(text, name=name, server=Server.HOSTING)
    seen = [(each.line, each.culprit.id) for each in checked.findings if each.level is not Level.NOTE]
    seen += [(block.line, block.reason) for block in checked.passed]
    seen += [(block.line, f"?{block.reason}".partition(" (https://")[0]) for block in checked.unknown]
    assert seen == expected
    assert checked.problems == ()
    documents = [
        block for block in checked.unknown if not name.startswith("next") and "deployed" not in block.reason
    ]
    assert all("(https://" in block.reason for block in documents)
    assert findings_text(checked, width=100, color=False)
