"""Who meets a hold: the check of a case's files names the clients for which the laboratory saw it held.

Pure: no server is started. The files of each case are read for the version that the case asks for, and every error
or warning is counted for the readers that it names. `# clients of file: <why>` in a case explains a difference.
"""

import pytest

from flushcheck.checking.check import CheckResult, merge
from flushcheck.configs.findings import Level, Reader
from flushcheck.configs.tree import version
from flushcheck.files import check_text
from tests.checking.test_lab_agrees import PROGRAMS, files
from tests.lab import case as lab

# A finding for HTTP/1.1 clients over TLS concerns each client of a case that speaks HTTP/1.1 there.
READERS = {
    lab.Client.HTTP1: Reader.HTTP1,
    lab.Client.BROWSER: Reader.BROWSER,
    lab.Client.HTTP3: Reader.BROWSER,
}
CASES = [
    case
    for case in lab.every()
    if case.kind is not lab.Kind.PART and (case.tls or case.version) and files(case)
]


def checked(case: lab.Case) -> CheckResult:
    """The findings of the case's own file and of those behind it, each for its program's version."""
    results = []
    for one in files(case):
        given = version(one.version) if one.version else ()
        results.append(check_text(one.text, server=PROGRAMS[one.program], name=one.name, version=given))
    return merge(results)


def held_for(case: lab.Case, result: CheckResult) -> set[lab.Client]:
    """The clients for which a finding says that a stream is held. What stands behind TLS is met by all."""
    serious = [finding for finding in result.findings if finding.level is not Level.NOTE]
    return {
        client
        for client in case.served
        for finding in serious
        # Without TLS there is one kind of reader, and what stands behind the case's own program is met by all.
        if not (case.tls and finding.file == case.name and finding.readers)
        or READERS[client] in finding.readers
    }


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_a_finding_names_the_clients_for_which_the_case_is_held(case: lab.Case) -> None:
    streams = case.transports != ("websocket",)  # what holds none of them is about the upgrade alone
    held = set(case.clients) & set(case.served) if case.kind is lab.Kind.GUILTY and streams else set()
    if "clients of file" in case.options:
        assert held_for(case, checked(case)) != held
    else:
        assert held_for(case, checked(case)) == held


def test_there_are_cases_of_each_program_with_tls() -> None:
    assert {case.program for case in CASES} >= {"nginx", "haproxy", "apache", "caddy"}
