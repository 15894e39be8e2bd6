"""What one would write first: a FastAPI handler with one transaction and row locks for each step of a payment.

It is the yardstick of ``benchmarks/payments.py``. It keeps no running total of escrow, which would be one locked
row for everybody; no idempotent reply; and no limits. So it does less than Karez.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

CONNECTIONS = 20

TABLES = (
    "CREATE TABLE locked_wallet (id uuid PRIMARY KEY, available bigint NOT NULL CHECK (available >= 0))"
    " WITH (fillfactor = 50)",
    "CREATE TABLE locked_trade (id uuid PRIMARY KEY, shop uuid NOT NULL, buyer uuid, amount bigint NOT NULL,"
    " state text NOT NULL) WITH (fillfactor = 50)",
    "CREATE TABLE locked_movement (id uuid PRIMARY KEY, trade uuid NOT NULL, wallet uuid, amount bigint NOT NULL)",
    "CREATE TABLE locked_event (id uuid PRIMARY KEY, topic text NOT NULL, trade uuid NOT NULL)",
)

_TRADE = "SELECT shop, buyer, amount, state FROM locked_trade WHERE id = $1 FOR UPDATE"
_WALLET = "SELECT available FROM locked_wallet WHERE id = $1 FOR UPDATE"
_CHANGE_WALLET = "UPDATE locked_wallet SET available = available + $2 WHERE id = $1"
_CHANGE_TRADE = "UPDATE locked_trade SET state = $2, buyer = $3 WHERE id = $1"
_MOVE = "INSERT INTO locked_movement VALUES ($1, $2, $3, $4)"
_ANNOUNCE = "INSERT INTO locked_event VALUES ($1, $2, $3)"


class Step(BaseModel):
    """The body of a request."""

    party: UUID


class Receipt(BaseModel):
    """The body of an answer."""

    id: UUID
    state: str
    amount: int


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    # Where the database is stands in libpq's environment variables.
    async with asyncpg.create_pool(min_size=CONNECTIONS, max_size=CONNECTIONS) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=_lifespan)


@app.post("/v1/trades/{trade}/pay")
async def pay(trade: UUID, step: Step) -> Receipt:
    """Take the money out of the buyer's wallet."""
    pool: Any = app.state.pool
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_TRADE, trade)
        if row is None:
            raise HTTPException(404)
        if row["state"] != "created":
            raise HTTPException(409)
        available = await connection.fetchval(_WALLET, step.party)
        if available is None or available < row["amount"]:
            raise HTTPException(422)
        await connection.execute(_CHANGE_WALLET, step.party, -row["amount"])
        await connection.execute(_MOVE, uuid4(), trade, step.party, -row["amount"])
        await connection.execute(_CHANGE_TRADE, trade, "paid", step.party)
        await connection.execute(_ANNOUNCE, uuid4(), "trade.paid", trade)
    return Receipt(id=trade, state="paid", amount=row["amount"])


@app.post("/v1/trades/{trade}/confirm")
async def confirm(trade: UUID, step: Step) -> Receipt:
    """Give the money to the shop."""
    pool: Any = app.state.pool
    async with pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(_TRADE, trade)
        if row is None or row["buyer"] != step.party:
            raise HTTPException(404)
        if row["state"] != "paid":
            raise HTTPException(409)
        await connection.fetchval(_WALLET, row["shop"])
        await connection.execute(_CHANGE_WALLET, row["shop"], row["amount"])
        await connection.execute(_MOVE, uuid4(), trade, row["shop"], row["amount"])
        await connection.execute(_CHANGE_TRADE, trade, "finished", step.party)
        await connection.execute(_ANNOUNCE, uuid4(), "trade.finished", trade)
    return Receipt(id=trade, state="finished", amount=row["amount"])
