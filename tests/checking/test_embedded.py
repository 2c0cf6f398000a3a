"""Folders as people have them: every file that a reader recognises, templates, configurations inside of other files."""

import os
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from flushcheck.configs.findings import Level
from flushcheck.files import check_all, check_text, read, yaml_events
from flushcheck.files.embedded import texts_in
from flushcheck.files.embedded.container import MAX_LINES, MAX_TEXTS
from flushcheck.files.embedded.yaml_texts import MAX_EVENTS
from flushcheck.files.sources import Unreadable
from flushcheck.files.yaml_events import MAX_WITHOUT_LIBYAML

SITE = "server { listen 80;\n location / {\n  proxy_pass http://127.0.0.1:8000;\n }\n}\n"
HELD = ("nginx-proxy-buffering", 2)


def indented(text, by):
    return "".join(f"{' ' * by}{line}\n" for line in text.splitlines())


TEMPLATE = """{% if tls %}
server {
    listen {{ port }};
    location / {
        proxy_buffering {{ buffering }};
        {{ extra }}
        proxy_pass http://{{ upstream }};
    }
{% for l in locations %}
    location {{ l.path }} {
        proxy_pass http://{{ l.up }};
    }
{% endfor %}
}
{% endif %}
"""
FILES = [
    # name, text, and (culprit, line) of what holds
    ("site.conf.sample",       SITE, {HELD}),
    ("app.vhost",              SITE, {HELD}),
    ("sites-available/www.example.org", SITE, {HELD}),
    ("nginx.conf.erb",         SITE.replace("127.0.0.1", "<%= @up %>"), {HELD}),
    ("site.ejs",               SITE.replace("80;", "<%- port %>;"), {HELD}),
    ("default.conf.template",  SITE.replace("8000", "${PORT}"), {HELD}),
    ("site.conf.j2",           TEMPLATE, {("nginx-proxy-buffering", 10)}),
    ("nginx_values.yaml",      "ingress:\n  annotations:\n    a/configuration-snippet: |\n      proxy_buffering on;\n      gzip on;\n", {("nginx-proxy-buffering", 4)}),
    ("quoted.yaml",            'a:\n  snippet: "proxy_buffering on; gzip on;"\n', {("nginx-proxy-buffering", 2)}),
    ("compose.yaml",           "configs:\n  site:\n    content: |\n" + indented(SITE, 6), {("nginx-proxy-buffering", 5)}),
    ("map.yaml",               "kind: ConfigMap\ndata:\n  nginx.conf: |\n" + indented(SITE, 4) + "  haproxy.cfg: |\n    listen x\n      mode http\n      bind :80\n      server a b:1\n", {("nginx-proxy-buffering", 5), ("haproxy-http-delay", 10)}),
    ("chart.yaml",             "{{- if .x }}\ndata:\n  a.conf: |\n    {{ .y }}\n" + indented(SITE, 4) + "{{- end }}\n", {("nginx-proxy-buffering", 6)}),
    ("tasks.yml",              "- copy:\n    dest: /etc/caddy/Caddyfile\n    content: |\n      :80 {\n        encode gzip\n        reverse_proxy app:1\n      }\n", {("caddy-encode", 5)}),
    ("keys.yaml",              "nginx_conf: |\n  limit_conn a 1;\n  limit_rate 1k;\n", {("nginx-limit-rate", 3)}),
    ("list.yaml",              'app:\n  command: ["gunicorn", "-w", "2", "app:app"]\n', {("gunicorn-sync-worker", 2), ("gunicorn-timeout", 2)}),
    ("split.yaml",             'app:\n  command: ["gunicorn"]\n  args: ["-k", "gevent", "app:app"]\n', set()),
    ("words.yaml",             "app:\n  command: gunicorn -w 2 app:app\n", {("gunicorn-sync-worker", 2), ("gunicorn-timeout", 2)}),
    ("in-a-shell.yaml",        'app:\n  command: ["sh", "-c", "exec gunicorn -w 2 app:app"]\n', {("gunicorn-sync-worker", 2), ("gunicorn-timeout", 2)}),
    ("unclosed.yaml",          "app:\n  command: gunicorn -w 2 'app\n", {("gunicorn-sync-worker", 2), ("gunicorn-timeout", 2)}),
    ("workflow.yml",           "run: |\n  cat > /etc/nginx/conf.d/a.conf <<EOF\n" + indented(SITE, 2) + "  EOF\n", {("nginx-proxy-buffering", 4)}),
    ("install.sh",             "cat > /etc/nginx/conf.d/a.conf <<'E'\n" + SITE + "E\necho\n", {("nginx-proxy-buffering", 3)}),
    ("tee",                    "#!/bin/sh\ntee /etc/nginx/a.conf <<-E\n" + SITE + "\tE\n", {("nginx-proxy-buffering", 4)}),
    ("open.sh",                "cat <<E\n" + SITE, set()),
    ("entry.sh",               "#!/bin/sh\nexec gunicorn \\\n  -w 2 \\\n  app:app\n", {("gunicorn-sync-worker", 2), ("gunicorn-timeout", 2)}),
    ("comment.sh",             "#!/bin/sh\n# exec gunicorn -w 2 app:app\n# cat <<E\n", set()),
    ("Dockerfile",             "FROM nginx\nCOPY <<E /etc/nginx/conf.d/a.conf\n" + SITE + "E\n", {("nginx-proxy-buffering", 4)}),
    ("supervisord.conf",       "[supervisord]\n[program:a]\ncommand=/bin/gunicorn -w 2 a:a\n", {("gunicorn-sync-worker", 3), ("gunicorn-timeout", 3)}),
    ("entry2.sh",              "#!/bin/sh\npip install gunicorn\necho starting gunicorn\nexec uvicorn a:a\n", set()),
    ("entry3.sh",              "#!/bin/sh\nmigrate && waitress-serve a:a\n", {("app-server-limit", 2)}),
    ("limits.yaml",            "app:\n  command: uvicorn a:a --limit-concurrency 3\n", {("app-server-limit", 2)}),
    ("workers.yaml",           "app:\n  command: celery -A uvicorn worker\n", set()),
    ("supervisor.conf",        "[program:a]\ncommand=/bin/waitress-serve\n  --threads=2 a:a ; c\n[program:b]\ncommand=celery w\n", {("app-server-limit", 2)}),
    ("supervisor2.conf",       '[supervisord]\nenvironment=GUNICORN_CMD_ARGS="-k gevent"\n[program:a]\ncommand=gunicorn a:a\n', set()),
    ("supervisor3.conf",       '[program:a]\ncommand=gunicorn a:a\nenvironment=A="b",\n  GUNICORN_CMD_ARGS="-k gevent"\n', set()),
    ("supervisor4.conf",       "[program:a]\ncommand=gunicorn -k %(ENV_K)s a:a\n[eventlistener:b]\ncommand=gunicorn a:a\n", set()),
    ("crd.yaml",               "a:\n  description: |-\n    bind process\n    server x\n    proxy_buffering on;\n", set()),
    ("replace.yml",            "- replace:\n    filename: /etc/nginx/nginx.conf\n    from: /proxy_buffering on;(x)?/\n    to: |\n      proxy_buffering on;\n", {("nginx-proxy-buffering", 5)}),
    ("workflow2.yml",          'with:\n  config: >\n    {\n      "a": {\n        "b": 1\n      }\n    }\n', set()),
    ("prose.sh",               "cat <<E\nlong text for people, line by line,\nwith one example in the middle\nproxy_buffering on;\nand more of the text\nE\n", set()),
    ("script.yml",             "- file:\n    path: /usr/local/bin/a\n    contents: |\n      #!/bin/bash\n      cat > /etc/nginx/conf.d/a.conf <<E\n" + indented(SITE, 6) + "      E\n", {("nginx-proxy-buffering", 7)}),
    ("programs.ini",           "[program:a]\ncommand=gunicorn -k gevent a:a\n", set()),
]  # fmt: skip


def test_prose_with_an_example_is_no_configuration(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("crd.yaml").write_text("a:\n  description: |-\n    bind process\n    Pattern: x\n")
    assert check_all(read(["."])).problems == ()


INGRESS = """apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: a, annotations: {traefik.ingress.kubernetes.io/router.middlewares: default-m@kubernetescrd}}
spec: {ingressClassName: traefik}
"""
MIDDLEWARE = "apiVersion: traefik.io/v1alpha1\nkind: Middleware\nmetadata: {name: m}\nspec: {buffering: {}}\n"


@pytest.mark.parametrize(
    ("text", "held", "unknown"),
    [
        (INGRESS, [], ["Ingress a"]),
        (f"{INGRESS}---\n{MIDDLEWARE}", [("traefik-buffering", "Ingress a")], []),
        (f"{INGRESS}---\n{INGRESS.replace('router', 'service')}", [], ["Ingress a", "Ingress a"]),
    ],
)
def test_an_ingress_of_traefik_is_read_once(text, held, unknown):
    checked = check_text(text, name="ingress.yaml")
    assert [(finding.culprit.id, finding.block) for finding in checked.findings] == held
    assert [each.block for each in checked.unknown] == unknown


def test_lines_of_a_section_of_haproxy_are_not_taken_for_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = "metadata:\n  annotations:\n    haproxy-ingress.github.io/config-backend: |\n      option http-no-delay\n"
    Path("a.yaml").write_text(f"apiVersion: networking.k8s.io/v1\nkind: Ingress\n{text}")
    checked = check_all(read(["."]))
    assert checked.problems == ()
    assert [each.server.value for each in checked.unknown] == ["kubernetes"]


def test_a_file_of_traefik_may_be_static_and_dynamic(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (
        "entryPoints: {web: {address: ':80'}}\nproviders:\n  file:\n    filename: /etc/traefik/traefik.yml\n"
    )
    text += "http: {routers: {a: {service: s, middlewares: [m]}}, middlewares: {m: {buffering: {}}}}\n"
    Path("traefik.yml").write_text(text)
    checked = check_all(read(["traefik.yml"]))
    assert checked.problems == ()
    assert [finding.culprit.id for finding in checked.findings] == ["traefik-buffering"]


@pytest.mark.parametrize("end", ["\x85", "\u2028", "\r"])
def test_a_block_with_line_ends_that_only_yaml_counts_is_read(end):
    text = f"kind: Ingress\napiVersion: networking.k8s.io/v1\ndata: |\n  a{end}  b{end}  c{end}\n"
    assert check_text(text, name="a.yaml").unknown


@pytest.mark.parametrize(("name", "text", "held"), FILES, ids=[row[0] for row in FILES])
def test_a_file_of_a_folder_is_read_whatever_its_name(name, text, held, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("folder", name)
    path.parent.mkdir(parents=True)
    path.write_text(text)
    checked = check_all(read(["folder"]))
    found = {(each.culprit.id, each.line) for each in checked.findings if each.level is not Level.NOTE}
    assert found == held
    pasted = check_text(text, name=os.fspath(path))
    assert {(each.culprit.id, each.line) for each in pasted.findings if each.level is not Level.NOTE} == held


def test_what_a_template_fills_in_is_not_known():
    checked = check_text(TEMPLATE, name="site.conf.j2")
    (unknown,) = checked.unknown
    assert unknown.reason == (
        "⟨extra⟩ could not be read; a template fills in proxy_buffering ⟨buffering⟩ (line 5)"
    )
    assert "include ⟨extra⟩: a template fills it in" in [problem.reason for problem in checked.problems]


def test_an_edit_never_writes_the_mark_of_a_template():
    checked = check_text("ProxyPass / fcgi://{{ a }}/\n", name="apache2.conf.j2")
    assert checked.findings
    assert not any("⟨" in line for each in checked.findings for edit in each.edits for line in edit.lines)


NOT_READ = [
    ("a.py", "proxy_buffering on;", "its name is that of another kind of file"),
    (".gitignore", "*.conf\n!default.conf\n", "its name is that of another kind of file"),
    ("a.vtc", "haproxy h1 -conf {\n  listen a\n  mode http\n}\n", "its name is that of another kind of file"),
    ("notes.txt", "hello\nthere\nproxy_buffering on;\nbye\n", "cannot tell which server this file is for"),
    ("b.yaml", "a: [", "not understood as YAML (line 2)"),
    ("c.yaml", "a: b\n", "cannot tell which server this file is for"),
    ("c.bin2", "\0", "not a text file"),
]


@pytest.mark.parametrize(("name", "text", "reason"), NOT_READ)
def test_a_file_that_is_not_read_is_counted_with_its_reason(name, text, reason, tmp_path):
    Path(tmp_path, name).write_text(text)
    checked = check_all(read([str(tmp_path)]))
    (skipped,) = checked.skipped
    assert (Path(skipped.file).name, skipped.reason) == (name, reason)
    assert checked.exit_code() == 3


@pytest.mark.parametrize(("count", "seen"), [(MAX_TEXTS, MAX_TEXTS), (MAX_TEXTS + 1, MAX_TEXTS)])
def test_of_many_texts_in_a_file_the_first_ones_are_read(count, seen):
    text = "".join(f"a{number}: 'x;'\n" for number in range(count))
    assert len(list(texts_in("a.yaml", text))) == seen


@pytest.mark.parametrize(("lines", "seen"), [(MAX_LINES - 1, 1), (MAX_LINES, 0)])
def test_a_file_of_very_many_lines_is_not_searched(lines, seen):
    assert len(list(texts_in("a.yaml", "a: 'x;'" + "\n" * lines))) == seen


# Each item is one event; the document and its list begin and end with one each.
@pytest.mark.parametrize(("items", "refused"), [(MAX_EVENTS - 6, False), (MAX_EVENTS - 5, True)])
def test_a_file_of_very_many_entries_is_not_searched(items, refused):
    text = "[" + "a," * items + "]"
    if not refused:
        assert list(texts_in("a.yaml", text)) == []
    else:
        with pytest.raises(Unreadable, match="more than 50000 entries: not read"):
            list(texts_in("a.yaml", text))


@pytest.mark.parametrize(("size", "seen"), [(MAX_WITHOUT_LIBYAML, 1), (MAX_WITHOUT_LIBYAML + 1, 0)])
def test_without_libyaml_a_long_file_is_not_searched(size, seen, monkeypatch):
    monkeypatch.setattr(yaml_events, "_LOADER", yaml.SafeLoader)
    text = "a: 'x;'\n" + "#" * (size - 8)
    if seen:
        assert len(list(texts_in("a.yaml", text))) == seen
    else:
        with pytest.raises(Unreadable, match="larger than 100 kB, and PyYAML was installed without libyaml"):
            list(texts_in("a.yaml", text))


WORDS = [
    # what the list stands for, its words, whether the command is seen
    ("command", "[uvicorn, 'a:b']", True),
    ("args", "[uvicorn, 'a:b']", True),
    ("Entrypoint", "[uvicorn, 'a:b']", True),
    ("test", "[uvicorn, 'a:b']", False),
    ("command", "uvicorn a:b", True),
    ("command", f"'uvicorn' a:b {'x' * 19_986}", True),
    ("command", f"'uvicorn' a:b {'x' * 19_987}", False),  # too long for its quotes to be looked at
]


@pytest.mark.parametrize(("key", "words", "seen"), WORDS, ids=range(len(WORDS)))
def test_the_words_of_a_command_are_kept(key, words, seen):
    words = words if words.startswith("[") else f'"{words}"'
    assert bool(list(texts_in("a.yaml", f"services: {{a: {{{key}: {words}}}}}"))) == seen


BOMB = "a: &a ['x;', 'x;']\n" + "".join(
    f"{b}: &{b} [{', '.join(f'*{a}' for _ in range(9))}]\n"
    for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


def test_aliases_are_not_expanded():
    assert len(list(texts_in("a.yaml", BOMB))) == 2


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "a: {" * 50_000,
        "- " * 100_000,
        "? " * 50_000,
        "&a " * 9,
        "*a",
        "%YAML 9",
        "\ud800: |\n x",
    ],
)
def test_any_yaml_is_read_or_refused(text):
    with suppress(Unreadable):
        assert list(texts_in("a.yaml", text)) == []


KONG = [
    # kong.conf, and (culprit, line, level) of its findings and whether it is unknown
    ("nginx_proxy_proxy_buffering = on\n",                                     {("nginx-proxy-buffering", 1, Level.WARNING)}, False),
    ("proxy_listen = 0.0.0.0:8000\nnginx_proxy_proxy_buffering = on\n",        set(), True),
    ("proxy_listen = 0.0.0.0:8000\nnginx_proxy_proxy_buffering = off # x\n",    set(), True),
    ("proxy_listen = off\nnginx_http_proxy_buffering = off\n",                 set(), True),
    ("proxy_listen = :8000\nnginx_proxy_gzip = on\nnginx_proxy_gzip_types = text/plain text/event-stream\n", {("nginx-gzip", 2, Level.WARNING)}, False),
    ("proxy_listen = :8000\nnginx_proxy_gzip = on\nnginx_proxy_gzip = off\nnginx_http_x = {\n", set(), True),
    ("#proxy_listen = :8000\n",                                               {("nginx-proxy-buffering", 1, Level.WARNING)}, False),
]  # fmt: skip


@pytest.mark.parametrize(("text", "found", "unknown"), KONG)
def test_the_lines_of_kong_are_judged_inside_its_template(text, found, unknown):
    checked = check_text(text, name="kong.conf")
    serious = {
        (each.culprit.id, each.line, each.level) for each in checked.findings if each.level is not Level.NOTE
    }
    assert (serious, bool(checked.unknown)) == (found, unknown)
