"""Payments that their payer has to confirm in a second way before they are made."""

from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.carrying import carry, key_of
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, Moment
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.operations import IDEMPOTENCY_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.parties.roles import Permission
from karez.services.payments.fraud.challenges import ChallengeReceipt, confirm, find_challenge


class ChallengeView(msgspec.Struct, frozen=True, kw_only=True):
    """A payment that its payer has to confirm, with all that has to be shown to them.

    Attributes:
        state: `open`, `confirmed` or `expired`.
        shop: Who is to be paid.
        expires: Until when it can be confirmed and paid.
    """

    id: UUID
    state: str
    shop: UUID
    currency: str
    amount_minor: int
    expires: Moment


_VIEW = {
    "id": EXAMPLE_IDS[5],
    "state": "open",
    "shop": EXAMPLE_IDS[4],
    "currency": "CNY",
    "amount_minor": 21_000_000,
    "expires": EXAMPLE_MOMENT,
}


@get(
    "/v1/payment-challenges/{challenge_id:uuid}",
    opt={
        KEY: Documentation(
            name="readPaymentChallenge",
            topic="Fraud",
            summary="Read what a payer has to confirm",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("The challenge", ChallengeView, _VIEW)},
            refusals=(*ACTING_REFUSALS, "challenge_not_found"),
        )
    },
)
async def read_challenge(
    request: AnyRequest, challenge_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a challenge of the payer."""
    party = await party_of(services, caller, request)
    found = await services.database.as_party(party, lambda conn: find_challenge(conn, party, challenge_id))
    return json_reply(
        ChallengeView(
            id=found.id,
            state=found.state(services.clock.now_ns()),
            shop=found.shop,
            currency=found.currency,
            amount_minor=found.amount_minor,
            expires=format_moment(found.expires_ns),
        )
    )


@post(
    "/v1/payment-challenges/{challenge_id:uuid}/confirm",
    status_code=200,
    opt={
        KEY: Documentation(
            name="confirmPaymentChallenge",
            topic="Fraud",
            summary="Confirm that it is the payer who pays, with another credential than the one that asked",
            description="Whoever confirms has made sure of the payer in a second way. The payment is made when its "
            "request is sent again as it was, before the challenge expires.",
            access=Permission.PAYMENTS_WRITE,
            headers=(ACTING_FOR, IDEMPOTENCY_KEY),
            answers={
                200: Answer(
                    "Confirmed, now or before",
                    ChallengeReceipt,
                    {"id": EXAMPLE_IDS[5], "state": "confirmed"},
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                "challenge_not_found",
                "challenge_expired",
                "challenge_asked_by_you",
                "challenge_confirmed_before",
            ),
        )
    },
)
async def confirm_challenge(
    request: AnyRequest, challenge_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Record who stands for the payer."""
    party = await party_of(services, caller, request)
    reply = await carry(
        services,
        asked(caller, party, f"fraud.confirm/{challenge_id}", b"", key_of(request)),
        lambda: services.database.as_party(party, lambda conn: find_challenge(conn, party, challenge_id)),
        lambda asking, _, challenge: confirm(asking, challenge),
    )
    return to_response(Reply(200, reply))


HANDLERS = (read_challenge, confirm_challenge)
