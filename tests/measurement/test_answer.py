"""An answer is compared, never tested for truth."""

from __future__ import annotations

import pytest

from flushcheck.measurement.answer import Answer


@pytest.mark.parametrize("answer", Answer)
def test_an_answer_has_no_truth_value(answer):
    with pytest.raises(TypeError, match="compare it"):
        bool(answer)


@pytest.mark.parametrize(("fact", "answer"), [(True, Answer.YES), (False, Answer.NO)])
def test_a_decided_question_is_answered_yes_or_no(fact, answer):
    assert Answer.of(fact) is answer
