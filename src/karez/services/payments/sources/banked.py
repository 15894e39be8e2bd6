"""A bank as a source: it is asked for what the sources before it leave, and gets back what it gave.

Money that goes back is paid out by the bank again. On its way it passes the payer's wallet, where it is reserved for
that; so if the bank cannot pay it out, because the card is not bound any more, it stays in the wallet.
"""

from dataclasses import dataclass

from karez.core.outcomes import Rejected
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.banks.instructing import NewInstruction, instruct
from karez.services.payments.banks.records import BankChoice, Connection, Instruction
from karez.services.payments.banks.settlers import Effects, Ending, Settler
from karez.services.payments.house import House
from karez.services.payments.sources.door import Collecting, Drawn, TakenBack, TakingBack
from karez.services.payments.trades.legs import Leg

REFUND = "refund"
"""The purpose of instructions by which money goes back."""


@dataclass(frozen=True, slots=True)
class BankFunds:
    """What a payer's card or account at a bank can give.

    Attributes:
        kind: Of the source, such as ``card``.
        bank: Which bank.
        currency: ISO 4217 letters, of the trade.
        reference: What the bank calls the card or account.
        payment_max_minor: In one payment; ``None`` is no limit.
    """

    kind: str
    bank: BankChoice
    currency: str
    reference: str
    payment_max_minor: int | None = None

    @property
    def counted_in(self) -> None:
        """Return nothing: the bank alone knows."""

    def most_minor(self, _now_ns: int, left_minor: int, _available_minor: int | None, /) -> int:
        """Return all that is left.

        Rejections: ``bank_payment_limit_exceeded``.
        """
        if self.payment_max_minor is not None and left_minor > self.payment_max_minor:
            raise Rejected(
                "bank_payment_limit_exceeded",
                f"One payment takes {self.payment_max_minor} minor units from this {self.kind} at most; put another "
                "source before it.",
                limit_minor=self.payment_max_minor,
            )
        return left_minor

    def draw(self, _asking: Asking, _house: House, _number: int, amount_minor: int, /) -> Drawn:
        """Return the leg from what the bank holds for Karez, and that the bank must be asked for it."""
        number = self.bank.institution
        leg = Leg(
            source=self.kind,
            account=accounts.clearing(number, self.currency),
            amount_minor=amount_minor,
            reference=f"{number} {self.reference}",
        )
        return Drawn(leg, collecting=Collecting(self.bank, self.reference))


def take_back(taking: TakingBack) -> TakenBack:
    """Give money back to the bank's customer, by way of the wallet."""
    trade, leg = taking.trade, taking.leg
    assert trade.buyer is not None, "a trade that was paid has a buyer"
    number, _, reference = leg.reference.partition(" ")
    wallet = accounts.wallet(trade.buyer, trade.currency)
    instructed = instruct(
        taking.asking,
        taking.house,
        # A bank that takes nothing just now is instructed all the same: it will be called once it does.
        BankChoice(int(number), [trade.currency], "open"),
        NewInstruction(
            party=trade.buyer,
            direction="pay_out",
            purpose=REFUND,
            subject=trade.id,
            currency=trade.currency,
            amount_minor=taking.amount_minor,
            account=wallet,
            reference=reference,
            remark=trade.title,
            code=TransferCode.REFUND_PAYOUT,
        ),
        number=taking.number,
    )
    return TakenBack(wallet, instructed.transfers, instructed.rows)


def _read(_conn: Connection, _instruction: Instruction) -> None:
    return None


def _settle(asking: Asking, _house: House, instruction: Instruction, ending: Ending, _facts: None) -> Effects:
    """Tell the buyer where the money is; what was reserved is paid out or free in the wallet already."""
    told = {
        "trade": instruction.subject,
        "instruction": instruction.id,
        "currency": instruction.currency,
        "amount_minor": instruction.amount_minor,
        "code": ending.code,
    }
    topic = "refund.paid_out" if ending.succeeded else "refund.left_in_wallet"
    return Effects(events=(asking.event(topic, (instruction.party,), told),))


SETTLER = Settler(read=_read, settle=_settle)
"""For instructions of the purpose ``REFUND``."""
