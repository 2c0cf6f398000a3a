"""A recording is the run that made it: nothing that a judge needs is lost on its way through the file."""

import json

from flushcheck.model import Arrival, EndRecord, Observation, Outcome, Probe, ReceivedPiece, Run, Transport
from flushcheck.model.codec import from_json
from tests.lab.recording import slim


def test_a_slim_run_reads_back_the_same():
    probe = Probe(Transport.EVENTS, run=2)
    arrivals = (Arrival(0.1234, 10, 12, (ReceivedPiece(0, 0.0), ReceivedPiece(1, 0.1))),)
    seen = Observation(probe, Outcome.COMPLETE, status=200, arrivals=arrivals, end=EndRecord(2, 0.2))
    run = Run("http://127.0.0.1:8080", (seen,), tool="lab")
    assert from_json(Run, json.loads(json.dumps(slim(run)))) == run
