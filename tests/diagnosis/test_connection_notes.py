"""What a report says about the way to the service."""

import pytest

from flushcheck.diagnosis.connection_notes import NOT_VERIFIED, connection_notes
from flushcheck.diagnosis.inference import judge
from flushcheck.model import Certificate, Observation, Outcome, Probe, Run, Transport
from flushcheck.model.run_schema import run_from_json, run_to_json

NOTES = [
    # name, what the run says of its connections, notes
    ("nothing special", {}, ()),
    ("a certificate that was not verified", {"verified": False}, (NOT_VERIFIED,)),
    ("a redirect", {"redirected_from": "http://site"}, ("http://site redirects here: https://site was tested, without the headers and logins given for the first address",)),
    ("a redirect to a path", {"redirected_from": "https://site/a"}, ("https://site/a redirects here: https://site was tested",)),
    ("a certificate", {"certificate": Certificate(issuer="Test Authority")}, ("the issuer of the certificate is Test Authority",)),
    ("a proxy", {"proxy": "http://proxy:3128"}, ("tested through the proxy http://proxy:3128",)),
]  # fmt: skip


@pytest.mark.parametrize(("name", "facts", "notes"), NOTES, ids=[row[0] for row in NOTES])
def test_each_fact_is_one_sentence(name, facts, notes):
    run = Run("https://site", (), **facts)
    assert connection_notes(run) == notes
    assert run_from_json(run_to_json(run)) == run


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.COMPLETE])
def test_every_report_has_them_also_one_on_an_absent_service(outcome):
    probe = Probe(Transport.CHUNKED)
    report = judge(Run("https://site", (Observation(probe, outcome, status=404),), verified=False))
    assert NOT_VERIFIED in report.notes
