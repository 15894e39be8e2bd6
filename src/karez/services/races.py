"""Refusals of the book that say no more than that the facts were out of date: read again, then decide anew."""

LOST_RACES = frozenset(
    {
        "row_state_changed",
        "row_exists",
        "row_locked",
        "account_exists",
        "pending_transfer_already_posted",
        "pending_transfer_already_voided",
    }
)
"""Codes of outcomes."""
