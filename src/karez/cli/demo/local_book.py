"""The bookkeeper within this process, under a simulated clock."""

import asyncio
from collections import Counter

from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.operations import Operation, Outcome


class LocalBook:
    """Carries out operations that are handed in together as one group.

    Args:
        bookkeeper: The one writer.

    Attributes:
        done: How many operations of each kind were carried out.
    """

    def __init__(self, bookkeeper: Bookkeeper) -> None:
        self.done: Counter[str] = Counter()
        self._bookkeeper = bookkeeper
        self._waiting: list[tuple[Operation, asyncio.Future[Outcome]]] = []

    async def submit(self, operation: Operation) -> Outcome:
        """Have one operation carried out, in company of the others of this turn of the loop."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Outcome] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._commit)
        self._waiting.append((operation, future))
        return await future

    def carry_out(self, operations: list[Operation]) -> list[Outcome]:
        """Have operations carried out in their order."""
        outcomes: dict[int, Outcome] = {}
        left = list(range(len(operations)))
        while left:
            answers = self._bookkeeper.commit([operations[place] for place in left])
            outcomes |= {
                place: answer
                for place, answer in zip(left, answers, strict=True)
                if isinstance(answer, Outcome)
            }
            # What touches the same row as an earlier one is handed in again.
            left = [place for place in left if place not in outcomes]
        self.done.update(each.kind for place, each in enumerate(operations) if outcomes[place].accepted)
        return [outcomes[place] for place in range(len(operations))]

    def _commit(self) -> None:
        waiting, self._waiting = self._waiting, []
        outcomes = self.carry_out([operation for operation, _ in waiting])
        for (_, future), outcome in zip(waiting, outcomes, strict=True):
            future.set_result(outcome)
