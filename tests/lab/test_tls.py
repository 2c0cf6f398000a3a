"""TLS records and versions: sizes as they were on the wire, and a version is the one that a case names."""

import pytest

from tests.lab import versions
from tests.lab.setting import Missing
from tests.lab.tls import Records, usual_record

HANDSHAKE = b"\x16\x03\x03\x00\x02hi"
DATA = b"\x17\x03\x03\x00\x05hello"


@pytest.mark.parametrize("step", [1, 4, 5, 6, 1000])
def test_records_of_data_are_counted_however_they_are_cut(step):
    records = Records()
    wire = HANDSHAKE + DATA + DATA
    for at in range(0, len(wire), step):
        records.feed(wire[at : at + step])
    assert records.sizes == [5, 5]


USUAL = [
    # name                          sizes                              usual
    ("a buffer",                    [120, 16401, 16401, 16401, 9000],  16401),
    ("as many as others",           [700, 800, 4113, 4113, 4113, 900], 4113),
    ("fewer than others",           [700, 800, 900, 1000, 4113, 4113], 0),
    ("too few to tell",             [16401, 16401],                    0),
    ("small ones are not a buffer", [60, 60, 60, 60],                  0),
]  # fmt: skip


@pytest.mark.parametrize(("name", "sizes", "usual"), USUAL)
def test_usual_record(name, sizes, usual):
    assert usual_record(sizes) == usual


FITS = [
    # version     wanted    fits
    ("1.30.6",    "1.30",   True),
    ("1.30.6",    "1.30.6", True),
    ("1.30.6",    "1.3",    False),
    ("2.10.0",    "2.1",    False),
    ("",          "1.30",   False),
]  # fmt: skip


@pytest.mark.parametrize(("version", "wanted", "fits"), FITS)
def test_a_version_fits_what_it_begins_with(version, wanted, fits):
    assert versions.fits(version, wanted) is fits


def test_a_version_that_nothing_provides_is_missing():
    with pytest.raises(Missing, match=r"nginx 0\.1 is not here"):
        versions.command("nginx", "0.1")
