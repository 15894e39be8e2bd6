"""What the book's refusal of a transfer means to people: the limit that was hit, by its name."""

from collections.abc import Mapping

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, Outcome, RowUpdate
from karez.services.payments.accounts import TransferCode

_SHORT = frozenset({"exceeds_credits", "exceeds_debits"})
_MISSING = {
    "debit_account_not_found": ("payer_account_not_found", "The account that pays does not exist; open it first."),
    "credit_account_not_found": (
        "payee_account_not_found",
        "Who is to be paid has no wallet in this currency; they open one first.",
    ),
}  # fmt: skip
_LIMITS: Mapping[int, tuple[str, str]] = {
    TransferCode.LIMIT_USE: (
        "day_limit_exceeded",
        "This is more than may be spent in 24 hours; try a smaller amount, wait, or have your identity verified.",
    ),
    TransferCode.LIMIT_GRANT: (
        "limit_in_use",
        "More than the lower limit was spent in the last 24 hours; change the level tomorrow, or freeze the wallet.",
    ),
    TransferCode.CARD_LIMIT_USE: (
        "card_day_limit_exceeded",
        "This is more than may be paid with this card in 24 hours; raise its limit, wait, or name another source.",
    ),
    TransferCode.CARD_LIMIT_GRANT: (
        "card_limit_in_use",
        "More than the lower limit was paid with this card in the last 24 hours; lower it tomorrow, or unbind it.",
    ),
    TransferCode.CARD_ATTEMPT_USE: (
        "card_bindings_used_up",
        "As many cards were tried in 24 hours as may be without being bound; bind this one 24 hours after the first "
        "of them, or pay from another source.",
    ),
    TransferCode.REFUNDABLE_USE: (
        "refund_exceeds_payment",
        "More would be refunded than is left of this payment; look at the refunds that were made before.",
    ),
    TransferCode.COUPON_RESERVE: (
        "coupons_gone",
        "All coupons of this campaign are taken; look again later, or for another campaign.",
    ),
    TransferCode.RELEASE: ("escrow_too_low", "Escrow does not hold this amount; read the trade again."),
    TransferCode.RETURN_FROM_ESCROW: ("escrow_too_low", "Escrow does not hold this amount; read the trade again."),
    TransferCode.EXCHANGE_SALE: (
        "exchange_limit_exceeded",
        "The bank lets Karez sell no more of this currency for now; try again later, or pay without an exchange.",
    ),
    TransferCode.EXCHANGE_RETURN: (
        "exchange_return_limited",
        "The bank lets Karez sell too little of the payer's currency to give it back; it goes back once the bank "
        "raises its limit, or the operator records what it has delivered.",
    ),
    TransferCode.EXCHANGE_LIMIT_GRANT: (
        "exchange_limit_in_use",
        "More than the new limit is sold and not delivered yet; deliver first, or choose a higher limit.",
    ),
}  # fmt: skip
_HELD = frozenset({TransferCode.RELEASE, TransferCode.RETURN_FROM_ESCROW})
_BALANCE = ("balance_too_low", "The balance is too low; pay some money in or choose another source.")


def is_out_of_date(operation: Operation, outcome: Outcome) -> bool:
    """Tell whether an operation was refused because the trade had changed since it was read.

    Escrow holds what its trades hold, so what is not there any more has left it together with a trade's row; the book
    looks at money before it looks at rows.

    Args:
        operation: What was refused.
        outcome: What the book said.
    """
    is_short = outcome.code in _SHORT and outcome.item is not None
    return is_short and operation.transfers[outcome.item or 0].code in _HELD


def is_short_for_a_change(operation: Operation, outcome: Outcome) -> bool:
    """Tell whether money or a limit was missing for an operation that expects rows as they were read.

    Of two who pay the same trade from one wallet, the second may find too little in it. But the book looks at money
    before it looks at rows, so only reading once more tells whether it was short or too late.

    Args:
        operation: What was refused.
        outcome: What the book said.
    """
    return outcome.code in _SHORT and any(isinstance(row, RowUpdate) for row in operation.rows)


def explain(operation: Operation, outcome: Outcome) -> Rejected:
    """Return the refusal of an operation in the words of its business.

    Args:
        operation: What was refused.
        outcome: What the book said.
    """
    if outcome.code in _MISSING:
        return Rejected(*_MISSING[outcome.code])
    if outcome.code in _SHORT and outcome.item is not None:
        return Rejected(*_LIMITS.get(operation.transfers[outcome.item].code, _BALANCE))
    return Rejected(outcome.code, outcome.sentence)
