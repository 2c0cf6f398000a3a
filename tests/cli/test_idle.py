"""`--idle` on the command line."""

from __future__ import annotations

import pytest

from flushcheck.cli import main
from tests.prober.peers import scripted_server
from tests.prober.test_idle_timeouts import service

FLAGS = ["--only", "chunked", "--quick"]


def test_the_estimate_comes_first_and_the_time_of_the_cut_last(capsys):
    with scripted_server(service(idle_s=1.0)) as url:
        assert main(["diagnose", url, *FLAGS, "--idle", "2"]) == 1
    output = capsys.readouterr()
    assert "silences of 2 s" in output.err
    assert "about 2 s more" in output.err
    one_line = " ".join(output.out.split())
    assert "of silence; a stream without pauses is not cut within 2 s" in one_line
    assert "idle-timeout" in one_line


@pytest.mark.parametrize("given", ["", "x", "0", "5,,30", "5;30", "301", "nan"])
def test_an_invalid_silence_is_wrong_usage(given, capsys):
    assert main(["diagnose", "http://x", "--idle", given]) == 2
    message = capsys.readouterr().err
    assert "expected" in message
    assert "for example" in message
