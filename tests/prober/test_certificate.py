"""What a certificate says is read as openssl reads it, and hostile bytes end in an empty field."""

import ssl
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flushcheck.model import Certificate, UsageError
from flushcheck.prober.certificate import MAX_NAME, MAX_PINS, certificate, parse_pins, pin_of
from tests.prober.certificates import self_signed

EC = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
# The oldest of all is RSA: its key has another structure.
MADE = [
    # name, key, subject, as it is shown
    ("elliptic curve", EC, "/O=Test Authority/CN=test", "Test Authority, test"),
    ("RSA", ["-newkey", "rsa:2048"], "/C=DE/O=A, B/CN=*.site.test", "DE, A, B, *.site.test"),
    ("Ed25519", ["-newkey", "ed25519"], "/CN=日本", "日本"),
    ("without a name", EC, "/", ""),
    ("control characters", EC, "/CN=a\x1b[31mb", "a\\x1b[31mb"),
    ("a long name", EC, "".join(f"/OU={'x' * 60}{number}" for number in range(5)), f"{', '.join('x' * 60 + str(number) for number in range(5))[:MAX_NAME]}…"),
]  # fmt: skip


def openssl(*arguments: str, data: bytes = b"") -> bytes:
    return subprocess.run(
        ["openssl", *arguments], input=data, check=True, capture_output=True, timeout=60
    ).stdout


@pytest.mark.parametrize(("name", "key", "subject", "shown"), MADE, ids=[row[0] for row in MADE])
def test_it_is_read_as_openssl_reads_it(name, key, subject, shown, tmp_path):
    pem = openssl("req", "-x509", *key, "-nodes", "-keyout", str(tmp_path / "key"), "-days", "20000",
                  "-utf8", "-subj", subject)  # fmt: skip
    facts = certificate(ssl.PEM_cert_to_DER_cert(pem.decode()))
    assert (facts.subject, facts.issuer) == (shown, shown)
    fingerprint = openssl("x509", "-noout", "-fingerprint", "-sha256", data=pem).decode()
    assert parse_pins(fingerprint.strip()) == (facts.sha256,)
    # As curl's manual has it: openssl x509 -pubkey | openssl pkey -pubin -outform der | …
    public_key = openssl(
        "pkey", "-pubin", "-outform", "der", data=openssl("x509", "-noout", "-pubkey", data=pem)
    )
    assert facts.public_key == pin_of(public_key)
    expires = openssl("x509", "-noout", "-enddate", "-dateopt", "iso_8601", data=pem).decode()
    assert expires == f"notAfter={facts.expires}Z\n"
    assert facts.expires > "2050", "which is written in another form"


@pytest.fixture(scope="module")
def der(tmp_path_factory) -> bytes:
    return ssl.PEM_cert_to_DER_cert(self_signed(tmp_path_factory.mktemp("der")).cert.read_text())


def element(tag: int, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return bytes((tag, 0x84)) + len(content).to_bytes(4, "big") + content


def made(*, name: bytes = b"", dates: bytes = b"", tag: int = 0x30) -> bytes:
    """A certificate of these parts, as small as it can be."""
    validity = dates or element(0x17, b"200101000000Z") + element(0x17, b"491231235958Z")
    fields = (
        element(2, b"\x01"),
        element(0x30),
        element(0x30, name),
        element(0x30, validity),
        element(0x30, name),
        element(0x30),
    )
    return element(tag, element(0x30, *fields))  # fmt: skip


def attribute(tag: int, value: bytes) -> bytes:
    return element(0x31, element(0x30, element(6, b"\x55\x04\x03"), element(tag, value)))


STRINGS = [
    # tag, bytes, shown
    (0x0C, "é".encode(), "é"),
    (0x13, b"plain", "plain"),
    (0x14, "é".encode("latin-1"), "é"),
    (0x16, b"a@b", "a@b"),
    (0x1C, "é".encode("utf-32-be"), "é"),
    (0x1E, "é".encode("utf-16-be"), "é"),
    (0x42, b"odd", "odd"),
    (0x0C, b"\xff\xfe", "��"),
    (0x1E, b"\x00", "�"),
]  # fmt: skip


@pytest.mark.parametrize(("tag", "value", "shown"), STRINGS)
def test_every_kind_of_string_is_read(tag, value, shown):
    assert certificate(made(name=attribute(tag, value))).issuer == shown


DATES = [
    # tag, date, shown
    (0x17, b"491231235958Z", "2049-12-31 23:59:58"),
    (0x17, b"500101000000Z", "1950-01-01 00:00:00"),
    (0x18, b"20500101000000Z", "2050-01-01 00:00:00"),
]


@pytest.mark.parametrize(("tag", "date", "shown"), DATES)
def test_both_forms_of_a_date_are_read(tag, date, shown):
    assert certificate(made(dates=element(tag, date) * 2)).expires == shown


UNREADABLE = [
    # name, bytes
    ("nothing", b""),
    ("one byte", b"\x30"),
    ("a length without its bytes", b"\x30\x84\xff"),
    ("a length of unknown length", b"\x30\x80"),
    ("a length of five bytes", b"\x30\x85" + bytes(5)),
    ("a length beyond the end", b"\x30\x84\xff\xff\xff\xff"),
    ("nothing in it", element(0x30)),
    ("no fields in it", element(0x30, element(0x30))),
    ("few fields in it", element(0x30, element(0x30, element(2), element(2)))),
    ("no dates", made(dates=element(5))),
    ("three dates", made(dates=element(0x17, b"491231235958Z") * 3)),
    ("a date of another kind", made(dates=element(0x0C, b"20491231235958Z") * 2)),
    ("a date with a zone", made(dates=element(0x18, b"20491231235958+0100") * 2)),
    ("a date in other digits", made(dates=element(0x18, "２０４９１２３１２３５９５８Z".encode()) * 2)),
    ("a name of one part", made(name=element(0x31, element(0x30, element(6))))),
]  # fmt: skip


@pytest.mark.parametrize(("name", "der"), UNREADABLE, ids=[row[0] for row in UNREADABLE])
def test_what_cannot_be_read_has_its_fingerprint_only(name, der):
    facts = certificate(der)
    assert facts == Certificate(sha256=facts.sha256)
    assert len(facts.sha256) == 64


@given(st.binary(max_size=300))
def test_any_bytes_are_read_to_an_end(data):
    assert certificate(data).sha256


@given(st.data())
def test_any_changed_certificate_is_read_to_an_end(der, data):
    changed = bytearray(der)
    for _ in range(data.draw(st.integers(1, 4))):
        changed[data.draw(st.integers(0, len(changed) - 1))] = data.draw(st.integers(0, 255))
    facts = certificate(bytes(changed))
    assert facts.issuer.isprintable()
    assert len(facts.issuer) <= MAX_NAME + 1


KEY = pin_of(b"a")
HEX = "0123456789abcdef" * 4

PINS = [
    # given, pins
    (KEY, (KEY,)),
    (HEX, (HEX,)),
    (HEX.upper(), (HEX,)),
    (":".join(HEX[at : at + 2] for at in range(0, 64, 2)), (HEX,)),
    (f"SHA256 Fingerprint={HEX}", (HEX,)),
    (f"{KEY}; {HEX}", (KEY, HEX)),
    (";".join([KEY] * MAX_PINS), (KEY,) * MAX_PINS),
]


@pytest.mark.parametrize(("given_pin", "pins"), PINS, ids=[row[0][:40] for row in PINS])
def test_a_pin_is_a_key_or_a_fingerprint(given_pin, pins):
    assert parse_pins(given_pin) == pins


WRONG = ["", "sha256//", KEY[:-1], f"{KEY}=", KEY.replace("256", "1"), HEX[:-1], f"{HEX}0", f"{HEX[:-1]}g", f"{KEY};", "/etc/key.pem", ";".join([KEY] * (MAX_PINS + 1))]  # fmt: skip


@pytest.mark.parametrize("given_pin", WRONG, ids=[given[:40] for given in WRONG])
def test_what_is_no_pin_is_refused_with_an_example(given_pin):
    with pytest.raises(UsageError, match=r"--pin.*: expected .*for example --pin '?sha256//"):
        parse_pins(given_pin)
