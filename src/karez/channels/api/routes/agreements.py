"""Agreements: signing them, deducting under them, pausing and ending them."""

from collections.abc import Callable
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.agreement_forms import (
    EXAMPLE,
    EXAMPLE_DEDUCTION,
    EXAMPLE_NEW,
    EXAMPLE_PERIOD,
    EXAMPLE_RECEIPT,
    AgreementPage,
    AgreementsQuery,
    AgreementView,
    DeductionPage,
    DeductionsQuery,
    NewAgreement,
    NewDeduction,
    agreement_view,
    deduction_view,
    signing_of,
)
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller import Caller
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, key_of, needed_key
from karez.channels.api.context import Services
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fraud_guard import STOPPING_REFUSALS
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import parse_moment
from karez.channels.api.operations import IDEMPOTENCY_KEY, NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.paging import read_page
from karez.channels.api.replies import Reply, json_reply, location, to_response
from karez.ledger.operations import Operation
from karez.parties.roles import Permission
from karez.services.asking import Asking
from karez.services.payments.agreements import operations as agreements
from karez.services.payments.agreements.deductions import (
    Deduction,
    DeductionReceipt,
    deduct,
    deduction_attempt,
)
from karez.services.payments.agreements.operations import VALID_MAX_S, AgreementReceipt
from karez.services.payments.agreements.records import (
    Agreement,
    Deducted,
    agreements_page,
    deductions_page,
    find_agreement,
    is_shop,
)
from karez.services.payments.house import House
from karez.services.payments.trades.direct import is_reference_used
from karez.services.payments.trades.timers import later_ns
from karez.services.payments.wallets.records import Wallet, find_wallet

_NEW: Body[NewAgreement] = Body(NewAgreement, EXAMPLE_NEW)
_DEDUCTION: Body[NewDeduction] = Body(NewDeduction, {"reference": "usage-2026-10", "amount_minor": 2_500})
_QUERY = Query(AgreementsQuery)
_DEDUCTIONS_QUERY = Query(DeductionsQuery)

Decide = Callable[[Asking, Agreement, UUID], Operation]


@post(
    "/v1/agreements",
    opt={
        KEY: Documentation(
            name="signAgreement",
            topic="Agreements",
            summary="Let a shop deduct money again and again, as the payer",
            access=Permission.PAYMENTS_WRITE,
            body=_NEW,
            headers=(ACTING_FOR,),
            answers={
                201: Answer(
                    "Signed, now or before",
                    AgreementReceipt,
                    EXAMPLE_RECEIPT,
                    (Link("agreement", "readAgreement", {"agreement_id": "$response.body#/id"}),),
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                "currency_not_open",
                "wallet_not_found",
                "payee_account_not_found",
                "buyer_is_shop",
                "amount_too_large",
                "fixed_amount_too_large",
                "period_invalid",
                "zone_unknown",
                "notice_too_long",
                "validity_invalid",
                "moment_malformed",
            ),
        )
    },
)
async def sign_agreement(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Sign under the payer's own id."""
    body = await _NEW.read(request)
    payer = await party_of(services, caller, request)
    valid_until_ns = None if body.valid_until is None else parse_moment(body.valid_until)

    def decide(asking: Asking, house: House, is_shop_there: bool) -> Operation:
        ends_ns = later_ns(asking.now_ns, VALID_MAX_S) if valid_until_ns is None else valid_until_ns
        return agreements.sign(asking, house, payer, is_shop_there, signing_of(body, ends_ns))

    async def read() -> bool:
        await services.database.as_party(payer, lambda conn: find_wallet(conn, payer, body.currency))
        return await services.database.as_operator(lambda conn: is_shop(conn, body.shop, body.currency))

    ask = asked(caller, payer, "agreement.sign", content_of(body), body.id)
    reply = await carry(services, ask, read, decide)
    return to_response(Reply(201, reply, (location("/v1/agreements", ask.id),)))


@post(
    "/v1/agreements/{agreement_id:uuid}/deductions",
    opt={
        KEY: Documentation(
            name="deductByAgreement",
            topic="Agreements",
            summary="Deduct money from the payer's balance, as the shop, once a period",
            description="A payer who has to confirm hears of it; once it is confirmed, and within 15 minutes, send "
            "the same request again. After that time, and where it was refused, ask anew with another "
            "`Idempotency-Key`: a deduction that was stopped uses no period up.",
            access=Permission.PAYMENTS_WRITE,
            body=_DEDUCTION,
            headers=(ACTING_FOR, IDEMPOTENCY_KEY),
            answers={201: Answer("Deducted, now or before", DeductionReceipt, EXAMPLE_DEDUCTION)},
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                *STOPPING_REFUSALS,
                "agreement_not_found",
                "agreement_not_yours",
                "agreement_state_wrong",
                "agreement_ended",
                "agreement_used_up",
                "agreement_scheduled",
                "deduction_exceeds_max",
                "period_not_begun",
                "period_used",
                "reference_used",
                "amount_too_large",
                "currency_not_open",
                "wallet_frozen",
                "balance_too_low",
                "payment_limit_exceeded",
                "day_limit_exceeded",
            ),
        )
    },
)
async def deduct_by_agreement(
    request: AnyRequest, agreement_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Deduct under the shop's own reference."""
    body = await _DEDUCTION.read(request)
    shop = await party_of(services, caller, request)
    wanted = Deduction(body.reference, body.amount_minor)

    def as_shop(conn: Connection) -> tuple[Agreement, bool]:
        return find_agreement(conn, agreement_id), is_reference_used(conn, shop, body.reference)

    async def read() -> tuple[Agreement, Wallet, bool]:
        found, is_used = await services.database.as_party(shop, as_shop)
        # The shop does not see its payer's wallet; the agreement allows it to be charged.
        wallet = await services.database.as_operator(
            lambda conn: find_wallet(conn, found.payer, found.currency)
        )
        return found, wallet, is_used

    reply = await carry(
        services,
        asked(caller, shop, f"agreement.deduct/{agreement_id}", content_of(body), key_of(request)),
        read,
        lambda asking, house, facts: deduct(asking, house, *facts, shop, wanted),
        lambda asking, facts: deduction_attempt(asking, facts[0], wanted),
    )
    return to_response(Reply(201, reply))


@get(
    "/v1/agreements/{agreement_id:uuid}",
    opt={
        KEY: Documentation(
            name="readAgreement",
            topic="Agreements",
            summary="Read an agreement, as its payer or shop",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("The agreement", AgreementView, EXAMPLE)},
            refusals=(*ACTING_REFUSALS, "agreement_not_found"),
        )
    },
)
async def read_agreement(
    request: AnyRequest, agreement_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return an agreement."""
    party = await party_of(services, caller, request)
    found = await services.database.as_party(party, lambda conn: find_agreement(conn, agreement_id))
    return json_reply(agreement_view(found))


@get(
    "/v1/agreements/{agreement_id:uuid}/deductions",
    opt={
        KEY: Documentation(
            name="listDeductions",
            topic="Agreements",
            summary="List what became of an agreement's periods, the latest first",
            access=Permission.PAYMENTS_READ,
            query=_DEDUCTIONS_QUERY,
            headers=(ACTING_FOR,),
            answers={200: Answer("A page", DeductionPage, {"items": [EXAMPLE_PERIOD], "next_before": None})},
            refusals=(*ACTING_REFUSALS, "agreement_not_found"),
        )
    },
)
async def list_deductions(
    request: AnyRequest, agreement_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a page of periods."""
    query = _DEDUCTIONS_QUERY.read(request)
    party = await party_of(services, caller, request)

    def read(conn: Connection) -> list[Deducted]:
        find_agreement(conn, agreement_id)
        return deductions_page(conn, agreement_id, or_none(query.before), query.limit)

    found = await services.database.as_party(party, read)
    next_before = found[-1].period if len(found) == query.limit else None
    return json_reply(DeductionPage([deduction_view(each) for each in found], next_before))


@get(
    "/v1/agreements",
    opt={
        KEY: Documentation(
            name="listAgreements",
            topic="Agreements",
            summary="List the agreements of a payer or shop, the latest first",
            access=Permission.PAYMENTS_READ,
            query=_QUERY,
            headers=(ACTING_FOR,),
            answers={200: Answer("A page", AgreementPage, {"items": [EXAMPLE], "next_before": None})},
            refusals=(*ACTING_REFUSALS, "moment_malformed"),
        )
    },
)
async def list_agreements(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a page of agreements."""
    query = _QUERY.read(request)
    party = await party_of(services, caller, request)
    found, next_before = await read_page(
        services,
        party,
        query,
        lambda conn, before_ns, limit: agreements_page(conn, party, query.side, before_ns, limit),
        lambda each: each.signed_ns,
    )
    return json_reply(AgreementPage([agreement_view(each) for each in found], next_before))


def _documentation(name: str, summary: str, *refusals: str) -> dict[str, Documentation]:
    return {
        KEY: Documentation(
            name=name,
            topic="Agreements",
            summary=summary,
            access=Permission.PAYMENTS_WRITE,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={200: Answer("Done, now or before", AgreementReceipt, EXAMPLE_RECEIPT)},
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                "idempotency_key_missing",
                "agreement_not_found",
                "agreement_state_wrong",
                *refusals,
            ),
        )
    }


@post(
    "/v1/agreements/{agreement_id:uuid}/pause",
    status_code=200,
    opt=_documentation("pauseAgreement", "Stop deductions for a while, as the payer", "agreement_not_yours"),
)
async def pause_agreement(
    request: AnyRequest, agreement_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Pause an agreement."""
    return await _act(request, agreement_id, caller, services, "pause", agreements.pause)


@post(
    "/v1/agreements/{agreement_id:uuid}/resume",
    status_code=200,
    opt=_documentation("resumeAgreement", "Let deductions go on, as the payer", "agreement_not_yours"),
)
async def resume_agreement(
    request: AnyRequest, agreement_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Let a paused agreement go on."""
    return await _act(request, agreement_id, caller, services, "resume", agreements.resume)


@post(
    "/v1/agreements/{agreement_id:uuid}/unsign",
    status_code=200,
    opt=_documentation("unsignAgreement", "End an agreement at once, as either side"),
)
async def unsign_agreement(
    request: AnyRequest, agreement_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """End an agreement."""
    return await _act(request, agreement_id, caller, services, "unsign", agreements.unsign)


async def _act(
    request: AnyRequest, agreement: UUID, caller: Caller, services: Services, action: str, decide: Decide
) -> Response[bytes]:
    party = await party_of(services, caller, request)
    reply = await carry(
        services,
        asked(caller, party, f"agreement.{action}/{agreement}", b"", needed_key(request)),
        lambda: services.database.as_party(party, lambda conn: find_agreement(conn, agreement)),
        lambda asking, _, found: decide(asking, found, party),
    )
    return to_response(Reply(200, reply))


HANDLERS = (
    sign_agreement,
    deduct_by_agreement,
    read_agreement,
    list_deductions,
    list_agreements,
    pause_agreement,
    resume_agreement,
    unsign_agreement,
)
