"""When, from where and by what a report was measured, and how its requests are found in access logs."""

from __future__ import annotations

from flushcheck.model import Report


def measured(report: Report) -> str:
    """When the run began, how long it took, where and by what; "" if the run does not say when."""
    if not report.began_at:
        return ""
    when = report.began_at.replace("T", " ").replace("Z", " UTC")
    place = f", from {report.observer}" if report.observer else ""
    tool = f", by {report.tool}" if report.tool else ""
    return f"{when}, in {report.took_s:.1f} s{place}{tool}"


def in_logs(report: Report) -> str:
    """What stands in the access logs of the path for each request of the run; "" if nothing does.

    A request of the user's own keeps its address, so there it is a header alone.
    """
    if not report.marker:
        return ""
    header = f"the header X-Request-ID: {report.marker}"
    return header if report.stream else f"nonce={report.marker}… in the query, and {header}"
