"""What a setup means for streams: facts in, statements out."""

from __future__ import annotations

import pytest

from flushcheck.configs.findings import Level
from flushcheck.diagnosis.app_server import GREEN, SYNC, THREADS, Runner, Setup, examine, exit_code
from flushcheck.reports.app_server import checkup_document, checkup_line, checkup_text


def gunicorn(worker=GREEN, **facts):
    usual = {
        "version": "27.0.1",
        "processes": 1,
        "timeout_s": 30,
        "gevent": "26.9.0",
        "patched": True,
        "max_streams": 900,
    }
    places = {GREEN: 1000, SYNC: 1, THREADS: 1000}.get(worker, 1)
    return Setup(Runner.GUNICORN, worker=worker, **{**usual, "places": places, **facts})


def other(runner, **facts):
    return Setup(runner, **{"max_streams": 900, **facts})


SETUPS = [
    # name,                      setup,                                                streams, ids by level
    ("as it ships",              gunicorn(),                                               900, []),
    ("two workers",              gunicorn(processes=2),                                   1800, []),
    ("connections too few",      gunicorn(places=900),                                     900, ["warning worker-connections"]),
    ("far too few",              gunicorn(places=100),                                     100, ["warning worker-connections"]),
    ("fewer streams asked for",  gunicorn(places=100, max_streams=80),                      80, []),
    ("gevent missing",           gunicorn(gevent=""),                                      900, ["error gevent"]),
    ("loaded too early",         gunicorn(preloaded=True, patched=False),                  900, ["error preload-app"]),
    ("loaded early, patched",    gunicorn(preloaded=True),                                 900, []),
    ("the engine off",           gunicorn(engine=False),                                   900, ["note engine"]),
    ("the engine does not fit",  gunicorn(engine_misfits=("gevent's loop has no method io",)), 900, ["warning engine"]),
    ("neither on nor fitting",   gunicorn(engine=False, engine_misfits=("X",)),            900, ["warning engine"]),
    ("the worker not found",     gunicorn("", places=0, worker_found=False),                 0, ["warning gunicorn-worker"]),
    ("sync",                     gunicorn(SYNC),                                             1, ["error sync-worker"]),
    ("four sync workers",        gunicorn(SYNC, processes=4),                                4, ["error sync-worker"]),
    ("sync, preloaded",          gunicorn(SYNC, preloaded=True, patched=False),              1, ["error sync-worker"]),
    ("many threads",             gunicorn(THREADS),                                        900, []),
    ("threads for a few",        gunicorn(THREADS, places=40),                              40, ["note threads"]),
    ("few threads",              gunicorn(THREADS, places=4, processes=2),                   8, ["warning threads"]),
    ("threads without gevent",   gunicorn(THREADS, gevent=""),                             900, ["note gevent"]),
    ("another worker",           gunicorn("tornado"),                                        1, ["warning worker-class"]),
    ("uWSGI as it comes",        other(Runner.UWSGI, processes=1, places=1),                 1, ["warning threads", "note websocket"]),
    ("uWSGI",                    other(Runner.UWSGI, processes=2, places=100),             200, ["note threads", "note websocket"]),
    ("mod_wsgi inside Apache",   other(Runner.MOD_WSGI, places=25),                          0, ["note threads", "note websocket"]),
    ("Passenger",                other(Runner.PASSENGER, places=1),                          0, ["note websocket"]),
    ("mod_fcgid",                other(Runner.FASTCGI),                                      0, ["note websocket"]),
    ("FastCGI by hand",          other(Runner.FASTCGI, places=200),                          0, ["note websocket"]),
    ("CGI",                      other(Runner.CGI, places=1),                                0, ["note websocket"]),
    ("Werkzeug",                 other(Runner.WERKZEUG, processes=1, places=900),          900, ["warning werkzeug"]),
    ("unknown",                  other(Runner.UNKNOWN),                                      0, []),
    ("a misspelt name",          gunicorn(strangers=("X is no setting: did you mean Y?",)), 900, ["warning setting"]),
    ("somebody else's name",     gunicorn(strangers=("X is no setting",)),                 900, ["note setting"]),
    ("a value refused",          gunicorn(refused="X=0: expected more"),                   900, ["error setting"]),
    ("the worst first",          gunicorn(SYNC, strangers=("X",), refused="Y"),              1, ["error setting", "error sync-worker", "note setting"]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "setup", "streams", "remarks"), SETUPS, ids=[name for name, *_ in SETUPS])
def test_a_setup_is_judged(name, setup, streams, remarks):
    checkup = examine(setup)
    assert checkup.streams == streams
    assert [f"{remark.level} {remark.id}" for remark in checkup.remarks] == remarks
    assert checkup.websocket == (setup.runner in (Runner.GUNICORN, Runner.WERKZEUG))


@pytest.mark.parametrize("setup", [setup for _, setup, *_ in SETUPS])
def test_the_exit_code_says_the_same(setup):
    checkup = examine(setup)
    to_change = any(remark.level is not Level.NOTE for remark in checkup.remarks)
    assert exit_code(checkup) == (1 if to_change else 3 if setup.runner is Runner.UNKNOWN else 0)


@pytest.mark.parametrize("setup", [setup for _, setup, *_ in SETUPS])
def test_every_form_says_it(setup):
    checkup = examine(setup)
    text = checkup_text(checkup, width=80, color=False)
    assert " ".join(checkup.meaning.split()) in " ".join(text.split())
    line = checkup_line(checkup)
    assert "\n" not in line
    told = checkup_document(checkup)
    assert told["streams"] == checkup.streams
    for remark in checkup.remarks:
        assert remark.sentence in " ".join(text.split())
        assert f"fix: {remark.fix}" in text or not remark.fix
        assert (remark.sentence in line) == (remark.level is not Level.NOTE)


@pytest.mark.parametrize("setup", [setup for _, setup, *_ in SETUPS])
def test_the_fix_of_a_number_is_no_fault_itself(setup):
    """What the doctor prints for connections and streams satisfies the doctor."""
    for remark in examine(setup).remarks:
        if remark.id == "worker-connections":
            places = int(remark.fix.rpartition(" ")[2])
            assert examine(gunicorn(places=places, max_streams=setup.max_streams)).remarks == ()
        if remark.fix.startswith("FLUSHCHECK_MAX_STREAMS="):
            assert 0 < int(remark.fix.rpartition("=")[2]) < setup.places
