"""Payments that are judged together see each other, in order: what one adds, the next one finds."""

from collections import defaultdict
from dataclasses import replace

from karez.services.payments.fraud.attempts import NOTHING, Observed, PaymentAttempt, Seen, Subject, Window
from karez.services.payments.fraud.deciding import Outcome
from karez.services.payments.fraud.observing import Looking


class Tally:
    """What was decided about the payments of one batch so far.

    Args:
        looking: What the rules look at.
    """

    def __init__(self, looking: Looking) -> None:
        self._subjects = [subject for subject, _ in looking.counted]
        self._payments: dict[tuple[Subject, object], Seen] = defaultdict(Seen)
        self._amounts_minor: dict[tuple[Subject, object, str], int] = defaultdict(int)

    def added_to(self, observed: Observed, attempt: PaymentAttempt) -> Observed:
        """Return what is known about an attempt, with what the batch has added to it.

        Args:
            observed: As it was read.
            attempt: The next one.
        """
        more = {}
        for subject in self._subjects:
            key = subject, getattr(attempt, subject)
            earlier = self._payments.get(key)
            if earlier is not None and attempt.takes_part(subject):
                amount_minor = self._amounts_minor[*key, attempt.currency]
                more[subject] = Seen(earlier.count, amount_minor, earlier.stopped)
        if not more:
            return observed
        seen = {
            (subject, window): observed.seen.get((subject, window), NOTHING) + added
            for subject, added in more.items()
            for window in Window
        }
        return replace(observed, seen={**observed.seen, **seen})

    def add(self, attempt: PaymentAttempt, outcome: Outcome) -> None:
        """Count an attempt for those that follow."""
        for subject in self._subjects:
            key = subject, getattr(attempt, subject)
            if outcome == "allow":
                self._payments[key] += Seen(count=1)
                self._amounts_minor[*key, attempt.currency] += attempt.amount_minor
            else:
                self._payments[key] += Seen(stopped=1)
