"""Short ways to what buyers and shops do to a trade, in a Karez in memory."""

from typing import Any
from uuid import UUID

from karez.ledger.operations import Operation
from karez.services.payments import accounts
from karez.services.payments.banks.endings import settled
from karez.services.payments.banks.records import BankChoice, Instruction
from karez.services.payments.banks.states import State
from karez.services.payments.refunds import operations as refunds
from karez.services.payments.refunds.operations import NewRefund, refund_id
from karez.services.payments.refunds.records import Refund, RefundFacts
from karez.services.payments.sources import asking_bank, campaigns
from karez.services.payments.sources.attempts import Attempt
from karez.services.payments.sources.balance import BalanceFunds
from karez.services.payments.sources.bank_settlers import SETTLERS
from karez.services.payments.sources.banked import BankFunds
from karez.services.payments.sources.campaigns import NewCampaign
from karez.services.payments.sources.coupon import CouponFunds
from karez.services.payments.sources.coupon_records import Campaign, Coupon
from karez.services.payments.sources.door import Funds
from karez.services.payments.sources.paying import Payment, pay_from_sources
from karez.services.payments.trades import operations as trades
from karez.services.payments.trades.dispute_records import Disagreement, Dispute
from karez.services.payments.trades.operations import Mode, Order
from karez.services.payments.trades.records import Trade
from tests.services.payments.memory_karez import BANK, HOUSE, MemoryKarez

DAY_NS = 86_400_000_000_000

Reply = dict[str, Any]
Named = UUID | str | None
"""A source: a coupon by its id, a card by its token, or the balance."""


class Market:
    """A Karez with a shop and a buyer who trade.

    Attributes:
        karez: Carries out what they do.
        shop: Who sells.
        buyer: Who pays, with 1,000.00 at first.
        card_bank: Whose cards pay.
    """

    def __init__(self) -> None:
        self.karez = MemoryKarez()
        self.shop = self.karez.party("shop")
        self.buyer = self.karez.party("person", 100_000)
        self.card_bank = BankChoice(BANK, ["CNY"], "open")

    def order(self, amount_minor: int, mode: Mode = "escrow", category: str = "goods") -> UUID:
        """Order something new."""
        reference = str(self.karez.asking().id)
        new = Order(reference, "Two bowls", category, mode, "CNY", amount_minor, self.buyer)
        return UUID(self.karez.carry(trades.order(self.karez.asking(), HOUSE, self.shop, new))["id"])

    def trade(self, id_: UUID) -> Trade:
        """Read a trade."""
        return self.karez.row("trade", Trade, id=id_)

    def disagreement(self, id_: UUID) -> Disagreement:
        """Read a trade with its disputes."""
        return Disagreement(self.trade(id_), tuple(self.karez.rows("trade_dispute", Dispute, trade=id_)))

    def pay(self, id_: UUID, *sources: Named) -> Reply:
        """Pay from what is named, in order."""
        trade = self.trade(id_)
        funds = [self._funds(trade, each) for each in sources or (None,)]
        payment = Payment(trade, self.karez.wallet(self.buyer), tuple(funds))
        available = {each: self.karez.free(each) for each in payment.counted_in()}
        return self.karez.carry(pay_from_sources(self.karez.asking(), HOUSE, payment, available))

    def _funds(self, trade: Trade, named: Named) -> Funds:
        if named is None:
            return BalanceFunds(accounts.wallet(self.buyer, "CNY"))
        if isinstance(named, str):
            return BankFunds("card", self.card_bank, "CNY", named)
        return CouponFunds(self.karez.row("coupon", Coupon, id=named), trade)

    def answer(self, instruction: Instruction, new: State) -> None:
        """Have the bank answer."""
        settler = SETTLERS[instruction.purpose]
        facts: object = None
        if instruction.purpose == asking_bank.PURPOSE:
            attempt = self.karez.row("payment_attempt", Attempt, instruction=instruction.id)
            facts = self.trade(instruction.subject), attempt
        self.karez.carry(settled(self.karez.asking(), HOUSE, instruction, new, str(new), settler, facts))

    def waiting(self, **where: object) -> list[Instruction]:
        """Return what the bank has not answered yet."""
        return [
            each for each in self.karez.rows("bank_instruction", Instruction, **where) if not each.ended_ns
        ]

    def paid(self, amount_minor: int, *sources: Named, mode: Mode = "escrow") -> UUID:
        """Order and pay something new."""
        id_ = self.order(amount_minor, mode)
        self.pay(id_, *sources)
        return id_

    def finished(self, amount_minor: int, *sources: Named) -> UUID:
        """Order and pay something new that is the shop's at once."""
        return self.paid(amount_minor, *sources, mode="direct")

    def refund(self, id_: UUID, amount_minor: int, reference: str | None = None) -> Reply:
        """Refund a part of a trade."""
        return self.karez.carry(self.refund_operation(id_, amount_minor, reference))

    def refund_operation(self, id_: UUID, amount_minor: int, reference: str | None = None) -> Operation:
        """Decide about a refund."""
        reference = reference or str(self.karez.asking().id)
        rows = self.karez.rows("refund", Refund, trade=id_)
        earlier = [each for each in rows if each.id == refund_id(id_, reference)]
        facts = RefundFacts(
            self.trade(id_),
            earlier[0] if earlier else None,
            any(each.taken_from == "takings" for each in rows),
        )
        new = NewRefund(reference, amount_minor)
        return refunds.refund(self.karez.asking(), HOUSE, facts, self.shop, new)

    def campaign(
        self, face_minor: int, count: int = 10, minimum_minor: int = 0, *, by_shop: bool = False
    ) -> Campaign:
        """Make a coupon campaign, paid by the bank or by the shop, for 30 days."""
        asking = self.karez.asking()
        until_ns = asking.now_ns + 30 * DAY_NS
        new = NewCampaign(str(asking.id), "Spring", "CNY", face_minor, minimum_minor, count, until_ns)
        funder = self.karez.wallet(self.shop) if by_shop else BANK
        made = self.karez.carry(campaigns.create(asking, HOUSE, funder, new))
        return self.karez.row("coupon_campaign", Campaign, id=made["id"])

    def claim(self, campaign: Campaign, party: UUID | None = None) -> UUID:
        """Claim a coupon, as the buyer."""
        party = party or self.buyer
        found = self.karez.rows("coupon", Coupon, id=campaigns.coupon_id(campaign.id, party))
        made = campaigns.claim(self.karez.asking(), HOUSE, campaign, party, found[0] if found else None)
        return UUID(self.karez.carry(made)["id"])

    def coupon(self, face_minor: int) -> UUID:
        """Claim a coupon of a new campaign."""
        return self.claim(self.campaign(face_minor))
