"""The nouns of flushcheck, as plain frozen values that every other package shares.

Start with `observation.py` (what one request saw) and `report.py` (what a run tells). The inference
turns Observations into a Report and nothing else: whatever a verdict needs is in these values, so that a
run can be saved, sent by a browser or a shell, and judged again elsewhere with the same result.

Units: seconds (`_s`) and bytes (`_bytes`) everywhere. A client's seconds count from the moment its request
was sent, the service's from the start of its stream; the two clocks are never compared, only differences
within one of them are.

Imports the standard library only. Every other package may import it.
"""

from flushcheck.model.certificate import Certificate, CertificateMatch, CertificateReport
from flushcheck.model.culprit import (
    Confidence,
    Culprit,
    Detection,
    Evidence,
    Fix,
    Owner,
    Source,
    Status,
    Symptom,
)
from flushcheck.model.errors import UsageError
from flushcheck.model.fault_place import FaultPlace
from flushcheck.model.observation import (
    PUBLIC,
    Arrival,
    Flow,
    Lag,
    NamedAddress,
    Observation,
    Outcome,
    ReceivedPiece,
    Run,
    TapRequest,
    TimedPiece,
)
from flushcheck.model.origin import Capabilities, Omission, OmissionReason
from flushcheck.model.pieces import (
    PRETEND_HEADER,
    EndRecord,
    Framing,
    Piece,
    RequestAtApp,
    Transport,
    Unit,
)
from flushcheck.model.probes import Client, Probe, Scenario, Vantage, Variant
from flushcheck.model.report import (
    Bundle,
    ClientReport,
    CulpritReport,
    CutCause,
    FaultLocation,
    Hop,
    IdleResult,
    OfferedFix,
    Report,
    Rung,
    RungStream,
    StreamReport,
    TransportReport,
    Verdict,
)
from flushcheck.model.servers import Place, Server
from flushcheck.model.tokens import Ending, Gaps, TokenMetrics
from flushcheck.model.versions import Side, Version, VersionChange

__all__ = [
    "PRETEND_HEADER",
    "PUBLIC",
    "Arrival",
    "Bundle",
    "Capabilities",
    "Certificate",
    "CertificateMatch",
    "CertificateReport",
    "Client",
    "ClientReport",
    "Confidence",
    "Culprit",
    "CulpritReport",
    "CutCause",
    "Detection",
    "EndRecord",
    "Ending",
    "Evidence",
    "FaultLocation",
    "FaultPlace",
    "Fix",
    "Flow",
    "Framing",
    "Gaps",
    "Hop",
    "IdleResult",
    "Lag",
    "NamedAddress",
    "Observation",
    "OfferedFix",
    "Omission",
    "OmissionReason",
    "Outcome",
    "Owner",
    "Piece",
    "Place",
    "Probe",
    "ReceivedPiece",
    "Report",
    "RequestAtApp",
    "Run",
    "Rung",
    "RungStream",
    "Scenario",
    "Server",
    "Side",
    "Source",
    "Status",
    "StreamReport",
    "Symptom",
    "TapRequest",
    "TimedPiece",
    "TokenMetrics",
    "Transport",
    "TransportReport",
    "Unit",
    "UsageError",
    "Vantage",
    "Variant",
    "Verdict",
    "Version",
    "VersionChange",
]
