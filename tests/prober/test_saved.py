import json
import os

import pytest

from flushcheck.model import Observation, Outcome, Probe, Run, Transport, UsageError
from flushcheck.model.codec import to_json
from flushcheck.model.run_schema import SCHEMA, run_to_json
from flushcheck.prober import dump, load, saving

RUN = Run("http://x", (Observation(Probe(Transport.CHUNKED), Outcome.REFUSED, detail="no"),), "flushcheck 1")
GOOD = run_to_json(RUN)


def test_a_run_comes_back_as_it_was(tmp_path):
    path = tmp_path / "run.json"
    with saving(str(path)) as file:
        file.write(dump(RUN))
    assert load(str(path)) == RUN
    assert json.loads(path.read_text())["schema"] == SCHEMA
    assert list(tmp_path.iterdir()) == [path]


WRONG = [
    # name              what lies there                                    what is said
    ("empty",           b"",                                               "is not JSON"),
    ("a picture",       b"\x89PNG\r\n\x1a\n\xff",                          "is not JSON"),
    ("deep",            b"[" * 100_000,                                    "is not JSON"),
    ("another list",    b"[]",                                             "is JSON of another kind"),
    ("another object",  b'{"a": 1}',                                       "is JSON of another kind"),
    ("a report",        b'{"schema": 1, "verdict": "held", "transports": {}}', "is a report"),
    ("without schema",  json.dumps(to_json(RUN)).encode(),                 "has no schema"),
    ("a later schema",  json.dumps({**GOOD, "schema": 4}).encode(),        "schema=4: expected 1 to 3"),
    ("a wrong field",   json.dumps({**GOOD, "target": 5}).encode(),        "run.target='5': expected a string"),
    ("a wrong outcome", json.dumps(GOOD).replace("refused", "x").encode(), "run.observations[0].outcome='x'"),
    ("not a number",    json.dumps(GOOD).replace('"stall_s": 0.0', '"stall_s": NaN').encode(), "stall_s='nan'"),
    ("an endless number", json.dumps(GOOD).replace('"stall_s": 0.0', '"stall_s": ' + "9" * 5000).encode(), "is not JSON"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "content", "says"), WRONG, ids=[row[0] for row in WRONG])
def test_a_file_that_is_no_run_is_told_with_its_name_and_an_example(name, content, says, tmp_path):
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(UsageError) as raised:
        load(str(path))
    assert says in str(raised.value)
    assert str(path) in str(raised.value)
    assert "--save run.json" in str(raised.value)
    assert len(str(raised.value)) < 600


def test_a_file_that_cannot_be_read_is_told(tmp_path, monkeypatch):
    for path in (tmp_path, tmp_path / "none", "a\0b"):
        with pytest.raises(UsageError, match="expected a saved run"):
            load(str(path))
    monkeypatch.setattr("flushcheck.prober.saved.MAX_RUN_BYTES", 100)
    (tmp_path / "large").write_bytes(b" " * 101)
    with pytest.raises(UsageError, match="at most 0 MiB"):
        load(str(tmp_path / "large"))


def test_what_was_there_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "run.json"
    path.write_text("old")
    path.chmod(0o640)
    with pytest.raises(ZeroDivisionError), saving(str(path)) as file:
        file.write("half" * (1 // 0))
    assert path.read_text() == "old"
    with saving(str(path)) as file:
        file.write("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link_and_a_device_a_device(tmp_path):
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("real.json")
    with saving(str(tmp_path / "link.json")) as file:
        file.write("new")
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == "new"
    with saving(os.devnull) as file:
        file.write("gone")


def test_a_new_file_has_the_rights_that_files_have_here(tmp_path):
    (tmp_path / "plain").touch()
    with saving(str(tmp_path / "run.json")) as file:
        file.write("x")
    assert (tmp_path / "run.json").stat().st_mode == (tmp_path / "plain").stat().st_mode


@pytest.mark.parametrize("where", ["", "none/run.json", "a\0b", "file/run.json"])
def test_a_place_that_cannot_be_written_is_told_before(where, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"for example --save run\.json"), saving(str(tmp_path / where)):
        pytest.fail("found out too late")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_file_that_is_read_only_is_not_replaced(tmp_path):
    (tmp_path / "run.json").touch(0o400)
    with pytest.raises(UsageError, match="Permission denied"), saving(str(tmp_path / "run.json")):
        pytest.fail("found out too late")
