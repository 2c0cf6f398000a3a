"""Settings from the environment: what is taken, what is refused, and in which words."""

import pytest

from flushcheck.core.limits import Limits
from flushcheck.core.model import UsageError

TAKEN = [
    # name, environment, expected
    ("nothing set", {}, Limits()),
    ("others' settings", {"PATH": "/bin", "PORT": "80"}, Limits()),
    ("whole numbers", {"FLUSHCHECK_MAX_STREAMS": "5"}, Limits(max_streams=5)),
    ("seconds", {"FLUSHCHECK_HEARTBEAT_S": "0.5"}, Limits(heartbeat_s=0.5)),
    ("whole seconds", {"FLUSHCHECK_RETRY_S": "3"}, Limits(retry_s=3.0)),
    ("a file", {"FLUSHCHECK_TEXT_FILE": "own.txt"}, Limits(text_file="own.txt")),
    ("an address", {"FLUSHCHECK_PUBLIC_URL": "https://a.b/c"}, Limits(public_url="https://a.b/c")),
]


@pytest.mark.parametrize(("name", "environ", "expected"), TAKEN)
def test_settings_are_read(name, environ, expected):
    assert Limits.from_environ(environ) == expected


REFUSED = [
    ("FLUSHCHECK_MAX_STREAMS", "many"),
    ("FLUSHCHECK_MAX_STREAMS", "0"),
    ("FLUSHCHECK_MAX_STREAMS", "-1"),
    ("FLUSHCHECK_MAX_STREAMS", "1.5"),
    ("FLUSHCHECK_MAX_STREAMS", ""),
    ("FLUSHCHECK_MAX_STREAMS", "9" * 5000),
    ("FLUSHCHECK_HEARTBEAT_S", "inf"),
    ("FLUSHCHECK_HEARTBEAT_S", "nan"),
    ("FLUSHCHECK_HEARTBEAT_S", "soon"),
    ("FLUSHCHECK_PUBLIC_URL", "example.org"),
    ("FLUSHCHECK_LOOPBACK_URL", "file:///etc/passwd"),
]


@pytest.mark.parametrize(("name", "raw"), REFUSED)
def test_a_bad_setting_is_named_with_an_example(name, raw):
    with pytest.raises(UsageError, match=r"expected .*for example") as told:
        Limits.from_environ({name: raw})
    assert str(told.value).startswith(f"{name}=")
    assert "\n" not in str(told.value)
