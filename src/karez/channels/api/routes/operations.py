"""Operations: what the book has carried out, by the key of the request."""

from uuid import UUID

from litestar import Response, get
from litestar.params import FromPath

from karez.channels.api import readings
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT
from karez.channels.api.injected import TheCaller, TheServices
from karez.channels.api.replies import json_reply
from karez.channels.api.views import OperationView
from karez.core.outcomes import Rejected
from karez.parties.roles import Permission

_EXAMPLE = {
    "id": EXAMPLE_IDS[9],
    "kind": "account.open",
    "institution": 2,
    "actor": f"credential {EXAMPLE_IDS[8]}",
    "timestamp": EXAMPLE_MOMENT,
    "reply": {"id": EXAMPLE_IDS[2]},
}


@get(
    "/v1/operations/{operation_id:uuid}",
    opt={
        KEY: Documentation(
            name="readOperation",
            topic="Operations",
            summary="Read what a request was answered that the book has carried out",
            access=Permission.LEDGER_READ,
            answers={200: Answer("The operation", OperationView, _EXAMPLE)},
            refusals=("operation_not_found",),
        )
    },
)
async def read_operation(
    operation_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return one operation."""
    operation = await services.database.as_caller(
        caller, lambda conn: readings.find_operation(conn, operation_id)
    )
    if operation is None:
        raise Rejected(
            "operation_not_found",
            f"No operation {operation_id} of yours was carried out; if you sent one, send it again.",
        )
    return json_reply(operation)


HANDLERS = (read_operation,)
