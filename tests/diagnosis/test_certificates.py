"""Whether the certificate that arrives is the site's own, and what a report says of it."""

from dataclasses import replace

import pytest

from flushcheck.diagnosis.certificates import (
    certificate_report,
    certificate_sentence,
    compare,
    interceptor,
)
from flushcheck.diagnosis.inference import judge
from flushcheck.model import (
    Certificate,
    CertificateMatch,
    CertificateReport,
    Observation,
    Outcome,
    Probe,
    Run,
    Transport,
    Verdict,
)
from flushcheck.model.run_schema import run_from_json, run_to_json
from tests.measurement.streams import saw

KEY, OTHER_KEY = "sha256//site", "sha256//proxy"
SITE = Certificate("site.test", "Public Authority", "2027-06-01 12:00:00", "aa", KEY)
PROXY = Certificate("site.test", "Company Authority", "2027-06-01 12:00:00", "bb", OTHER_KEY)
UNREADABLE = Certificate(sha256="cc")
SAME, OTHER, UNCLEAR, NOT_COMPARED = CertificateMatch

COMPARED = [
    # name                                 presented                                     site              pins               match
    ("nothing to compare with",            SITE,                                         None,             (),                NOT_COMPARED),
    ("the same past the proxy",            SITE,                                         SITE,             (),                SAME),
    ("renewed, with its key",              replace(SITE, sha256="dd", issuer="x"),       SITE,             (),                SAME),
    ("the same, its key unreadable",       UNREADABLE,                                   UNREADABLE,       (),                SAME),
    ("another issuer",                     PROXY,                                        SITE,             (),                OTHER),
    ("another key of one issuer",          replace(PROXY, issuer=SITE.issuer),           SITE,             (),                UNCLEAR),
    ("neither key readable",               replace(PROXY, public_key=""),                replace(SITE, public_key=""), (),    OTHER),
    ("the key of the pin",                 SITE,                                         None,             (KEY,),            SAME),
    ("the fingerprint of the pin",         SITE,                                         None,             ("aa",),           SAME),
    ("one of two pins",                    SITE,                                         None,             ("ee", KEY),       SAME),
    ("not the pin",                        PROXY,                                        None,             (KEY, "aa"),       OTHER),
    ("the pin, another past the proxy",    SITE,                                         PROXY,            (KEY,),            SAME),
    ("not the pin, the same past it",      PROXY,                                        PROXY,            (KEY,),            OTHER),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "presented", "site", "pins", "match"), COMPARED, ids=[row[0] for row in COMPARED]
)
def test_a_certificate_is_compared_with_what_is_known_of_the_sites_own(name, presented, site, pins, match):
    assert compare(presented, site, pins) is match
    run = Run("https://site.test", (), certificate=presented, site_certificate=site, pins=pins)
    assert certificate_report(run) == CertificateReport(presented, site, match)
    assert run_from_json(run_to_json(run)) == run


def test_without_a_certificate_nothing_is_compared():
    run = Run("http://site.test", (), site_certificate=SITE, pins=(KEY,))
    assert certificate_report(run) is None
    assert interceptor(run) == ()


NOT_THE_SITES = (
    "the certificate that your network presents is not the site's: its issuer is Company Authority; "
)

SENTENCES = [
    # presented, site, pins, sentence
    (SITE, None, (), "the issuer of the certificate is Public Authority"),
    (UNREADABLE, None, (), "the issuer of the certificate is not named in it"),
    (SITE, SITE, (), "the certificate is the site's own: it is the same past the proxy; its issuer is Public Authority"),
    (SITE, None, (KEY,), "the certificate is the site's own: it matches --pin; its issuer is Public Authority"),
    (PROXY, SITE, (), f"{NOT_THE_SITES}past the proxy it is Public Authority"),
    (PROXY, SITE, (KEY,), f"{NOT_THE_SITES}--pin does not match its key, sha256//proxy"),
    (PROXY, None, (KEY,), f"{NOT_THE_SITES}--pin does not match its key, sha256//proxy"),
    (replace(PROXY, public_key=""), None, (KEY,), f"{NOT_THE_SITES}--pin does not match its key, which cannot be read"),
    (replace(PROXY, issuer=SITE.issuer), SITE, (), "the site presents another certificate past the proxy, of the same issuer, Public Authority: two servers of the site may do that"),
]  # fmt: skip


@pytest.mark.parametrize(("presented", "site", "pins", "sentence"), SENTENCES)
def test_the_report_says_whose_certificate_it_is(presented, site, pins, sentence):
    found = CertificateReport(presented, site, compare(presented, site, pins))
    assert certificate_sentence(found, pins) == sentence
    run = Run("https://site.test", (), certificate=presented, site_certificate=site, pins=pins)
    assert judge(run).notes[-1] == sentence


def test_a_long_name_of_the_far_side_is_cut():
    names = [replace(SITE, issuer="x" * size) for size in (200, 201)]
    sentences = {
        certificate_sentence(CertificateReport(name, None, CertificateMatch.NOT_COMPARED), ())
        for name in names
    }
    assert sentences == {f"the issuer of the certificate is {'x' * 200}"}


PIECES = Observation(Probe(Transport.CHUNKED), Outcome.REFUSED, status=404)

INTERCEPTED = [
    # site, pins, evidence of the hop
    (SITE, (KEY,), "the issuer of its certificate is Company Authority; --pin does not match its key, sha256//proxy"),
    (SITE, (), "the issuer of its certificate is Company Authority; past the proxy it is Public Authority"),
    (None, (KEY,), "the issuer of its certificate is Company Authority; --pin does not match its key, sha256//proxy"),
]  # fmt: skip


@pytest.mark.parametrize(("site", "pins", "evidence"), INTERCEPTED)
def test_an_intercepting_proxy_is_a_hop_and_no_culprit(site, pins, evidence):
    run = Run("https://site.test", (PIECES,), certificate=PROXY, site_certificate=site, pins=pins)
    report = judge(run)
    assert [(hop.what, hop.evidence.sentence, hop.evidence.probes) for hop in report.hops] == [
        ("an intercepting proxy, which opens TLS and encrypts anew", evidence, ())
    ]
    assert (report.verdict, report.culprits) == (Verdict.UNKNOWN, ())
    assert report.certificate == CertificateReport(PROXY, site, CertificateMatch.OTHER)


def test_a_diagnosed_path_has_its_certificate_too():
    report = judge(Run("https://site.test", (saw(Transport.CHUNKED),), certificate=SITE))
    assert report.certificate == CertificateReport(SITE, None, CertificateMatch.NOT_COMPARED)


@pytest.mark.parametrize("site", [None, PROXY, replace(SITE, issuer=PROXY.issuer)])
def test_no_other_match_is_a_sign_of_one(site):
    run = Run("https://site.test", (PIECES,), certificate=PROXY, site_certificate=site)
    assert judge(run).hops == ()
