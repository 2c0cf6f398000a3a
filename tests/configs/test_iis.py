"""web.config of IIS: which blocks there are, what they inherit, and what is not known."""

import pytest

from flushcheck.configs.findings import Server
from flushcheck.configs.formats import FORMATS
from flushcheck.configs.tree import MAX_DEPTH
from flushcheck.files.xml_tree import parse_xml
from tests.configs.shape import blocks, shape

READ = [
    # text, and the shape of what is read
    ('<a b="c"\n d="e&amp;">\n<f/>\n text\n</a>',  [("a", "b=c", "d=e&", 1, [("f", 3, []), ("#text", "text", 5)])]),
    ("<a><!-- b --><?c d?></a>",                  [("a", 1, [])]),
    ("",                                          []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), READ)
def test_a_document_is_read(text, expected):
    assert shape(parse_xml(text, "f").directives) == expected


PROBLEMS = [
    # text, and the line and the reason of the problem
    ("<a>\n<b></a>",                           2, "not understood as XML: mismatched tag"),
    ("\n",                                     2, "not understood as XML: no element found"),
    ('<!DOCTYPE a [\n<!ENTITY b "c">]><a/>',    2, "the document declares entities: not read"),
    ("<a>&b;</a>",                             1, "not understood as XML: undefined entity"),
    (f"{'<a>' * (MAX_DEPTH + 1)}{'</a>' * (MAX_DEPTH + 1)}", 1, f"blocks more than {MAX_DEPTH} deep are not read"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "reason"), PROBLEMS)
def test_unreadable_text_is_a_problem(text, line, reason):
    assert [(problem.line, problem.reason) for problem in parse_xml(text, "f").problems] == [(line, reason)]


def test_a_document_is_read_up_to_so_many_elements(monkeypatch):
    monkeypatch.setattr("flushcheck.configs.tree.builder.MAX_DIRECTIVES", 2)
    parsed = parse_xml("<a>\n<b/>\n<c/>\n<d/>\n</a>", "f")
    assert [problem.line for problem in parsed.problems] == [3, 3]


def web(inside, outside=""):
    return f"<configuration><system.webServer>{inside}</system.webServer>{outside}</configuration>"


def handler(module):
    return f'<handlers><remove name="x"/><add name="h" modules="{module}"/></handlers>'


RULE = '<rewrite><%s><rule name="r"><match url="a"/><action type="Rewrite" url="%s"/></rule></%s></rewrite>'
BLOCKS = [
    # text, and name and kind of its blocks
    (web(handler("FastCgiModule")),                        [("handler h", "fastcgi")]),
    (web(handler("httpPlatformHandler")),                  [("handler h", "platform")]),
    (web(handler("AspNetCoreModule")),                     [("handler h", "aspnetcore")]),
    (web(handler("CgiModule")),                            [("handler h", "cgi")]),
    (web(handler("StaticFileModule")),                     []),
    (web(RULE % ("rules", "http://a", "rules")),           [("rule r", "arr")]),
    (web(RULE % ("globalRules", "HTTPS://a", "globalRules")), [("rule r", "arr")]),
    (web(RULE % ("rules", "index.php", "rules")),          []),
    (web(RULE % ("outboundRules", "http://a", "outboundRules")), []),
    (web("", f'<location path="p"><system.webServer>{handler("CgiModule")}</system.webServer></location>'), [("handler h in location p", "cgi")]),
    ("<other/>",                                           []),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), BLOCKS)
def test_the_handlers_and_rules_that_pass_to_an_app(text, expected):
    assert [(block.name, block.via) for block in blocks(Server.IIS, text)] == expected


COMPRESSION = "no line switches dynamic compression off, which is on by default where its module is installed"
OFF = '<urlCompression doDynamicCompression="false"/>'
DOUBTS = [
    # content of system.webServer, and why it is not known
    (handler("FastCgiModule"),                   [COMPRESSION]),
    (handler("FastCgiModule") + OFF,             []),
    (handler("httpPlatformHandler") + OFF,       ["Microsoft's documents do not say whether HttpPlatformHandler passes each write of the app on"]),
    (handler("AspNetCoreModuleV2") + OFF,        ["Microsoft's documents do not say whether the ASP.NET Core Module passes each write of the app on"]),
]  # fmt: skip


@pytest.mark.parametrize(("inside", "expected"), DOUBTS)
def test_what_the_documents_do_not_say_is_not_known(inside, expected):
    (block,) = blocks(Server.IIS, web(inside))
    assert list(FORMATS[Server.IIS].doubts(block)) == expected


def test_a_location_inherits_from_what_stands_outside():
    inner = f'<location path="p"><system.webServer>{handler("FastCgiModule")}</system.webServer></location>'
    (block,) = blocks(Server.IIS, web(OFF, inner))
    assert list(FORMATS[Server.IIS].doubts(block)) == []
