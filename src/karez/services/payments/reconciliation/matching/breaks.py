"""What can be wrong between the book and the bank: eight kinds, what to do about each, and the words for it.

==================== ============================================================= =======================
kind                 what happened                                                 action offered
==================== ============================================================= =======================
missing at bank      expected, and the bank's statements have passed the day       query the bank
missing in book      the bank has it, and nothing of the sort is expected          post to suspense; query
                                                                                   the bank if it went out;
                                                                                   give back what came back
amount differs       reference fits, amount does not                               query the bank
fee deducted         reference fits, the bank has a little less: its fee           book it as a bank fee
currency differs     reference fits, in another currency                           query the bank
duplicate at bank    the same reference and amount once more                       refund the payer; query
                                                                                   the bank if it went out
date differs         reference and amount fit, the day is too far away             accept the bank's day
reference unclear    amount, day and other side fit, the reference does not lead   confirm the match; query
                     to one of ours, or more than one fits                         the bank if sums differ
==================== ============================================================= =======================
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from karez.services.payments.reconciliation.matching.items import Entry, Movement, differences


class BreakKind(StrEnum):
    """What is wrong."""

    MISSING_AT_BANK = "missing_at_bank"
    MISSING_IN_BOOK = "missing_in_book"
    AMOUNT_DIFFERS = "amount_differs"
    FEE_DEDUCTED = "fee_deducted"
    CURRENCY_DIFFERS = "currency_differs"
    DUPLICATE_AT_BANK = "duplicate_at_bank"
    DATE_DIFFERS = "date_differs"
    REFERENCE_UNCLEAR = "reference_unclear"


class Action(StrEnum):
    """What can be done about a break."""

    QUERY_BANK = "query_bank"
    """Ask the bank; the break stays until the bank's next statements explain it."""
    BOOK_BANK_FEE = "book_bank_fee"
    """Book the difference as what the bank has earned."""
    POST_TO_SUSPENSE = "post_to_suspense"
    """Book the difference into suspense, until its owner is known."""
    REFUND_PAYER = "refund_payer"
    """Book the difference into suspense, and announce that it is to be sent back."""
    GIVE_BACK = "give_back"
    """Book what has come back into the wallet of who was to get it."""
    ACCEPT_DAY = "accept_day"
    """Take the items as one another's although the days differ."""
    CONFIRM_MATCH = "confirm_match"
    """Take the items as one another's although the references differ."""


ALLOWED: Mapping[BreakKind, frozenset[Action]] = {
    BreakKind.MISSING_AT_BANK: frozenset({Action.QUERY_BANK, Action.POST_TO_SUSPENSE}),
    BreakKind.MISSING_IN_BOOK: frozenset(
        {
            Action.POST_TO_SUSPENSE,
            Action.QUERY_BANK,
            Action.BOOK_BANK_FEE,
            Action.REFUND_PAYER,
            Action.GIVE_BACK,
        }
    ),
    BreakKind.AMOUNT_DIFFERS: frozenset(
        {Action.QUERY_BANK, Action.POST_TO_SUSPENSE, Action.BOOK_BANK_FEE, Action.REFUND_PAYER}
    ),
    BreakKind.FEE_DEDUCTED: frozenset({Action.BOOK_BANK_FEE, Action.QUERY_BANK, Action.POST_TO_SUSPENSE}),
    BreakKind.CURRENCY_DIFFERS: frozenset({Action.QUERY_BANK, Action.POST_TO_SUSPENSE}),
    BreakKind.DUPLICATE_AT_BANK: frozenset({Action.REFUND_PAYER, Action.QUERY_BANK, Action.POST_TO_SUSPENSE}),
    BreakKind.DATE_DIFFERS: frozenset({Action.ACCEPT_DAY, Action.QUERY_BANK}),
    BreakKind.REFERENCE_UNCLEAR: frozenset(
        {Action.CONFIRM_MATCH, Action.QUERY_BANK, Action.POST_TO_SUSPENSE}
    ),
}
"""The actions that somebody may propose for each kind."""

_OFFERED: Mapping[BreakKind, Action] = {
    BreakKind.MISSING_AT_BANK: Action.QUERY_BANK,
    BreakKind.MISSING_IN_BOOK: Action.POST_TO_SUSPENSE,
    BreakKind.AMOUNT_DIFFERS: Action.QUERY_BANK,
    BreakKind.FEE_DEDUCTED: Action.BOOK_BANK_FEE,
    BreakKind.CURRENCY_DIFFERS: Action.QUERY_BANK,
    BreakKind.DUPLICATE_AT_BANK: Action.REFUND_PAYER,
    BreakKind.DATE_DIFFERS: Action.ACCEPT_DAY,
    BreakKind.REFERENCE_UNCLEAR: Action.CONFIRM_MATCH,
}


@dataclass(frozen=True, slots=True)
class Break:
    """Items that do not fit.

    Attributes:
        kind: What is wrong.
        movements: Ours.
        entries: The bank's.
        reason: What happened and to which payment, in one sentence.
        came_back: Whether it is money that had gone out.
    """

    kind: BreakKind
    movements: tuple[Movement, ...]
    entries: tuple[Entry, ...]
    reason: str
    came_back: bool = False

    @property
    def action(self) -> Action:
        """Return the action that is offered first."""
        if self.came_back:
            return Action.GIVE_BACK
        went_out = not self.movements and all(entry.amount_minor < 0 for entry in self.entries)
        if went_out and self.kind in (BreakKind.MISSING_IN_BOOK, BreakKind.DUPLICATE_AT_BANK):
            return Action.QUERY_BANK
        if self.kind is BreakKind.REFERENCE_UNCLEAR and differences(self.movements, self.entries):
            return Action.QUERY_BANK
        return _OFFERED[self.kind]
