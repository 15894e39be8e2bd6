"""The kinds of values that bodies, queries and answers are made of."""

from typing import Annotated
from uuid import UUID

from msgspec import Meta

from karez.channels.api.moments import MOMENT_PATTERN

EXAMPLE_IDS = tuple(f"01997f3e-6c10-7000-8000-00000000000{number}" for number in range(10))
EXAMPLE_MOMENT = "2026-09-21T14:13:20.123456789Z"

_MAX_63 = 2**63 - 1
_MAX_31 = 2**31 - 1

AccountId = Annotated[UUID, Meta(description="Id of an account.")]
TransferId = Annotated[UUID, Meta(description="Id of a transfer.")]
NewId = Annotated[UUID, Meta(description="Your own new id, best a UUID of version 7; it makes retries safe.")]
PartyId = Annotated[UUID, Meta(description="Id of a person or shop.")]
Amount = Annotated[int, Meta(ge=0, le=_MAX_63, description="Minor units of the ledger's unit.")]
MoneyAmount = Annotated[
    int,
    Meta(ge=1, le=_MAX_63, description="Minor units of the currency: 1230 is 12.30 CNY.", examples=[1230]),
]
CurrencyCode = Annotated[str, Meta(pattern="^[A-Z]{3}$", description="ISO 4217 letters.", examples=["CNY"])]
Reference = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=r"^[!-~]+$",
        description="Your own name for it: printable ASCII without spaces.",
        examples=["order-2026-000123"],
    ),
]
Code = Annotated[int, Meta(ge=1, le=65_535, description="Your own number for the reason or kind.")]
UnitNumber = Annotated[int, Meta(ge=1, le=_MAX_31, description="Number of a unit.")]
InstitutionNumber = Annotated[int, Meta(ge=1, le=_MAX_31, description="Number of an institution.")]
UserData = Annotated[int, Meta(ge=0, le=_MAX_63, description="Any number of your own.")]
AccountFlagBits = Annotated[
    int,
    Meta(
        ge=0,
        le=15,
        description="Added together: 2 debits must not exceed credits, 4 credits must not exceed debits, 8 history.",
    ),
]
TransferFlagBits = Annotated[
    int,
    Meta(
        ge=0,
        le=63,
        description="Added together: 1 linked to the next of its batch, 2 pending, 4 post, 8 void, 16 balancing"
        " debit, 32 balancing credit.",
    ),
]
TimeoutSeconds = Annotated[
    int, Meta(ge=0, le=_MAX_31, description="After how long a pending transfer is void by itself; 0: never.")
]
Moment = Annotated[
    str,
    Meta(
        pattern=MOMENT_PATTERN,
        description="RFC 3339; answers are in UTC with nine digits of nanoseconds.",
        examples=[EXAMPLE_MOMENT],
    ),
]
Text = Annotated[
    str,
    Meta(min_length=1, max_length=200, pattern=r"^[^\u0000-\u001f\u007f]*$", description="One line of text."),
]
PersonalText = Annotated[str, Meta(min_length=1, max_length=300, pattern=r"^[^\u0000-\u001f\u007f]*$")]
PageSize = Annotated[int, Meta(ge=1, le=1_000, description="How many at most.")]
