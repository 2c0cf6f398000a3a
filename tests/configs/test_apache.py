"""Apache: text to tree, conditions, macros, workers, and the lines that pass."""

import pytest

from flushcheck.configs import apache
from flushcheck.configs.findings import Server
from flushcheck.configs.tree import MAX_DEPTH
from tests.configs.shape import blocks, shape

READ = [
    # name, text, and the shape of what is read
    ("continued", "A b \\\n  c\nD e",                             [("a", "b", "c", 1), ("d", "e", 3)]),
    ("section", '<Location "/a b">\nX\n</LOCATION>',            [("location", "/a b", 1, [("x", 2)])]),
    ("comment goes on", "# a \\\nB c\nD",                               [("d", 3)]),
    ("quotes", "A \"b \\\" c\" 'd e' f\"g",                    [("a", 'b " c', "d e", 'f"g', 1)]),
    ("CRLF, tabs", "A\tb\r\n<If \"x > y\">\r\n</If>\r\n",          [("a", "b", 1), ("if", "x > y", 2, [])]),
    ("a digit in a name", "<A1 b>\n</A1>", [("a1", "b", 1, [])]),
    ("no argument", "<Else>\nA\n</Else>",                           [("else", 1, [("a", 2)])]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), READ, ids=[row[0] for row in READ])
def test_a_text_is_read(name, text, expected):
    parsed = apache.parse(text, "f")
    assert shape(parsed.directives) == expected
    assert parsed.problems == ()


PROBLEMS = [
    # name, text, and a part of the reason
    ("not closed", "<Location />\nA",            "<Location> is not closed"),
    ("closes nothing", "</Location>",                "closes nothing"),
    ("crossed", "<A>\n<B>\n</A>\n</B>",       "</a> closes nothing"),
    ("deep", "<A>\n" * 70 + "</A>\n" * 70, "more than 60 deep"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "reason"), PROBLEMS, ids=[row[0] for row in PROBLEMS])
def test_unreadable_text_is_a_problem(name, text, reason):
    assert reason in " ".join(problem.reason for problem in apache.parse(text, "f").problems)


PASSING = [
    # name, text, and the name and kind of every block that passes to an app
    ("a proxy line",          "ProxyPass /a http://x/",                                     [("ProxyPass /a", "http")]),
    ("an excluded path",      "ProxyPass /a !",                                             []),
    ("no path, and no location", "ProxyPass http://x/",                                     []),
    ("a FastCGI socket",      "ProxyPass /a unix:/s|fcgi://x/",                             [("ProxyPass /a", "fastcgi")]),
    ("in a location",         "<Location /a>\nProxyPass http://x/\n</Location>",            [("ProxyPass http://x/ in Location /a", "http")]),
    ("a WebSocket",           "ProxyPass /a wss://x/",                                      [("ProxyPass /a", "ws")]),
    ("a rewrite, proxied",    "RewriteRule ^/a http://x/ [L,P]",                            [("RewriteRule ^/a", "http")]),
    ("a rewrite, redirected", "RewriteRule ^/a http://x/ [L,R]",                            []),
    ("a proxy handler",       'SetHandler "proxy:unix:/s|fcgi://x"',                        [("SetHandler proxy:unix:/s|fcgi://x", "fastcgi")]),
    ("mod_fcgid by handler",  "SetHandler fcgid-script",                                    [("SetHandler fcgid-script", "fcgid")]),
    ("mod_fcgid by ending",   "AddHandler fcgid-script .fcgi",                              [("AddHandler fcgid-script", "fcgid")]),
    ("another handler",       "AddHandler cgi-script .cgi",                                 []),
    ("a wrapper",             "FcgidWrapper /x",                                            [("FcgidWrapper /x", "fcgid")]),
    ("a script by ending",    "ScriptAlias /a /x.fcgi",                                     [("ScriptAlias /a", "fcgid")]),
    ("a CGI script",          "ScriptAlias /a /x.cgi",                                      [("ScriptAlias /a", "cgi")]),
    ("mod_wsgi",              "WSGIScriptAlias / /app.wsgi",                                [("WSGIScriptAlias /", "mod_wsgi")]),
    ("a PHP setting",         "php_value output_buffering 4096",                            [("php_value output_buffering", "php")]),
    ("another PHP setting",   "php_value memory_limit 1G",                                  []),
    ("Passenger",             "<Directory /x>\nPassengerAppRoot /x\n</Directory>",          [("Directory /x", "passenger")]),
    ("Passenger, off",        "PassengerAppRoot /x\nPassengerEnabled off",                  []),
    ("a balancer",            "<Proxy balancer://b>\nBalancerMember fcgi://x\nBalancerMember http://y\n</Proxy>\nProxyPass /a balancer://b/", [("ProxyPass /a", "fastcgi"), ("ProxyPass /a", "http")]),
    ("a missing module",      "LoadModule a_module a.so\n<IfModule mod_proxy.c>\nProxyPass /a http://x/\n</IfModule>", []),
    ("a loaded module",       "LoadModule proxy_module a.so\n<IfModule mod_proxy.c>\nProxyPass /a http://x/\n</IfModule>", [("ProxyPass /a", "http")]),
    ("no module listed",      "<IfModule mod_proxy.c>\nProxyPass /a http://x/\n</IfModule>", [("ProxyPass /a", "http")]),
    ("a module negated",      "LoadModule proxy_module a.so\n<IfModule !mod_proxy.c>\nProxyPass /a http://x/\n</IfModule>", []),
    ("a built-in module",     "LoadModule a_module a.so\n<IfModule core>\nProxyPass /a http://x/\n</IfModule>", [("ProxyPass /a", "http")]),
    ("a name defined",        "Define A\n<IfDefine A>\nProxyPass /a http://x/\n</IfDefine>", [("ProxyPass /a", "http")]),
    ("a name not defined",    "<IfDefine A>\nProxyPass /a http://x/\n</IfDefine>",          []),
    ("a name negated",        "<IfDefine !A>\nProxyPass /a http://x/\n</IfDefine>",         [("ProxyPass /a", "http")]),
    ("a variable",            "Define H fcgi://x/\nProxyPass /a ${H}",                      [("ProxyPass /a", "fastcgi")]),
    ("an unknown variable",   "WSGIScriptAlias /${H} /app.wsgi",                            [("WSGIScriptAlias /${H}", "mod_wsgi")]),
    ("a macro",               "<Macro M $p $path>\nProxyPass $path $p://x/\n</Macro>\nUse M fcgi /a", [("ProxyPass /a", "fastcgi")]),
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
    ("another host's worker",    "<VirtualHost *>\nProxyPass /b fcgi://x/ flushpackets=on\n</VirtualHost>\n<VirtualHost *>\nProxyPass /b fcgi://x/\n</VirtualHost>", None),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), WORKERS, ids=[row[0] for row in WORKERS])
def test_the_worker_decides_about_flushpackets(name, text, expected):
    value = blocks(Server.APACHE, text)[-1].params.get("flushpackets")
    assert (value and (value.first, value.source)) == expected


COVERING = [
    # what stands beside a pass of /a/b, and the value of X in force for it
    ("<Location /a>\nX 1\n</Location>",                                       "1"),
    ("<Location /a>\nX 1\n</Location>\n<Location /a/b>\nX 2\n</Location>",    "2"),
    ("<Location /a/b>\nX 2\n</Location>\n<Location /a/>\nX 1\n</Location>",   "2"),
    ("<Location /ab>\nX 1\n</Location>",                                      "0"),
    ("<Location /a/b/c>\nX 1\n</Location>",                                   "0"),
    ("X 3\n<Location /c>\nX 1\n</Location>",                                  "3"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), COVERING)
def test_location_sections_that_cover_a_pass_win(text, expected):
    block = blocks(Server.APACHE, f"ProxyPass /a/b http://x/\n{text}")[0]
    assert apache.setting(block, "X", "0").first == expected


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
    ("2h", 7200),
    ("x", None),
    ("", None),
    ("1" * 10, None),
]


@pytest.mark.parametrize(("text", "expected"), TIMES)
def test_a_time(text, expected):
    assert apache.seconds(text) == expected
