"""Lines of curl: what browsers copy, what documentation shows, and what cannot be taken."""

from __future__ import annotations

import pytest

from flushcheck.cli import main
from flushcheck.cli.curl_line import expand
from flushcheck.cli.curl_options import (
    ALL,
    INSTEAD,
    NO_MATTER,
    NO_MATTER_WITH_VALUE,
    PASSED,
    PASSED_WITH_VALUE,
    READ,
    READ_WITH_VALUE,
    REFUSED,
    REFUSED_WITH_VALUE,
    SHORT,
)
from flushcheck.cli.shell_words import split_words
from flushcheck.model import UsageError
from tests.prober.peers import Client, scripted_server
from tests.prober.test_watching import chat

CHROMIUM = r"""curl 'https://example.org/api/chat?v=1' \
  -H 'accept: text/event-stream' \
  -H 'accept-language: en-US,en;q=0.9' \
  -H 'authorization: Bearer secret' \
  -H 'content-type: application/json' \
  -b 'session=abc; theme=dark' \
  -H 'origin: https://example.org' \
  -H 'sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"' \
  -H 'user-agent: Mozilla/5.0 (X11; Linux x86_64)' \
  --data-raw $'{"q":"it\'s me\u0021 caf\u00e9\\n"}' ;
"""

FIREFOX = (
    "curl 'https://example.org/api/chat' --compressed -X POST -H 'User-Agent: Mozilla/5.0' -H 'Accept: */*' "
    "-H 'Accept-Encoding: gzip, deflate, br, zstd' -H 'Connection: keep-alive' -H 'Cookie: session=abc' "
    "-H 'Priority: u=0' --data-raw '{\"q\":1}'"
)

FORM = "--header=Content-Type: application/x-www-form-urlencoded"
URL = "https://example.org/x"

LINES = [
    # name                          the line, as words or as one text                          arguments
    ("an address",                  ["curl", URL],                                             [URL]),
    ("without a scheme",            ["curl", "localhost:8000/x"],                              ["http://localhost:8000/x"]),
    ("by its option",               ["curl", "--url", URL],                                    [URL]),
    ("by its path",                 ["/usr/bin/curl", URL],                                    [URL]),
    ("behind --",                   ["curl", "-s", "--", URL],                                 [URL]),
    ("what does not matter",        ["curl", "-sSNiv", "-o", "x", "-w", "%{time_total}", "--connect-timeout", "3", "-g", "--raw", "--compressed", URL], [URL]),
    ("short options together",      ["curl", "-NsXPUT", "-HAccept: a/b", URL],                 ["--header=Accept: a/b", "--request=PUT", URL]),
    ("connection options",          ["curl", "-k", "-u", "a:b", "-A", "me", "-b", "c=d", "-x", "http://proxy:3128", "-U", "e:f", URL],
                                    ["--insecure", "--user=a:b", "--user-agent=me", "--cookie=c=d", "--proxy=http://proxy:3128", "--proxy-user=e:f", URL]),
    ("another way to the server",   ["curl", "--resolve", "+example.org:443:10.0.0.1,10.0.0.2", "--connect-to", "::localhost:8443", "--unix-socket", "/s", URL],
                                    ["--resolve=example.org:443:10.0.0.1", "--connect-to=::localhost:8443", "--unix-socket=/s", URL]),
    ("certificates",                ["curl", "--cacert", "ca.pem", "-E", "c.pem", "--key", "k.pem", URL], ["--cacert=ca.pem", "--cert=c.pem", "--key=k.pem", URL]),
    ("a colon in a file name",      ["curl", "-E", r"a\:b.pem", URL],                          ["--cert=a:b.pem", URL]),
    ("versions of HTTP",            ["curl", "--http1.1", URL],                                ["--http1.1", URL]),
    ("HTTP/2 over TLS",             ["curl", "--http2", URL],                                  ["--http2", URL]),
    ("HTTP/2 without TLS is HTTP/1.1", ["curl", "--http2", "http://x"],                        ["http://x"]),
    ("a socks proxy",               ["curl", "--socks5-hostname", "p:1080", URL],              ["--proxy=socks5h://p:1080", URL]),
    ("the other socks proxy",       ["curl", "--socks5", "p:1080", URL],                       ["--proxy=socks5://p:1080", URL]),
    ("redirects",                   ["curl", "-L", URL],                                       ["--max-redirects=10", URL]),
    ("fewer redirects",             ["curl", "-L", "--max-redirs", "3", URL],                  ["--max-redirects=3", URL]),
    ("more redirects than allowed", ["curl", "-L", "--max-redirs", "50", URL],                 ["--max-redirects=10", URL]),
    ("no redirects",                ["curl", "--max-redirs", "3", URL],                        [URL]),
    ("a time-out",                  ["curl", "-m", "30", URL],                                 ["--timeout=30", URL]),
    ("a bearer token",              ["curl", "--oauth2-bearer", "t", "-e", "http://r/;auto", URL], ["--header=Authorization: Bearer t", "--header=Referer: http://r/", URL]),
    ("a form",                      ["curl", "-d", "a=1", "--data", "b=2", URL],               ["--data-raw=a=1&b=2", FORM, URL]),
    ("a body with its type",        ["curl", "-d", "{}", "-H", "content-type: a/b", URL],      ["--data-raw={}", "--header=content-type: a/b", URL]),
    ("a body from a file",          ["curl", "-d", "@body.json", URL],                         ["--data=@body.json", FORM, URL]),
    ("a binary body from a file",   ["curl", "--data-binary", "@body", URL],                   ["--data=@body", FORM, URL]),
    ("a body that begins with @",   ["curl", "--data-raw", "@me", URL],                        ["--data-raw=@me", FORM, URL]),
    ("an empty body",               ["curl", "-d", "", URL],                                   ["--data-raw=", FORM, URL]),
    ("JSON",                        ["curl", "--json", '{"a":', "--json", "1}", URL],          ['--data-raw={"a":1}', "--header=Content-Type: application/json", "--header=Accept: application/json", URL]),
    ("encoded here",                ["curl", "--data-urlencode", "q=a b&c", "--data-urlencode", "=d e", "--data-urlencode", "f", URL], ["--data-raw=q=a+b%26c&d+e&f", FORM, URL]),
    ("in the query",                ["curl", "-G", "-d", "a=1", "-d", "b=2", URL],             [f"{URL}?a=1&b=2"]),
    ("behind another query",        ["curl", "-G", "-d", "a=1", f"{URL}?z=0"],                 [f"{URL}?z=0&a=1"]),
    ("nothing for the query",       ["curl", "-G", URL],                                       [URL]),
    ("headers of the connection",   ["curl", "-H", "Connection: keep-alive", "-H", "Content-Length: 3", "-H", "Expect:", URL], [URL]),
    ("no encodings",                ["curl", "-H", "Accept-Encoding:", URL],                   ["--header=Accept-Encoding:", URL]),
    ("a header without a value",    ["curl", "-H", "X-Empty;", URL],                           ["--header=X-Empty;", URL]),
    ("a header left out",           ["curl", "-A", "me", "-H", "User-Agent:", URL],            ["--user-agent=me", "--header=User-Agent:", URL]),
    ("the type of a body left out", ["curl", "-d", "a", "-H", "content-type:", URL],           ["--data-raw=a", "--header=content-type:", URL]),
    ("no Accept for JSON",          ["curl", "--json", "{}", "-H", "Accept: ", URL],           ["--data-raw={}", "--header=Content-Type: application/json", "--header=Accept:", URL]),
    ("no header",                   ["curl", "-H", "secret", URL],                             ["--header=secret", URL]),
    ("from Chromium",               [CHROMIUM],                                                [
        "--cookie=session=abc; theme=dark", '--data-raw={"q":"it\'s me! café\\n"}', "--header=accept: text/event-stream", "--header=accept-language: en-US,en;q=0.9",
        "--header=authorization: Bearer secret", "--header=content-type: application/json", "--header=origin: https://example.org",
        '--header=sec-ch-ua: "Chromium";v="140", "Not=A?Brand";v="24"', "--header=user-agent: Mozilla/5.0 (X11; Linux x86_64)", "https://example.org/api/chat?v=1"]),
    ("from Firefox",                [FIREFOX],                                                 [
        '--data-raw={"q":1}', "--header=User-Agent: Mozilla/5.0", "--header=Accept: */*", "--header=Accept-Encoding: gzip, deflate, br, zstd", "--header=Cookie: session=abc",
        "--header=Priority: u=0", "--header=Content-Type: application/x-www-form-urlencoded", "--request=POST", "https://example.org/api/chat"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "line", "arguments"), LINES, ids=[row[0] for row in LINES])
def test_a_line_of_curl_becomes_arguments(name, line, arguments):
    assert expand(["watch", "--", *line]) == ["watch", *arguments]
    assert expand(["watch", *line]) == ["watch", *arguments]
    assert expand(["diagnose", "--json", "--", *line]) == ["diagnose", *arguments, "--json"]


UNCHANGED = [
    [], ["--version"], ["watch"], ["watch", URL], ["watch", "--", URL], ["watch", "https://curl.example/"], ["check", "--", "curl", URL],
    ["doctor", "--", "curl"], ["watch", URL, "-d", "curl "],
]  # fmt: skip


@pytest.mark.parametrize("given", UNCHANGED)
def test_other_arguments_stay_as_they_are(given):
    assert expand(given) == given


REFUSALS = [
    # the line                                       words of the error
    (["curl"],                                       "0 addresses"),
    (["curl", "http://a", "http://b"],               "2 addresses"),
    (["curl", "--hedaer", "x: secret", URL],         "--hedaer: unknown; did you mean --header?"),
    (["curl", "--header=x: secret", URL],            "curl --header: unknown; did you mean --header?"),
    (["curl", "-?", URL],                            "-?: unknown; expected an option of curl"),
    (["curl", "--zzzzzzzz", URL],                    "--zzzzzzzz: unknown; expected an option of curl"),
    (["curl", URL, "-H"],                            "-H without a value"),
    (["curl", URL, "--data"],                        "--data without a value"),
    (["curl", "-I", URL],                            "--head: not available here, and it would change the request; a response to HEAD"),
    (["curl", "-F", "a=secret", URL],                "--form: not available"),
    (["curl", "--limit-rate", "1k", URL],            "it slows the reading"),
    (["curl", "--digest", "-u", "a:secret", URL],    "--digest: not available here, and it would change the request; leave it out"),
    (["curl", "-d", "@a", "-d", "secret", URL],      "one file with all of it"),
    (["curl", "-d", "@a", "-d", "@b", URL],          "two files"),
    (["curl", "-G", "-d", "@a", URL],                "--get with a file"),
    (["curl", "--data-urlencode", "a@b", URL],       "--data-urlencode with a file"),
    (["curl", "-H", "@secret", URL],                 "--header with a file"),
    (["curl", "-E", "a.pem:secret", URL],            "--cert with a password"),
    (["curl 'http://a"],                             "a quote without its end"),
    (['curl ^"http://a^" ^\n -H ^"a: secret^"'],     "for cmd.exe"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "words"), REFUSALS, ids=[" ".join(row[0])[:50] for row in REFUSALS])
def test_what_cannot_be_taken_is_named_without_its_value(line, words):
    with pytest.raises(UsageError) as error:
        expand(["watch", "--", *line])
    assert words in str(error.value)
    assert "secret" not in str(error.value).replace("x: secret", "")


WORDS = [
    ("a  b\tc", ["a", "b", "c"]), ("a''b", ["ab"]), ("''", [""]), ("'a b'\"c d\"", ["a bc d"]), (r"a\ b \'c", ["a b", "'c"]),
    ("a \\\n b", ["a", "b"]), ("a \\\r\n b", ["a", "b"]), (r'"a \"b\" \\ \n $x"', [r'a "b" \ \n $x']), ("\"a\\\nb\"", ["ab"]),
    (r"$'a\'b\n\t\x41\101\u00e9\U0001F600\q'", ["a'b\n\tAA\u00e9\U0001f600\\q"]), (r"$'\xc3\xa9'", ["é"]), (r"$'\xff'", ["\udcff"]), (r"$'\ud800'", ["?"]), (r"$'\ud83d\ude00 \uD83D\uDCA9'", ["\U0001f600 \U0001f4a9"]),
    ("$x a$b", ["$x", "a$b"]), ("a | b c", ["a"]), ("a; b", ["a"]), ("a 2>/dev/null", ["a"]), ("a > b", ["a"]), ("a && b", ["a"]), ("a &", ["a"]),
    ("http://a/?b=1&c=2", ["http://a/?b=1&c=2"]), ("", []), ("  \n", []),
]  # fmt: skip


@pytest.mark.parametrize(("line", "words"), WORDS)
def test_a_line_is_split_as_bash_does(line, words):
    assert split_words(line) == words


def test_each_option_has_one_meaning():
    kinds = (
        PASSED,
        PASSED_WITH_VALUE,
        READ,
        READ_WITH_VALUE,
        NO_MATTER,
        NO_MATTER_WITH_VALUE,
        REFUSED,
        REFUSED_WITH_VALUE,
    )
    assert sum(len(kind) for kind in kinds) == len(ALL)
    assert set(SHORT.values()) <= ALL
    assert set(INSTEAD) <= REFUSED | REFUSED_WITH_VALUE


def test_a_line_is_watched(capsys):
    requests: list[bytes] = []

    def script(client: Client) -> None:
        requests.append(client.request + client.sock.recv(1000))
        chat(client)

    with scripted_server(script) as url:
        line = f"curl -N '{url}/c?x=1' -H 'Authorization: Bearer secret' --data-raw $'@\\u0021'"
        assert main(["watch", "--json", "--", line]) == 0
    assert requests[0].startswith(b"POST /c?x=1 ")
    assert b"Authorization: Bearer secret\r\n" in requests[0]
    assert b"Content-Type: application/x-www-form-urlencoded\r\n" in requests[0]
    assert requests[0].endswith(b"@!")
    assert "secret" not in capsys.readouterr().out


def test_a_wrong_line_is_wrong_usage(capsys):
    assert main(["watch", "--", "curl", "--hedaer", URL]) == 2
    assert "did you mean --header?" in capsys.readouterr().err
