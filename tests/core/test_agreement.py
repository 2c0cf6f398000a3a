"""What a live Report and the Findings of a file say of each other."""

import json

import pytest

from flushcheck.core.agreement import Witness, compare
from flushcheck.core.culprits import CULPRITS
from flushcheck.core.model import Accusation, Confidence, Flow, Health, Report, Server, Transport, Verdict
from flushcheck.core.render.findings import agreements_document, agreements_text
from flushcheck.readers import check_text


def report(*ids, flow=Flow.HELD):
    accusations = tuple(Accusation(CULPRITS[one], Confidence.LIKELY, (Transport.CHUNKED,), ()) for one in ids)
    verdict = Verdict(Transport.CHUNKED, flow, "")
    return Report("http://x", Health.HELD, "", (verdict,), accusations)


BARE = "location / { proxy_pass http://x; }"
IGNORES = "location / { proxy_ignore_headers X-Accel-Buffering; proxy_pass http://x; }"
TIMED = "location / { proxy_buffering off; proxy_read_timeout 5; proxy_pass http://x; }"
CLEAN = "location / { proxy_buffering off; proxy_pass http://x; }"

ROWS = [
    # live                                          file      culprit: witness                                                   said
    (("nginx-proxy-buffering",),                    BARE,     {"nginx-proxy-buffering": "both"},                                 "both say so: f:1"),
    (("nginx-hint-taken", "nginx-ignore-headers"),  BARE,     {"nginx-hint-taken": "both", "nginx-ignore-headers": "both"},      "nginx-proxy-buffering at f:1"),
    (("nginx-hint-taken", "nginx-ignore-headers"),  IGNORES,  {"nginx-hint-taken": "both", "nginx-ignore-headers": "both"},      "both say so"),
    (("nginx-proxy-buffering",),                    CLEAN,    {"nginx-proxy-buffering": "live"},                                 "another machine or in a file that was not read"),
    (("app-response",),                             BARE,     {"app-response": "live", "nginx-proxy-buffering": "file"},         "it is in the app"),
    (("http-hop",),                                 BARE,     {"http-hop": "both"},                                              "the file explains it"),
    (("websocket-upgrade",),                        CLEAN,    {"websocket-upgrade": "both"},                                     "both say so"),
    ((),                                            TIMED,    {"idle-timeout": "file"},                                          "its condition was not met"),
    ((),                                            CLEAN,    {},                                                                ""),
]  # fmt: skip


@pytest.mark.parametrize(("live", "text", "expected", "said"), ROWS)
def test_the_two_witnesses(live, text, expected, said):
    found = check_text(text, kind=Server.NGINX, name="f").findings
    agreements = compare(report(*live), found)
    assert {one.culprit: one.witness.value for one in agreements} == expected
    assert said in " ".join(one.sentence for one in agreements)
    assert all(one.findings for one in agreements if one.witness is not Witness.LIVE)


def test_on_a_path_that_flows_the_file_is_doubted():
    found = check_text(BARE, kind=Server.NGINX, name="f").findings
    (one,) = compare(report(flow=Flow.FLOWING), found)
    assert "does not go through this block, or the app frees itself" in one.sentence


def test_the_comparison_is_put_in_words_and_in_json():
    found = check_text(BARE, kind=Server.NGINX, name="f").findings
    agreements = compare(report("nginx-proxy-buffering", "app-response"), found)
    text = agreements_text(agreements, width=100, color=False)
    assert "both      nginx-proxy-buffering: both say so: f:1" in text
    assert "path only app-response: seen on the path only" in text
    assert agreements_text((), width=100, color=False) == ""
    documents = json.loads(json.dumps(agreements_document(agreements)))
    assert [(one["id"], one["witness"]) for one in documents] == [
        ("nginx-proxy-buffering", "both"),
        ("app-response", "live"),
    ]
    assert documents[0]["findings"][0]["line"] == 1
