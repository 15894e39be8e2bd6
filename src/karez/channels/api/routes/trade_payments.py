"""Paying trades: from the balance, or from several sources at once; and releasing a part of what is in escrow."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, post
from litestar.params import FromPath
from msgspec import Meta

from karez.channels.api.acting import ACTING_FOR, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body
from karez.channels.api.carrying import carry, content_of, key_of, needed_key
from karez.channels.api.context import Services
from karez.channels.api.devices import DEVICE_ID, card_of, device_of
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, InstitutionNumber, MoneyAmount
from karez.channels.api.fraud_guard import STOPPING_REFUSALS
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.operations import IDEMPOTENCY_KEY, NEEDED_KEY
from karez.channels.api.replies import Reply, to_response
from karez.channels.api.routes.trades import ACTION_REFUSALS, EXAMPLE_RECEIPT
from karez.parties.roles import Permission
from karez.services.payments.fraud.paid_trades import trade_attempt
from karez.services.payments.sources.bank_page import wanted_page
from karez.services.payments.sources.door import Wanted
from karez.services.payments.sources.paying import Payment, pay_from_sources, read_payment
from karez.services.payments.sources.splitting import SOURCES_MAX, check_sources
from karez.services.payments.trades import escrow
from karez.services.payments.trades.changes import PaymentReceipt, TradeReceipt
from karez.services.payments.trades.records import find_trade


class FromBalance(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="balance"):
    """What is in the payer's wallet."""

    @property
    def wanted(self) -> Wanted:
        """Return it as an entry of the payer's list."""
        return Wanted("balance")


class FromCoupon(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="coupon"):
    """A coupon that the payer has claimed."""

    coupon: Annotated[UUID, Meta(description="Id of a coupon.")]

    @property
    def wanted(self) -> Wanted:
        """Return it as an entry of the payer's list."""
        return Wanted("coupon", str(self.coupon))


class FromCard(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="card"):
    """A card that the payer has bound; its bank is asked."""

    card: Annotated[UUID, Meta(description="Id of a card.")]

    @property
    def wanted(self) -> Wanted:
        """Return it as an entry of the payer's list."""
        return Wanted("card", str(self.card))


class FromBankPage(
    msgspec.Struct, kw_only=True, forbid_unknown_fields=True, tag_field="kind", tag="bank_page"
):
    """A bank's own page, where the payer confirms the payment; the answer names its address.

    Attributes:
        bank: Whose page.
        return_url: Where it sends the payer's browser in the end; https, or this very machine.
    """

    bank: InstitutionNumber
    return_url: Annotated[str, Meta(min_length=8, max_length=300, pattern=r"^https?://[!-~]+$")]

    @property
    def wanted(self) -> Wanted:
        """Return it as an entry of the payer's list."""
        return wanted_page(self.bank, self.return_url)


FromSource = FromBalance | FromCoupon | FromCard | FromBankPage


class NewPayment(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """From what a trade is paid.

    Attributes:
        sources: Each gives up to what it has, in this order, until the price is reached; all of them or none.
    """

    sources: Annotated[list[FromSource], Meta(min_length=1, max_length=SOURCES_MAX)]

    @property
    def asks_bank(self) -> bool:
        """Tell whether one of the sources is a bank's."""
        return any(isinstance(each, FromCard | FromBankPage) for each in self.sources)


class PartToRelease(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How much of what is in escrow the shop gets."""

    amount_minor: MoneyAmount


_PAYMENT: Body[NewPayment] = Body(
    NewPayment,
    {"sources": [{"kind": "coupon", "coupon": EXAMPLE_IDS[4]}, {"kind": "balance"}]},
    is_required=False,
)
_PART: Body[PartToRelease] = Body(PartToRelease, {"amount_minor": 1_000})


@post(
    "/v1/trades/{trade_id:uuid}/pay",
    status_code=200,
    opt={
        KEY: Documentation(
            name="payTrade",
            topic="Trades",
            summary="Pay, as the buyer: from the balance, or from the sources in the body",
            description="Without a body the whole price is taken from the balance. Where a bank is asked, the trade "
            "is `paying` until it has answered; if the payer confirms at the bank's page, `bank_page` is where. Such "
            "a payment needs an `Idempotency-Key`.",
            access=Permission.PAYMENTS_WRITE,
            body=_PAYMENT,
            headers=(ACTING_FOR, IDEMPOTENCY_KEY, DEVICE_ID),
            answers={
                200: Answer("Paid, now or before", PaymentReceipt, {**EXAMPLE_RECEIPT, "state": "paid"})
            },
            refusals=(
                *ACTION_REFUSALS,
                *STOPPING_REFUSALS,
                "wallet_not_found",
                "wallet_frozen",
                "buyer_is_shop",
                "balance_too_low",
                "payment_limit_exceeded",
                "day_limit_exceeded",
                "payee_account_not_found",
                "source_named_twice",
                "sources_too_small",
                "coupon_not_found",
                "coupon_used",
                "coupon_expired",
                "coupon_not_for_this",
                "spend_below_minimum",
                "pending_transfer_expired",
                "idempotency_key_missing",
                "card_not_found",
                "card_not_bound",
                "card_expired",
                "card_currency_differs",
                "card_payment_limit_exceeded",
                "card_day_limit_exceeded",
                "sources_of_two_banks",
                "bank_not_open",
                "return_url_refused",
            ),
        )
    },
)
async def pay_trade(
    request: AnyRequest, trade_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Pay a trade."""
    body = await _PAYMENT.read_or_none(request)
    payer = await party_of(services, caller, request)
    device = device_of(services, request)
    if body is None:
        reply = await services.trade_desk.step(caller, "pay", trade_id, payer, key_of(request), device)
        return to_response(Reply(200, reply))
    wanted = [each.wanted for each in body.sources]
    check_sources(wanted)
    card = card_of(services, wanted)
    # What a bank has declined may be wanted once more, and is another payment then.
    key = needed_key(request) if body.asks_bank else key_of(request)
    reply = await carry(
        services,
        asked(caller, payer, f"trade.pay/{trade_id}", content_of(body), key),
        lambda: _read(services, trade_id, payer, wanted),
        lambda asking, house, facts: pay_from_sources(asking, house, *facts),
        lambda asking, facts: trade_attempt(asking, facts[0].trade, payer, device, card),
    )
    return to_response(Reply(200, reply))


async def _read(
    services: Services, trade: UUID, payer: UUID, wanted: list[Wanted]
) -> tuple[Payment, dict[UUID, int]]:
    """Read what a payment is decided by; the balances are the book's, of this moment."""
    payment = await services.database.as_party(payer, lambda conn: read_payment(conn, trade, payer, wanted))
    return payment, await available_minor(services, payment)


async def available_minor(services: Services, payment: Payment) -> dict[UUID, int]:
    """Return what can be spent of the accounts that a payment is split by, at this moment."""
    accounts = payment.counted_in()
    balances = await services.book.balances(accounts) if accounts else []
    return {
        account: balance.credits_posted - balance.debits_posted - balance.debits_pending
        for account, balance in zip(accounts, balances, strict=True)
        if balance is not None
    }


@post(
    "/v1/trades/{trade_id:uuid}/release",
    status_code=200,
    opt={
        KEY: Documentation(
            name="releasePart",
            topic="Trades",
            summary="Release a part of what is in escrow to the shop, as the buyer",
            access=Permission.PAYMENTS_WRITE,
            body=_PART,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={200: Answer("Released, now or before", TradeReceipt, EXAMPLE_RECEIPT)},
            refusals=(*ACTION_REFUSALS, "idempotency_key_missing", "amount_above_escrow"),
        )
    },
)
async def release_part(
    request: AnyRequest, trade_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Release a part; the rest waits as before."""
    amount_minor = (await _PART.read(request)).amount_minor
    buyer = await party_of(services, caller, request)
    reply = await carry(
        services,
        asked(caller, buyer, f"trade.release/{trade_id}", b"%d" % amount_minor, needed_key(request)),
        lambda: services.database.as_party(buyer, lambda conn: find_trade(conn, trade_id)),
        lambda asking, house, trade: escrow.release_part(asking, house, trade, buyer, amount_minor),
    )
    return to_response(Reply(200, reply))


HANDLERS = (pay_trade, release_part)
