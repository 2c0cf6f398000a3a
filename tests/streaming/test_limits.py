"""Settings from the environment: which are accepted, which are refused, and with which error."""

import pytest

from flushcheck.model import UsageError
from flushcheck.streaming.limits import Limits

ACCEPTED = [
    # name, environment, expected
    ("nothing set", {}, Limits()),
    ("other settings", {"PATH": "/bin", "PORT": "80"}, Limits()),
    ("whole numbers", {"FLUSHCHECK_MAX_STREAMS": "5"}, Limits(max_streams=5)),
    ("seconds", {"FLUSHCHECK_HEARTBEAT_S": "0.5"}, Limits(heartbeat_s=0.5)),
    ("whole seconds", {"FLUSHCHECK_RETRY_S": "3"}, Limits(retry_s=3.0)),
    ("0 where it is the default", {"FLUSHCHECK_TRUSTED_PROXIES": "0"}, Limits()),
    ("a number there", {"FLUSHCHECK_TRUSTED_PROXIES": "2"}, Limits(trusted_proxies=2)),
    ("a text", {"FLUSHCHECK_METRICS_TOKEN": "s3cr3t"}, Limits(metrics_token="s3cr3t")),
    ("a file", {"FLUSHCHECK_TEXT_FILE": "own.txt"}, Limits(text_file="own.txt")),
    ("an empty address", {"FLUSHCHECK_PUBLIC_URL": "", "FLUSHCHECK_LOOPBACK_URL": ""}, Limits()),
    ("a switch", {"FLUSHCHECK_ENGINE": "off"}, Limits(engine="off")),
    ("its default", {"FLUSHCHECK_ENGINE": "on"}, Limits()),
    ("an empty switch", {"FLUSHCHECK_ENGINE": ""}, Limits()),
    ("an empty number", {"FLUSHCHECK_MAX_STREAMS": ""}, Limits()),
    ("an address", {"FLUSHCHECK_PUBLIC_URL": "https://a.b/c"}, Limits(public_url="https://a.b/c")),
]


@pytest.mark.parametrize(("name", "environ", "expected"), ACCEPTED)
def test_settings_are_read(name, environ, expected):
    assert Limits.from_environ(environ) == expected


REFUSED = [
    ("FLUSHCHECK_MAX_STREAMS", "many"),
    ("FLUSHCHECK_MAX_STREAMS", "0"),
    ("FLUSHCHECK_MAX_STREAMS", "-1"),
    ("FLUSHCHECK_MAX_STREAMS", "1.5"),
    ("FLUSHCHECK_MAX_STREAMS", "9" * 5000),
    ("FLUSHCHECK_TRUSTED_PROXIES", "-1"),
    ("FLUSHCHECK_TRUSTED_PROXIES", "0.0"),
    ("FLUSHCHECK_MAX_STREAMS_PER_CLIENT", "none"),
    ("FLUSHCHECK_HEARTBEAT_S", "inf"),
    ("FLUSHCHECK_HEARTBEAT_S", "nan"),
    ("FLUSHCHECK_HEARTBEAT_S", "soon"),
    ("FLUSHCHECK_PUBLIC_URL", "example.org"),
    ("FLUSHCHECK_ENGINE", "maybe"),
    ("FLUSHCHECK_ENGINE", "Off"),
    ("FLUSHCHECK_LOOPBACK_URL", "file:///etc/passwd"),
]


@pytest.mark.parametrize(("name", "raw"), REFUSED)
def test_a_wrong_setting_is_refused_with_an_example(name, raw):
    with pytest.raises(UsageError, match=r"expected .*for example") as error:
        Limits.from_environ({name: raw})
    assert str(error.value).startswith(f"{name}=")
    assert "\n" not in str(error.value)
