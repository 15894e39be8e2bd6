"""The two ways to the book: HTTP like a merchant, the bookkeeper's socket like a service of Karez."""

import asyncio
import http.client
import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import local
from typing import Any

import msgspec

from karez.channels.api.moments import parse_moment
from karez.core.ids import NIL
from karez.core.outcomes import Unavailable
from karez.ledger.client import BookClient
from karez.ledger.model import Status, Transfer, transfers_to_array
from karez.ledger.operations import Operation, Outcome

ANSWER_LIMIT_S = 15.0

_OUTAGE = 500


class NotAnswered(Exception):
    """Whether it was done is not known; the same request must be repeated."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What became of one transfer.

    Attributes:
        status: ``created`` for a new one and a repeated one, or the code of the refusal.
        timestamp_ns: When it was made; 0 where that is not told.
    """

    status: str
    timestamp_ns: int = 0


class HttpCaller:
    """A merchant's program.

    Args:
        port: Where Karez listens on the loopback address.
        token: The API credential.
        threads: How many requests it has under way at most.
        troubles: Counts why requests were not answered.
    """

    def __init__(self, port: int, token: str, threads: int, troubles: Counter[str]) -> None:
        self._port = port
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        self._threads = ThreadPoolExecutor(threads)
        self._own = local()
        self._connections: list[http.client.HTTPConnection] = []
        self._troubles = troubles

    async def transfer(self, transfer: Transfer) -> Reply:
        """Have one transfer made.

        Raises:
            NotAnswered: Repeat it.
        """
        body = await self._post("/v1/transfers", _json(transfer))
        if "timestamp" in body:
            return Reply(body["status"], parse_moment(body["timestamp"]))
        return Reply(body["code"])

    async def transfers(self, transfers: list[Transfer]) -> list[Reply]:
        """Have a batch made, each with an answer of its own.

        Raises:
            NotAnswered: Repeat it.
        """
        results = await self._post("/v1/transfers/batch", list(map(_json, transfers)))
        return [_batch_reply(result) for result in results]

    def close(self) -> None:
        """End the connections; nothing is under way."""
        self._threads.shutdown()
        for connection in self._connections:
            connection.close()

    async def _post(self, path: str, value: object) -> Any:
        loop = asyncio.get_running_loop()
        data = msgspec.json.encode(value)
        try:
            status, body = await loop.run_in_executor(self._threads, self._exchange, path, data)
        except (OSError, http.client.HTTPException) as error:
            self._troubles[type(error).__name__] += 1
            raise NotAnswered from error
        answer = msgspec.json.decode(body)
        if status >= _OUTAGE:
            self._troubles[f"{status} {answer['code']}"] += 1
            raise NotAnswered
        assert status in (200, 201, 409, 422), (status, body)
        return answer

    def _exchange(self, path: str, data: bytes) -> tuple[int, bytes]:
        connection: http.client.HTTPConnection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_LIMIT_S)
            self._own.connection = connection
            self._connections.append(connection)
        try:
            connection.request("POST", path, data, self._headers)
            response = connection.getresponse()
            return response.status, response.read()
        except BaseException:
            connection.close()
            raise


class BookCaller:
    """A service of Karez.

    Args:
        socket: Where the bookkeeper listens.
        second_socket: Where a second one listens now and then; it gets half of the requests then.
        institution: For whom the service acts.
        chance: Decides which bookkeeper is asked.
        troubles: Counts why requests were not answered.
    """

    def __init__(
        self,
        socket: Path,
        second_socket: Path,
        institution: int,
        chance: random.Random,
        troubles: Counter[str],
    ) -> None:
        self._clients = (BookClient(socket), BookClient(second_socket))
        self._second_socket = second_socket
        self._institution = institution
        self._chance = chance
        self._troubles = troubles

    async def transfer(self, transfer: Transfer) -> Reply:
        """Have one transfer made.

        Raises:
            NotAnswered: Repeat it.
        """
        record = transfers_to_array([transfer]).tobytes()
        status, timestamp_ns = await self._answered(self._client().transfer(record, self._institution))
        return _reply(status, timestamp_ns)

    async def transfers(self, transfers: list[Transfer]) -> list[Reply]:
        """Have a batch made, each with an answer of its own.

        Raises:
            NotAnswered: Repeat it.
        """
        array = transfers_to_array(transfers)
        outcome = await self._answered(self._client().transfers(array, self._institution))
        return [
            _reply(Status(status), outcome.first_timestamp_ns + number)
            for number, status in enumerate(outcome.status.tolist())
        ]

    async def submit(self, operation: Operation) -> Outcome:
        """Have an operation carried out.

        Raises:
            NotAnswered: Repeat it.
        """
        outcome: Outcome = await self._answered(self._client().submit(operation))
        return outcome

    def close(self) -> None:
        """End the connections."""
        for client in self._clients:
            client.close()

    def _client(self) -> BookClient:
        second = self._second_socket.exists() and self._chance.random() < 0.5
        return self._clients[second]

    async def _answered(self, asking: Any) -> Any:
        try:
            return await asyncio.wait_for(asking, ANSWER_LIMIT_S)
        except Unavailable as trouble:
            self._troubles[trouble.code] += 1
            raise NotAnswered from trouble
        except TimeoutError as error:
            self._troubles["no answer in time"] += 1
            raise NotAnswered from error


def _reply(status: Status, timestamp_ns: int) -> Reply:
    if status is Status.EXISTS:
        return Reply(Status.CREATED.code)
    return Reply(status.code, timestamp_ns if status is Status.CREATED else 0)


def _batch_reply(result: dict[str, str]) -> Reply:
    if result["status"] == Status.EXISTS.code:
        return Reply(Status.CREATED.code)
    return Reply(result["status"], parse_moment(result["timestamp"]) if "timestamp" in result else 0)


def _json(transfer: Transfer) -> dict[str, object]:
    """Leave out what is not set, as a client does."""
    fields = msgspec.structs.asdict(transfer)
    return {name: value for name, value in fields.items() if value not in (NIL, 0) or name == "amount"}
