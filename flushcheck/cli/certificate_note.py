"""The certificate that arrives: in the run of a watched stream, or as a line where there is no run."""

from __future__ import annotations

import time
from dataclasses import replace

from flushcheck.cli.console import Console
from flushcheck.diagnosis.certificates import certificate_report, certificate_sentence
from flushcheck.model import Run
from flushcheck.prober.greeting import CertificateLook
from flushcheck.prober.target import Target

SPARE_S = 1.0  # how much longer than the command's own request the look may take


class CertificateNote:
    """A look at the certificate of a command's target, begun beside its own request.

    Nothing is looked at unless it may be another one than the site's: where a proxy is on the way, a pin is
    given, or it is not verified.
    """

    def __init__(self, target: Target, beside: Target | None, deadline: float) -> None:
        """Begin.

        Args:
            target: where the command's request goes.
            beside: where the same request goes for comparison; None for nowhere.
            deadline: when to give up, in time.monotonic().
        """
        self._target = target
        matters = bool(target.options.pins or target.proxy or not target.options.tls.verify)
        same = beside is not None and beside.address == target.address
        self._looks = [
            CertificateLook(target if matters else None, deadline),
            CertificateLook(beside if matters and same else None, deadline),
        ]

    def added(self, run: Run) -> Run:
        """The run with what was seen; unchanged if nothing was."""
        until = time.monotonic() + SPARE_S
        presented, site = (look.wait(until) for look in self._looks)
        return replace(run, certificate=presented, site_certificate=site, pins=self._target.options.pins)

    def write(self, console: Console) -> None:
        """Write what was seen; nothing if nothing was."""
        run = self.added(Run(self._target.address.url, ()))
        if found := certificate_report(run):
            console.note(certificate_sentence(found, run.pins))
