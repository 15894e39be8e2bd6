"""What one would write first: a FastAPI handler with one transaction and two row locks a transfer.

It is the yardstick of ``benchmarks/transfers_http.py``. Two indexes fewer and no idempotent reply, so it
does less than Karez.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field

CONNECTIONS = 20

_LOCK = """
SELECT id, limited, debits, credits FROM locked_account WHERE id = ANY($1::uuid[]) ORDER BY id FOR UPDATE
"""
_INSERT = """
INSERT INTO locked_transfer (id, debit_account, credit_account, amount) VALUES ($1, $2, $3, $4)
"""
_DEBIT = "UPDATE locked_account SET debits = debits + $2 WHERE id = $1"
_CREDIT = "UPDATE locked_account SET credits = credits + $2 WHERE id = $1"

TABLES = (
    "CREATE TABLE locked_account (id uuid PRIMARY KEY, limited boolean NOT NULL, debits bigint NOT NULL,"
    " credits bigint NOT NULL) WITH (fillfactor = 50)",
    "CREATE TABLE locked_transfer (id uuid PRIMARY KEY, debit_account uuid NOT NULL,"
    " credit_account uuid NOT NULL, amount bigint NOT NULL)",
)


class TransferRequest(BaseModel):
    """The body of a request."""

    id: UUID
    debit_account_id: UUID
    credit_account_id: UUID
    amount: int = Field(ge=0)
    ledger: int
    code: int


class TransferReply(BaseModel):
    """The body of an answer."""

    id: UUID
    status: str


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    # Where the database is stands in libpq's environment variables.
    async with asyncpg.create_pool(min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_lifespan)


@app.post("/v1/transfers", status_code=201)
async def post_transfer(request: TransferRequest) -> TransferReply:
    """Make one transfer in a transaction of its own."""
    accounts = sorted((request.debit_account_id, request.credit_account_id))
    pool: Any = app.state.pool
    async with pool.acquire() as connection, connection.transaction():
        rows = {row["id"]: row for row in await connection.fetch(_LOCK, accounts)}
        payer = rows.get(request.debit_account_id)
        if payer is None or request.credit_account_id not in rows:
            raise HTTPException(404)
        if payer["limited"] and payer["debits"] + request.amount > payer["credits"]:
            raise HTTPException(422)
        await connection.execute(
            _INSERT, request.id, request.debit_account_id, request.credit_account_id, request.amount
        )
        await connection.execute(_DEBIT, request.debit_account_id, request.amount)
        await connection.execute(_CREDIT, request.credit_account_id, request.amount)
    return TransferReply(id=request.id, status="created")
