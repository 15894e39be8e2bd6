"""How much somebody may spend, by how well Karez knows who it is.

The limit of 24 hours is an account in the book, funded once with the limit. Spending reserves the amount there for
24 hours; then the reservation ends by itself and the room is back. So the limit holds in any 24 hours, whatever
happens at once, and nobody counts anything.

Worked example: Ana's limit is 1,000.00. At 09:00 she pays 600.00, at 18:00 300.00; 100.00 is left. The next day at
09:00 the first reservation ends and 700.00 is left.

Source of the levels: People's Bank of China, Measures for Online Payment Services of Non-bank Payment Institutions
(2015) No. 43, article 11, which lets what is known of a person decide what it may spend.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args
from uuid import UUID

from karez.core.outcomes import Rejected
from karez.ledger.model import Transfer, TransferFlags
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.house import Currency, money_moves

DAY_S = 86_400

_MARGIN_S = 60
"""A reservation that may end by itself while it is voided would refuse the whole operation."""
_NANOSECONDS = 1_000_000_000

LevelName = Literal["basic", "verified", "full"]
LEVEL_NAMES: tuple[LevelName, ...] = get_args(LevelName)


@dataclass(frozen=True, slots=True)
class Level:
    """What a level of verification allows, in whole units of any currency.

    Attributes:
        payment_max: In one payment; ``None`` is no limit.
        day_max: In 24 hours; ``None`` is no limit.
    """

    payment_max: int | None
    day_max: int | None


LEVELS: Mapping[LevelName, Level] = {
    "basic": Level(payment_max=1_000, day_max=1_000),
    "verified": Level(payment_max=50_000, day_max=100_000),
    "full": Level(payment_max=None, day_max=None),
}

_HIGHEST_DAY_MAX = max(level.day_max for level in LEVELS.values() if level.day_max is not None)


def day_max_minor(level: LevelName, currency: Currency) -> int:
    """Return what a level's limit account is funded with.

    Where there is no limit it has what the highest one has, unused: a raise could not take back what is in use.
    """
    scale: int = 10**currency.exponent
    most = LEVELS[level].day_max
    return (_HIGHEST_DAY_MAX if most is None else most) * scale


def check_payment(level: LevelName, amount_minor: int, currency: Currency) -> None:
    """Refuse a payment that is too large for the level.

    Rejections: ``payment_limit_exceeded``.
    """
    most = LEVELS[level].payment_max
    if most is not None and amount_minor > most * 10**currency.exponent:
        raise Rejected(
            "payment_limit_exceeded",
            f"One payment may be {most:,} {currency.code} at most while you are known as {level!r}; have your "
            "identity verified, or pay less.",
            limit_minor=most * 10**currency.exponent,
        )


def limit_use(
    asking: Asking, party: UUID, level: LevelName, amount_minor: int, currency: Currency
) -> tuple[Transfer, ...]:
    """Return the transfer that takes an amount out of the party's limit for 24 hours, if it has a limit.

    In the book it is refused with ``exceeds_credits`` when the limit is used up.
    """
    if LEVELS[level].day_max is None:
        return ()
    return (
        day_use(
            asking.made_id("limit"),
            accounts.limit(party, currency.code),
            accounts.limit_pool(currency.code),
            amount_minor,
            currency.limit,
            TransferCode.LIMIT_USE,
        ),
    )


def limit_change(
    asking: Asking, party: UUID, old: LevelName | None, new: LevelName, currency: Currency
) -> tuple[Transfer, ...]:
    """Return the transfer that brings a party's limit from one level's to another's."""
    difference_minor = day_max_minor(new, currency) - (0 if old is None else day_max_minor(old, currency))
    return limit_moves(
        asking.made_id("limit"),
        accounts.limit(party, currency.code),
        accounts.limit_pool(currency.code),
        difference_minor,
        currency.limit,
        TransferCode.LIMIT_GRANT,
    )


def day_use(
    id_: UUID, account: UUID, pool: UUID, amount_minor: int, unit: int, code: TransferCode
) -> Transfer:
    """Return the transfer that reserves an amount of any limit for 24 hours.

    Args:
        id_: Its id.
        account: Of the limit.
        pool: Where limits come from.
        amount_minor: How much.
        unit: Number of the unit in which the limit is counted.
        code: Which limit it is.
    """
    return money_moves(
        id_, account, pool, amount_minor, unit, code, flags=TransferFlags.PENDING, timeout_s=DAY_S
    )


def day_use_ends(id_: UUID, use: UUID, used_ns: int, now_ns: int) -> tuple[Transfer, ...]:
    """Return the transfer that gives back what was reserved of a limit; none where that ends by itself now.

    Args:
        id_: Its id.
        use: The transfer of ``day_use``.
        used_ns: Since when it is reserved.
        now_ns: The present moment.
    """
    if now_ns >= used_ns + (DAY_S - _MARGIN_S) * _NANOSECONDS:
        return ()
    return (Transfer(id=id_, pending_id=use, flags=int(TransferFlags.VOID)),)


def limit_moves(
    id_: UUID, account: UUID, pool: UUID, difference_minor: int, unit: int, code: TransferCode
) -> tuple[Transfer, ...]:
    """Return the transfer that makes a limit larger, or smaller where the difference is below zero."""
    if difference_minor == 0:
        return ()
    debit, credit = (pool, account) if difference_minor > 0 else (account, pool)
    return (money_moves(id_, debit, credit, abs(difference_minor), unit, code),)
