"""Transfers: making and reading them."""

from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from karez.channels.api import readings
from karez.channels.api.batch_results import EXAMPLE_RESULTS, BatchSummary, TransferResult, make_transfers
from karez.channels.api.bodies import LARGE_SIZE_MAX_BYTES, check_content_type
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import EXAMPLE_MOMENT
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.replies import json_reply, to_response
from karez.channels.api.transfer_batch import TRANSFER_BATCH
from karez.channels.api.transfer_body import (
    EXAMPLE_RECEIPT,
    EXAMPLE_TRANSFER,
    NEW_TRANSFER,
    TransferReceipt,
)
from karez.channels.api.transfers import make_transfer
from karez.channels.api.views import TransferView
from karez.core.outcomes import Rejected
from karez.ledger.model import Status
from karez.parties.roles import Permission

_TO_TRANSFER = (Link("transfer", "readTransfer", {"transfer_id": "$response.body#/id"}),)
_BOOKKEEPER = ("institution_needed", "bookkeeper_busy", "bookkeeper_unreachable", "outcome_unknown")
_REFUSALS = tuple(status.code for status in Status if status not in (Status.CREATED, Status.EXISTS))
_EXAMPLE_VIEW = {
    **EXAMPLE_TRANSFER,
    "timestamp": EXAMPLE_MOMENT,
    "flags": 0,
    "pending_id": None,
    "timeout_s": 0,
    "user_data": 0,
    "operation_id": None,
    "debit_institution": 2,
    "credit_institution": 3,
}


@post(
    "/v1/transfers",
    opt={
        KEY: Documentation(
            name="createTransfer",
            topic="Transfers",
            summary="Make a transfer",
            description="Moves an amount from the debit account, one of yours, to the credit account, anybody's; "
            "or reserves it (flag 2), posts a reservation (4) or voids it (8). The id makes retries safe: sent "
            "again, the same transfer is answered with 200 and the same body. A refused id stays refused where "
            "another state of the accounts could have made the difference: try again under a new id.",
            access=Permission.LEDGER_WRITE,
            body=NEW_TRANSFER,
            answers={
                201: Answer("Made and durable", TransferReceipt, EXAMPLE_RECEIPT, _TO_TRANSFER),
                200: Answer("Made by an earlier request", TransferReceipt, EXAMPLE_RECEIPT, _TO_TRANSFER),
            },
            refusals=(*_BOOKKEEPER, *_REFUSALS),
        )
    },
)
async def create_transfer(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Make one transfer; usually ``karez.channels.api.fast_lane`` answers before this is reached."""
    check_content_type(request.headers.get("content-type", "").encode("latin-1"))
    return to_response(await make_transfer(services, caller, await request.body()))


@post(
    "/v1/transfers/batch",
    status_code=200,
    request_max_body_size=LARGE_SIZE_MAX_BYTES,
    opt={
        KEY: Documentation(
            name="createTransfers",
            topic="Transfers",
            summary="Make up to 8,192 transfers at once",
            description="As a list of transfers, answered with a line for each; or in columns, which is the "
            "quickest form, answered with a summary. Each transfer is made or refused by itself, except that "
            "those with flag 1 are linked with the next one: all of a chain are made, or none. Sent again, a "
            "transfer that was made has the status `exists`.",
            access=Permission.LEDGER_WRITE,
            body=TRANSFER_BATCH,
            answers={
                200: Answer("What became of each", list[TransferResult] | BatchSummary, EXAMPLE_RESULTS)
            },
            refusals=(*_BOOKKEEPER, "columns_uneven"),
        )
    },
)
async def create_transfers(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Make many transfers."""
    check_content_type(request.headers.get("content-type", "").encode("latin-1"))
    return to_response(await make_transfers(services, caller, await request.body()))


@get(
    "/v1/transfers/{transfer_id:uuid}",
    opt={
        KEY: Documentation(
            name="readTransfer",
            topic="Transfers",
            summary="Read a transfer from or to one of your accounts",
            access=Permission.LEDGER_READ,
            answers={200: Answer("The transfer", TransferView, _EXAMPLE_VIEW)},
            refusals=("transfer_not_found",),
        )
    },
)
async def read_transfer(
    transfer_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return one transfer."""
    transfer = await services.database.as_caller(
        caller, lambda conn: readings.find_transfer(conn, transfer_id)
    )
    if transfer is None:
        raise Rejected(
            "transfer_not_found", f"There is no transfer {transfer_id} of yours; look its id up again."
        )
    return json_reply(transfer)


HANDLERS = (create_transfer, create_transfers, read_transfer)
