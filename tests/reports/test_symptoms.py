"""What a stream looks like behind a culprit: a sentence and a picture for each kind, made of data alone."""

from __future__ import annotations

import re

import pytest

from flushcheck.culprits import CULPRITS
from flushcheck.model import Flow, Symptom
from flushcheck.reports.html import BOTTOM, TOP, WIDTH
from flushcheck.reports.symptoms import SENT_S, symptom_picture, symptom_sentence

SYMPTOMS = [
    # symptom, its sentence, pieces that arrive, moments at which something arrives
    (Symptom(Flow.BLOCKS, block_bytes=4096), "in blocks of 4,096 bytes", 21, 5),
    (Symptom(Flow.BLOCKS), "in blocks of one size", 21, 5),
    (Symptom(Flow.TICKS, tick_s=0.2), "in ticks of 200 ms", 21, 6),
    (Symptom(Flow.HELD), "all at the end", 21, 1),
    (
        Symptom(Flow.HELD, compressed=True),
        "the header of the response at once, then nothing until the end",
        21,
        2,
    ),
    (Symptom(Flow.LATE), "nothing for a while, then piece by piece", 21, 12),
    (Symptom(Flow.LATE, with_next=True), "each piece with the next one", 21, 20),
    (Symptom(Flow.THROTTLED), "at a constant rate, with a growing delay", 21, 21),
    (Symptom(Flow.CUT), "the connection ends before the stream does", 11, 11),
    (Symptom(Flow.FAILED), "the stream does not open", 0, 0),
    (Symptom(Flow.REPLAYED), "an older stream at once, from a store", 21, 1),
    (Symptom(Flow.FLOWING), "piece by piece", 21, 21),
]


@pytest.mark.parametrize(("symptom", "sentence", "pieces", "moments"), SYMPTOMS)
def test_a_symptom_has_its_sentence_and_its_picture(symptom, sentence, pieces, moments):
    assert symptom_sentence(symptom) == sentence
    picture = symptom_picture(symptom)
    assert f'aria-label="Picture: {sentence}"' in picture
    lines = re.findall(rf"M([\d.]+) {TOP}L([\d.]+) {BOTTOM}", picture)
    assert len(lines) == pieces
    assert len(set(re.findall(rf"M([\d.]+) {BOTTOM}V", picture))) == moments
    # What was sent is drawn in full, and nothing leaves the picture.
    assert len(re.findall(rf"M[\d.]+ {TOP - 12}V{TOP}", picture)) == len(SENT_S)
    assert all(0 <= float(x) <= WIDTH for line in lines for x in line)


def test_no_piece_is_drawn_before_it_was_sent_unless_it_is_replayed():
    for symptom, *_ in SYMPTOMS:
        lines = re.findall(rf"M([\d.]+) {TOP}L([\d.]+) {BOTTOM}", symptom_picture(symptom))
        early = [line for line in lines if float(line[1]) < float(line[0])]
        assert bool(early) is (symptom.flow is Flow.REPLAYED)


def test_every_symptom_of_the_catalogue_has_a_sentence_of_its_kind():
    shown = {symptom for culprit in CULPRITS.values() for symptom in culprit.shows}
    assert shown
    assert all(symptom_sentence(symptom) != "piece by piece" for symptom in shown)
