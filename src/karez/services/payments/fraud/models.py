"""The door for models that judge payments.

A model is one pure function: it is told what the rules are told, and says how probable fraud is. Whoever brings one
puts it into ``MODELS`` under its name and version, and the operator sets a rule ``score_above`` on that name:

    def night_owl(attempt: PaymentAttempt, observed: Observed) -> Score:
        hour = attempt.at_ns // 3_600_000_000_000 % 24
        return Score(0.9, ("3 o'clock at night",)) if hour == 19 else Score(0.0)

    MODELS = {"night-owl-1": night_owl}

What a model learns from is its own matter; here nothing is read, waited for or remembered.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from karez.services.payments.fraud.attempts import Observed, PaymentAttempt


@dataclass(frozen=True, slots=True)
class Score:
    """What a model thinks of an attempt.

    Attributes:
        fraud: How probable fraud is, from 0 to 1.
        reasons: Why, for the operator.
    """

    fraud: float
    reasons: tuple[str, ...] = ()

    @property
    def fraud_bps(self) -> int:
        """Return it in hundredths of a percent."""
        return round(10_000 * min(1.0, max(0.0, self.fraud)))


Model = Callable[[PaymentAttempt, Observed], Score]

MODELS: Mapping[str, Model] = {}
"""By name and version; a service adds its own here."""
