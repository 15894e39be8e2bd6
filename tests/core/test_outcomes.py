"""A rejection keeps its code, sentence and facts wherever it goes."""

import copy
import pickle

from karez.core.outcomes import Rejected, Unavailable


def test_a_rejection_shows_its_code_and_its_sentence() -> None:
    assert str(Rejected("limit_reached", "Budget spring-2026 is used up.", limit=7)) == (
        "limit_reached: Budget spring-2026 is used up."
    )


def test_a_rejection_survives_the_way_to_another_process() -> None:
    rejected = pickle.loads(pickle.dumps(Rejected("limit_reached", "Used up.", limit=7)))
    assert (rejected.code, rejected.sentence, rejected.facts) == ("limit_reached", "Used up.", {"limit": 7})
    unavailable = copy.copy(Unavailable("disk_full", "The disk is full.", retry_after_s=2.5))
    assert (str(unavailable), unavailable.retry_after_s) == ("disk_full: The disk is full.", 2.5)
