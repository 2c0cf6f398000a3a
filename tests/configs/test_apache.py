"""Apache: text to tree, conditions, macros, workers, and the lines that pass."""

import pytest

from flushcheck.configs import apache
from flushcheck.configs.apache.conditions import definitions, effective
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import MAX_DEPTH, IncludeResolver, ReadProblem, Value
from tests.configs.shape import blocks, line, shape

READ = [
    # name, text, and the shape of what is read
    ("continued", "A b \\\n  c\nD e",                             [("a", "b", "c", 1), ("d", "e", 3)]),
    ("section", '<Location "/a b">\nX\n</LOCATION>',            [("location", "/a b", 1, [("x", 2)])]),
    ("comment goes on", "# a \\\nB c\nD",                               [("d", 3)]),
    ("quotes", "A \"b \\\" c\" 'd e' f\"g",                    [("a", 'b " c', "d e", 'f"g', 1)]),
    ("CRLF, tabs", "A\tb\r\n<If \"x > y\">\r\n</If>\r\n",          [("a", "b", 1), ("if", "x > y", 2, [])]),
    ("a digit in a name", "<A1 b>\n</A1>", [("a1", "b", 1, [])]),
    ("a name that ends in X", "<AX b>\n</AX>",                         [("ax", "b", 1, [])]),
    ("a tab in a section", "<If\tx>\n</If\t>",                        [("if", "x", 1, [])]),
    ("continued, CRLF", "A bc\\\r\nd\r\n",                            [("a", "bcd", 1)]),
    ("a space behind the backslash", "A b\\ \nC",                     [("a", "b\\", 1), ("c", 2)]),
    ("a backslash at the end", "A b \\",                              [("a", "b", "\\", 1)]),
    ("empty quotes", "A \"\" '' b",                                   [("a", "", "", "b", 1)]),
    ("no argument", "<Else>\nA\n</Else>",                           [("else", 1, [("a", 2)])]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), READ, ids=[row[0] for row in READ])
def test_a_text_is_read(name, text, expected):
    parsed = apache.parse(text, "f")
    assert shape(parsed.directives) == expected
    assert parsed.problems == ()


DOUBTS = [
    # lines beside a ProxyPass, and why it is not known whether it passes pieces on
    ("",                                            []),
    ("SetOutputFilter BUFFER;DEFLATE;NONE",         []),
    ("SetOutputFilter SUBSTITUTE",                  []),  # a finding says it
    ("SetOutputFilter DEFLATE;CaseFilter",          ["SetOutputFilter DEFLATE;CaseFilter (line 1): what the filter CaseFilter does is not known"]),
    ("AddOutputFilterByType LUA text/html",         []),
    ("AddOutputFilterByType LUA text/plain",        ["AddOutputFilterByType LUA text/plain (line 1): what the filter LUA does is not known"]),
    ("FilterProvider a b c",                        ["FilterProvider a b c (line 1): what the filter b does is not known"]),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "expected"), DOUBTS)
def test_a_filter_that_was_not_measured_leaves_it_open(lines, expected):
    (block,) = blocks(Server.APACHE, f"{lines}\nProxyPass / http://x/\n")
    assert list(apache.FORMAT.doubts(block)) == expected


PROBLEMS = [
    # name, text, and the line and the reason of every problem
    ("not closed", "A\n<Location />\nA",            [(2, "<Location> is not closed")]),
    ("closes nothing", "A\n</Location>",            [(2, "</location> closes nothing that is open")]),
    ("a long name", f"</{'a' * 40}>\n</{'a' * 41}>", [(1, f"</{'a' * 40}> closes nothing that is open"), (2, f"</{'a' * 37}...> closes nothing that is open")]),
    ("crossed", "<A>\n<B>\n</A>\n</B>",             [(3, "</a> closes nothing that is open"), (1, "<A> is not closed")]),
    ("deep", "<A>\n" * 70 + "</A>\n" * 70,         [(61, "blocks more than 60 deep are not read")]),
    ("no name", f"A\n<{'1' * 58}>\n<{'1' * 59}>",   [(2, f"not understood: <{'1' * 58}>"), (3, f"not understood: <{'1' * 56}...")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "reason"), PROBLEMS, ids=[row[0] for row in PROBLEMS])
def test_unreadable_text_is_a_problem(name, text, reason):
    assert apache.parse(text, "f").problems == tuple(ReadProblem("f", *problem) for problem in reason)


PASSING = [
    # name, text, and the name and kind of every block that passes to an app
    ("a proxy line",          "ProxyPass /a http://x/",                                     [("ProxyPass /a", "http")]),
    ("no address",            "ProxyPass\nProxyPass /a\n<Location /a>\nProxyPass\n</Location>\nSetHandler\nScriptAlias /a", []),
    ("an exception",          "ProxyPass /a ! http://x/",                                   []),
    ("an equals sign",        "ProxyPass /a=b http://x/?c=d",                               [("ProxyPass /a=b", "http")]),
    ("by a pattern",          "ProxyPassMatch ^/a http://x/",                               [("ProxyPassMatch ^/a", "http")]),
    ("in a location by pattern", "<LocationMatch /a>\nProxyPass http://x/\n</LocationMatch>", [("ProxyPass http://x/ in LocationMatch /a", "http")]),
    ("a path in a location",  "<Location /a>\nProxyPass /b http://x/\n</Location>",         [("ProxyPass /b in Location /a", "http")]),
    ("TLS",                   "ProxyPass /a HTTPS://x/",                                    [("ProxyPass /a", "http")]),
    ("HTTP/2",                "ProxyPass /a h2://x/\nProxyPass /b h2c://x/",                [("ProxyPass /a", "http"), ("ProxyPass /b", "http")]),
    ("an unknown balancer",   "ProxyPass /a balancer://x/",                                 [("ProxyPass /a", "http")]),
    ("an address in an address", "ProxyPass /a http://x/?u=fcgi://y",                       [("ProxyPass /a", "http")]),
    ("a long name",           f"ProxyPass /{'a' * 39} http://x/\nProxyPass /{'a' * 40} http://x/", [(f"ProxyPass /{'a' * 39}", "http"), (f"ProxyPass /{'a' * 36}...", "http")]),
    ("in an else",            "<Else>\nProxyPass /a http://x/\n</Else>",                    [("ProxyPass /a in Else", "http")]),
    ("in files",              "<Files x>\nSetHandler fcgid-script\n</Files>",               [("SetHandler fcgid-script in Files x", "fcgid")]),
    ("an excluded path",      "ProxyPass /a !",                                             []),
    ("no path, and no location", "ProxyPass http://x/",                                     []),
    ("a FastCGI socket",      "ProxyPass /a unix:/s|fcgi://x/",                             [("ProxyPass /a", "fastcgi")]),
    ("in a location",         "<Location /a>\nProxyPass http://x/\n</Location>",            [("ProxyPass http://x/ in Location /a", "http")]),
    ("a WebSocket",           "ProxyPass /a wss://x/",                                      [("ProxyPass /a", "ws")]),
    ("a rewrite, proxied",    "RewriteRule ^/a http://x/ [L,P]",                            [("RewriteRule ^/a", "http")]),
    ("a rewrite, in words",   "RewriteRule ^/a http://x/ [proxy]",                          [("RewriteRule ^/a", "http")]),
    ("a rewrite, no flags",   "RewriteRule ^/a http://x/",                                  []),
    ("a rewrite, another flag", "RewriteRule ^/a http://x/ [XP]",                           []),
    ("a rewrite, redirected", "RewriteRule ^/a http://x/ [L,R]",                            []),
    ("a proxy handler",       'SetHandler "proxy:unix:/s|fcgi://x"',                        [("SetHandler proxy:unix:/s|fcgi://x", "fastcgi")]),
    ("mod_fcgid by handler",  "SetHandler fcgid-script",                                    [("SetHandler fcgid-script", "fcgid")]),
    ("mod_fcgid by ending",   "AddHandler fcgid-script .fcgi",                              [("AddHandler fcgid-script", "fcgid")]),
    ("another handler",       "AddHandler cgi-script .cgi",                                 []),
    ("a wrapper",             "FcgidWrapper /x",                                            [("FcgidWrapper /x", "fcgid")]),
    ("a script by ending",    "ScriptAlias /a /x.fcgi",                                     [("ScriptAlias /a", "fcgid")]),
    ("a script by pattern",   "ScriptAliasMatch ^/a /x.fcgi",                               [("ScriptAliasMatch ^/a", "fcgid")]),
    ("a script without an ending", "ScriptAlias /a /x",                                     [("ScriptAlias /a", "cgi")]),
    ("a script with two endings", "ScriptAlias /a /x.cgi/y.fcgi",                           [("ScriptAlias /a", "cgi")]),
    ("mod_wsgi by pattern",   "WSGIScriptAliasMatch / /app.wsgi",                           [("WSGIScriptAliasMatch /", "mod_wsgi")]),
    *(("a PHP setting", f"{word} output_buffering 0", [(f"{word} output_buffering", "php")]) for word in ("php_flag", "php_admin_value", "php_admin_flag")),
    ("a CGI script",          "ScriptAlias /a /x.cgi",                                      [("ScriptAlias /a", "cgi")]),
    ("mod_wsgi",              "WSGIScriptAlias / /app.wsgi",                                [("WSGIScriptAlias /", "mod_wsgi")]),
    ("a PHP setting",         "php_value output_buffering 4096",                            [("php_value output_buffering", "php")]),
    ("another PHP setting",   "php_value memory_limit 1G",                                  []),
    ("Passenger",             "<Directory /x>\nPassengerAppRoot /x\n</Directory>",          [("Directory /x", "passenger")]),
    ("Passenger, buffered",   "<Directory /x>\nPassengerBufferResponse on\n</Directory>",   [("Directory /x", "passenger")]),
    ("Passenger, off",        "PassengerAppRoot /x\nPassengerEnabled off",                  []),
    ("a balancer",            "<Proxy balancer://b>\nBalancerMember fcgi://x\nBalancerMember http://y\n</Proxy>\nProxyPass /a balancer://b/", [("ProxyPass /a", "fastcgi"), ("ProxyPass /a", "http")]),
    ("a balancer around",     "<Proxy balancer://B/>\nProxySet a=b\nBalancerMember\nBalancerMember fcgi://x\n</Proxy>\n<VirtualHost x>\nProxyPass /a balancer://b/c\n</VirtualHost>", [("ProxyPass /a in VirtualHost x", "fastcgi")]),
    ("a missing module",      "LoadModule a_module a.so\n<IfModule mod_proxy.c>\nProxyPass /a http://x/\n</IfModule>", []),
    ("a loaded module",       "LoadModule proxy_module a.so\n<IfModule mod_proxy.c>\nProxyPass /a http://x/\n</IfModule>", [("ProxyPass /a", "http")]),
    ("no module listed",      "<IfModule mod_proxy.c>\nProxyPass /a http://x/\n</IfModule>", [("ProxyPass /a", "http")]),
    ("a module by its name",  "LoadModule proxy_module a.so\n<IfModule proxy_module>\nProxyPass /a http://x/\n</IfModule>", [("ProxyPass /a", "http")]),
    *(("a built-in module", f"LoadModule a_module a.so\n<IfModule {module}>\nProxyPass /a http://x/\n</IfModule>", [("ProxyPass /a", "http")])
      for module in ("so", "http", "mpm", "log_config", "unixd", "watchdog", "version")),
    *(("a condition", f"<{word} x>\nProxyPass /a http://x/\n</{word}>", [("ProxyPass /a", "http")]) for word in ("IfVersion", "IfFile", "IfDirective", "IfSection")),
    *(("a condition negated", f"<{word} !x>\nProxyPass /a http://x/\n</{word}>", []) for word in ("IfVersion", "IfFile", "IfDirective", "IfSection")),
    ("a condition of nothing", "<IfDefine>\nProxyPass /a http://x/\n</IfDefine>",            []),
    ("a condition without a section", "IfDefine A\nProxyPass /a http://x/",                 [("ProxyPass /a", "http")]),
    ("a module negated",      "LoadModule proxy_module a.so\n<IfModule !mod_proxy.c>\nProxyPass /a http://x/\n</IfModule>", []),
    ("a built-in module",     "LoadModule a_module a.so\n<IfModule core>\nProxyPass /a http://x/\n</IfModule>", [("ProxyPass /a", "http")]),
    ("a name defined",        "Define A\n<IfDefine A>\nProxyPass /a http://x/\n</IfDefine>", [("ProxyPass /a", "http")]),
    ("a name not defined",    "<IfDefine A>\nProxyPass /a http://x/\n</IfDefine>",          []),
    ("a name negated",        "<IfDefine !A>\nProxyPass /a http://x/\n</IfDefine>",         [("ProxyPass /a", "http")]),
    ("the name X negated",    "Define X\n<IfDefine !X>\nProxyPass /a http://x/\n</IfDefine>", []),
    ("defined under a condition", "<IfModule x>\nDefine A\n</IfModule>\n<IfDefine A>\nProxyPass /a http://x/\n</IfDefine>", [("ProxyPass /a", "http")]),
    ("defined in a section",  "<Location />\nDefine A\n</Location>\n<IfDefine A>\nProxyPass /a http://x/\n</IfDefine>", []),
    ("a variable of two words", "Define A b c\nWSGIScriptAlias /${A} /x",                    [("WSGIScriptAlias /b c", "mod_wsgi")]),
    ("variables only",        "Define A /a\nWSGIScriptAlias ${A} ${A}",                     [("WSGIScriptAlias /a", "mod_wsgi")]),
    ("a variable",            "Define H fcgi://x/\nProxyPass /a ${H}",                      [("ProxyPass /a", "fastcgi")]),
    ("an unknown variable",   "WSGIScriptAlias /${H} /app.wsgi",                            [("WSGIScriptAlias /${H}", "mod_wsgi")]),
    ("a macro",               "<Macro M $p $path>\nProxyPass $path $p://x/\n</Macro>\nUse M fcgi /a", [("ProxyPass /a", "fastcgi")]),
    ("a section is no macro", "<Location m>\nProxyPass /a http://x/\n</Location>\nUse m",    [("ProxyPass /a in Location m", "http")]),
    ("a macro with a section", "<Macro M $p>\n<Location /a>\nProxyPass $p\n</Location>\n</Macro>\nUse M http://x/", [("ProxyPass http://x/ in Location /a", "http")]),
    ("a name in a name",      "<Macro M b ab>\nProxyPass /ab http://x/\n</Macro>\nUse M 1 2", [("ProxyPass /2", "http")]),
    ("an empty name",         '<Macro M "">\nProxyPass /a http://x/\n</Macro>\nUse M z',    [("ProxyPass /a", "http")]),
    ("too few arguments",     "<Macro M $a $b>\nProxyPass /$a http://x/\n</Macro>\nUse M z", [("ProxyPass /z", "http")]),
    ("a macro under a condition", "<Macro M>\n<IfModule x>\nUse M\n</IfModule>\nProxyPass /a http://x/\n</Macro>\n<IfModule x>\nUse M\n</IfModule>", [("ProxyPass /a", "http")] * 5),
    ("a macro in itself",     "<Macro M>\nUse M\nProxyPass /a http://x/\n</Macro>\nUse M",  [("ProxyPass /a", "http")] * 5),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), PASSING, ids=[row[0] for row in PASSING])
def test_the_blocks_that_pass(name, text, expected):
    assert [(block.name, block.via) for block in blocks(Server.APACHE, text)] == expected


WORKERS = [
    # name, text, and flushpackets of the last block: the value, and where it comes from or why it is ignored
    ("on its own line",          "ProxyPass /a fcgi://x/ flushpackets=on",                                       ("on", "f:1")),
    ("not set",                  "ProxyPass /a fcgi://x/",                                                       None),
    ("the first line counts",    "ProxyPass /a fcgi://x/ flushpackets=on\nProxyPass /b fcgi://x/b",               ("on", "f:1")),
    ("a later line does not",    "ProxyPass /a fcgi://x/\nProxyPass /b fcgi://x/b flushpackets=on",               ("", "ignored here, because f:1 made the worker first")),
    ("another address",          "ProxyPass /a fcgi://x/\nProxyPass /b fcgi://y/ flushpackets=on",                ("on", "f:2")),
    ("the longest address",      "ProxyPass /b fcgi://x/b flushpackets=on\nProxyPass /a fcgi://x/ flushpackets=auto\nSetHandler proxy:fcgi://x/b/c", ("on", "f:1")),
    ("a Proxy section",          "SetHandler proxy:fcgi://x\n<Proxy fcgi://x>\nProxySet flushpackets=on\n</Proxy>", ("on", "f:3")),
    ("parameters of a section",  "<Proxy fcgi://x flushpackets=on>\n</Proxy>\nSetHandler proxy:fcgi://x",         ("on", "f:1")),
    ("ProxySet with an address", "ProxySet fcgi://x flushpackets=on\nSetHandler proxy:fcgi://x",                  ("on", "f:1")),
    ("the server's worker wins", "ProxyPass /a fcgi://x/ flushpackets=on\n<VirtualHost *>\nProxyPass /b fcgi://x/ flushpackets=off\n</VirtualHost>", ("on", "f:1")),
    ("a virtual host's own",     "ProxyPass /a fcgi://y/\n<VirtualHost *>\nProxyPass /b fcgi://x/ flushpackets=on\n</VirtualHost>", ("on", "f:3")),
    ("a balancer's member",      "<Proxy balancer://b>\nBalancerMember fcgi://x flushpackets=on\n</Proxy>\nProxyPass /a balancer://b/ flushpackets=off", ("on", "f:2")),
    ("the line of a balancer",   "<Proxy balancer://b>\nBalancerMember fcgi://x\n</Proxy>\nProxyPass /a balancer://b/ flushpackets=on", ("on", "f:4")),
    ("in a location",            "<Location /a>\nProxyPass fcgi://x/ flushpackets=on\n</Location>",               ("on", "f:2")),
    ("in a location by pattern", "<LocationMatch /a>\nProxyPass fcgi://x/ flushpackets=on\n</LocationMatch>",     ("on", "f:2")),
    ("no path",                  "ProxyPass fcgi://x/ flushpackets=on\nProxyPass /a fcgi://x/",                   None),
    ("no path in a section",     "<If x>\nProxyPass fcgi://x/ flushpackets=on\n</If>\nProxyPass /a fcgi://x/",    None),
    ("by a pattern",             "ProxyPassMatch ^/(.*) fcgi://x/$1 flushpackets=on\nSetHandler proxy:fcgi://x/", ("on", "f:1")),
    ("a later pattern does not", "ProxyPass /a fcgi://x/\nProxyPassMatch ^/b fcgi://x/ flushpackets=on",          ("", "ignored here, because f:1 made the worker first")),
    ("a handler sets nothing",   "ProxyPass /a fcgi://x/\nSetHandler proxy:fcgi://x/ flushpackets=on",            None),
    ("a section was first",      "<Proxy fcgi://x>\n</Proxy>\nProxyPass /a fcgi://x/ flushpackets=on",            ("", "ignored here, because f:1 made the worker first")),
    ("a section by pattern",     "<ProxyMatch fcgi://x>\nProxySet flushpackets=on\n</ProxyMatch>\nSetHandler proxy:fcgi://x", ("on", "f:2")),
    ("lines without arguments",  "Proxy\nProxySet\nX\n<Proxy>\n</Proxy>\n<Else>\n</Else>\nProxyPass /a fcgi://x/ flushpackets=on", ("on", "f:8")),
    ("two sockets of one address", "ProxyPass /a unix:/s|fcgi://x/ flushpackets=on\nSetHandler proxy:unix:/t|fcgi://x/", ("on", "f:1")),
    ("an address in an address", "ProxyPass /a fcgi://X/ flushpackets=on\nSetHandler proxy:fcgi://X/a://b",       ("on", "f:1")),
    ("the scheme in upper case", "ProxyPass /a FCGI://x/ flushpackets=on\nSetHandler proxy:fcgi://x/",            ("on", "f:1")),
    ("a longer name of a host",  "ProxySet fcgi://x flushpackets=on\nSetHandler proxy:fcgi://xy",                 None),
    ("two equals signs",         "ProxyPass /a fcgi://x/ FlushPackets=on=off",                                   ("on=off", "f:1")),
    ("another host's worker",    "<VirtualHost *>\nProxyPass /b fcgi://x/ flushpackets=on\n</VirtualHost>\n<VirtualHost *>\nProxyPass /b fcgi://x/\n</VirtualHost>", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), WORKERS, ids=[row[0] for row in WORKERS])
def test_the_worker_decides_about_flushpackets(name, text, expected):
    value = blocks(Server.APACHE, text)[-1].params.get("flushpackets")
    if expected is None:
        assert value is None
    else:
        assert value is not None
        assert value == Value("flushpackets", (expected[0],), value.at, value.default)
        assert value.source == expected[1]


@pytest.mark.parametrize(("limit", "expected"), [(2, True), (1, False)])
def test_so_many_workers_are_kept(monkeypatch, limit, expected):
    monkeypatch.setattr("flushcheck.configs.apache.workers.MAX_BLOCKS", limit)
    # The second line shares the first one's worker.
    lines = ("/a fcgi://x/", "/d fcgi://x/", "/b fcgi://y/ flushpackets=on", "/c fcgi://z/ flushpackets=on")
    text = "".join(f"ProxyPass {line}\n" for line in lines)
    *_, second, third = blocks(Server.APACHE, text)
    assert ("flushpackets" in second.params) is expected
    assert "flushpackets" not in third.params


def test_so_many_macros_are_written_out():
    macro = "<Macro M>\nX\n</Macro>\n"
    parsed = apache.parse(macro + "Use M\n" * 1_001, "f").directives
    lines = effective(parsed, definitions(parsed))
    assert sum(1 for line in lines if line.name == "x") == 1_000


WRITTEN = [
    # lines of a macro, how many there are, and how often the macro is used
    ("X\n" * 100, 100, 201),
    ("<If x>\n" + "X\n" * 98 + "</If>\n", 99, 203),
]


@pytest.mark.parametrize(("lines", "number", "uses"), WRITTEN)
def test_macros_write_so_many_statements(lines, number, uses):
    def count(directives):
        return sum(1 + count(line.block or ()) for line in directives if line.name != "macro")

    parsed = apache.parse(f"<Macro M>\n{lines}</Macro>\n" + "Use M\n" * uses, "f").directives
    assert number * uses > 20_000
    assert count(effective(parsed, definitions(parsed))) == 20_000


@pytest.mark.parametrize("name", ["include", "includeoptional"])
def test_both_include_statements_are_resolved(name):
    assert IncludeResolver(apache.INCLUDES, lambda _: []).resolve((line(name, "x"),)) == ()


COVERING = [
    # a pass, what stands behind it, the value of X in force, and the lines of the sections that cover the pass
    ("ProxyPass /a/b",      "<Location /a>\nX 1\n</Location>",                                       "1", [2]),
    ("ProxyPass /a/b",      "<Location /a>\nX 1\n</Location>\n<Location /a/b>\nX 2\n</Location>",    "2", [2, 5]),
    ("ProxyPass /a/b",      "<Location /a/b>\nX 2\n</Location>\n<Location /a/>\nX 1\n</Location>",   "2", [5, 2]),
    ("ProxyPass /a/b",      "<Location /a/>\nX 1\n</Location>",                                      "1", [2]),
    ("ProxyPass /a/b/",     "<Location /a/b>\nX 1\n</Location>",                                     "1", [2]),
    ("ProxyPass /a/b",      "<Location />\nX 1\n</Location>",                                        "1", [2]),
    ("ProxyPass /aX",       "<Location /aX>\nX 1\n</Location>",                                      "1", [2]),
    ("ProxyPass /",         "<Location />\nX 1\n</Location>",                                        "1", [2]),
    ("ProxyPass /a/b",      "<Location /ab>\nX 1\n</Location>",                                      "0", []),
    ("ProxyPass /a/b",      "<Location /a/b/c>\nX 1\n</Location>",                                   "0", []),
    ("ProxyPass /a/b",      "X 3\n<Location /c>\nX 1\n</Location>",                                  "3", []),
    ("ProxyPass /a/b",      "<Location>\nX 1\n</Location>",                                          "0", []),
    ("ProxyPass a/b",       "<Location a>\nX 1\n</Location>",                                        "0", []),
    ("ProxyPassMatch /a/b", "<Location /a>\nX 1\n</Location>",                                       "0", []),
    ("ProxyPass /a/b",      "<Location /a>\n<IfDefine Z>\nX 1\n</IfDefine>\n</Location>",            "0", [2]),
    ("ProxyPass /a",        "<Location /a>\nX 1\n</Location>\n" + "<Location /a>\n</Location>\n" * 9,  "1", [2, *range(5, 23, 2)]),
    ("ProxyPass /a",        "<Location /a>\nX 1\n</Location>\n" + "<Location /a>\n</Location>\n" * 10, "0", [*range(5, 25, 2)]),
]  # fmt: skip


@pytest.mark.parametrize(("passes", "text", "expected", "lines"), COVERING)
def test_location_sections_that_cover_a_pass_win(passes, text, expected, lines):
    block = blocks(Server.APACHE, f"{passes} http://x/\n{text}")[0]
    assert apache.setting(block, "X", "0").first == expected
    assert [scope.directive and scope.directive.line for scope in block.related_scopes] == lines


def test_a_setting_without_a_line_is_the_servers_default():
    (block,) = blocks(Server.APACHE, "ProxyPass / http://x/")
    assert apache.setting(block, "SecRuleEngine", "Off") == Value(
        "SecRuleEngine", ("Off",), None, "Apache's default"
    )


DEPTHS = [(MAX_DEPTH - 40, 1), (MAX_DEPTH - 39, 0)]


@pytest.mark.parametrize(("around", "found"), DEPTHS)
def test_sections_that_macros_make_too_deep_are_not_read(around, found):
    inner = "<If x>\n" * 40 + "ProxyPass /a http://x/\n" + "</If>\n" * 40
    text = f"<Macro M>\n{inner}</Macro>\n" + "<If x>\n" * around + "Use M\n" + "</If>\n" * around
    assert len(blocks(Server.APACHE, text)) == found


TIMES = [
    ("300", 300),
    ("500ms", 0.5),
    ("5s", 5),
    ("2min", 120),
    ("2mi", 120),
    ("2h", 7200),
    ("x", None),
    ("", None),
    ("1" * 10, None),
]


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_a_time(text, expected):
    assert apache.seconds(text) == expected
