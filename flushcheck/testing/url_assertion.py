"""`assert_url_streams`: the same of a running server, with everything that lies in front of it.

The request is that of `flushcheck watch`: a browser's encodings, HTTP/2 where it is offered, and repeats that
differ in one thing each. So it depends on the network and takes as long as the stream does.
"""

from __future__ import annotations

import json as json_module
from collections.abc import Mapping

from flushcheck.diagnosis.inference import judge
from flushcheck.model import Report, UsageError, Verdict
from flushcheck.prober.target import ConnectionOptions, TlsOptions
from flushcheck.prober.watch_request import watch_request
from flushcheck.prober.watching import watch
from flushcheck.reports.terminal import terminal

DEFAULT_URL_TIMEOUT_S = 30.0

_WIDTH = 100  # of a message, in characters


def assert_url_streams(
    url: str,
    *,
    method: str = "",
    headers: Mapping[str, str] | None = None,
    json: object = None,
    data: bytes | str = b"",
    min_records: int = 3,
    repeat: bool = False,
    once: bool = False,
    ca: str = "",
    timeout_s: float = DEFAULT_URL_TIMEOUT_S,
) -> Report:
    """Assert that a stream of a running server arrives record by record.

    Args:
        url: of the stream, http or https, with its query.
        method: POST if there is a body, else GET.
        headers: of the request. A browser's Accept-Encoding is added.
        json: a body, sent as JSON.
        data: a body as it is.
        min_records: so many records at least are expected.
        repeat: repeat a POST too, where one look does not tell. A GET is repeated without it.
        once: make one request only.
        ca: a file of authorities to trust in place of the system's; "" for those.
        timeout_s: time limit of each request.

    Returns: the report, as `flushcheck watch` has it.

    Raises:
        AssertionError: it does not stream, or that cannot be told; the message is the report.
        UsageError: an argument is not possible.
    """
    if min_records < 1:
        raise UsageError(f"min_records={min_records}: expected 1 or more, for example min_records=3")
    body = data.encode() if isinstance(data, str) else data
    own = dict(headers or {})
    if json is not None:
        body = json_module.dumps(json).encode()
        if "content-type" not in map(str.lower, own):
            own["Content-Type"] = "application/json"
    options = ConnectionOptions(headers=tuple(own.items()), tls=TlsOptions(ca=ca))
    request = watch_request(url, method=method, body=body or None, options=options)
    may_repeat = not once and (repeat or request.is_safe)
    report = judge(watch(request, timeout_s=timeout_s, repeat=may_repeat))
    if report.verdict is not Verdict.FLOWING:
        raise AssertionError(f"{url} does not stream:\n{terminal(report, width=_WIDTH, color=False)}")
    records = report.stream.records if report.stream is not None else 0
    if records < min_records:
        raise AssertionError(f"{url}: {records} records arrived; expected {min_records} at least")
    return report
