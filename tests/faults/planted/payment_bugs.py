"""The bugs of payments: each function changes the operations that the web process makes of requests."""

from collections.abc import Callable, Mapping
from typing import Any
from unittest.mock import patch

import msgspec

from karez.core.ids import derived_id
from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.accounts import AccountCode, TransferCode

_COUNTING = (TransferCode.REFUNDABLE_GRANT, TransferCode.REFUNDABLE_USE)


def payment_captured_twice() -> None:
    """What a buyer pays is taken two times."""

    def twice(operation: Operation) -> Operation:
        again = tuple(
            msgspec.structs.replace(each, id=derived_id(each.id, "again"))
            for each in operation.transfers
            if each.code == TransferCode.PAYMENT
        )
        return msgspec.structs.replace(operation, transfers=(*operation.transfers, *again))

    _change("trade.pay", twice)


def refund_not_counted() -> None:
    """A refund is made without the account of what can still go back."""

    def uncounted(operation: Operation) -> Operation:
        return msgspec.structs.replace(
            operation,
            accounts=tuple(each for each in operation.accounts if each.code != AccountCode.REFUNDABLE),
            transfers=tuple(each for each in operation.transfers if each.code not in _COUNTING),
        )

    _change("trade.refund", uncounted)


def payment_not_announced() -> None:
    """Nobody is told that a trade was paid."""
    _change("trade.pay", lambda operation: msgspec.structs.replace(operation, events=()))


def _change(kind: str, change: Callable[[Operation], Operation]) -> None:
    make = Asking.operation

    def make_changed(self: Asking, made: str, *args: Any, **kwargs: Any) -> Operation:
        operation = make(self, made, *args, **kwargs)
        return change(operation) if made == kind else operation

    patch.object(Asking, "operation", make_changed).start()


PAYMENT_BUGS: Mapping[str, Callable[[], None]] = {
    bug.__name__: bug for bug in (payment_captured_twice, refund_not_counted, payment_not_announced)
}
