"""The form of a recording: what a ledger was asked, and what it answered.

One JSON object a line; several independent worlds follow one another, each of them:

    {"accounts": [{"id": 0, "ledger": 1, "flags": ["debits_must_not_exceed_credits"]}]}
    {"batch": [{"id": 1, "debit": 0, "credit": 2, "amount": 5, "pending": null, "flags": ["linked"]}],
     "status": ["created"]}
    {"balances": {"0": [0, 5, 0, 0]}}

Ids are local to their world. A transfer may also have ``timeout``, ``code``, ``ledger`` and ``user_data_128``,
``_64`` and ``_32``; where ``ledger`` is missing it is that of the debit account. Balances are debits pending,
debits posted, credits pending, credits posted.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from karez.cli.input_lines import Advance, Line, read_lines, unreadable
from karez.core.outcomes import Rejected

Id128 = Annotated[int, Meta(ge=0)]
Positive32 = Annotated[int, Meta(ge=0, le=2**31 - 1)]
Code = Annotated[int, Meta(ge=0, le=65_535)]
Totals = Annotated[list[int], Meta(min_length=4, max_length=4)]


class RecordedAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An account that the recording opens."""

    id: Id128
    ledger: Id128
    flags: list[str] = []
    code: Code = 1
    user_data_128: Id128 = 0
    user_data_64: Id128 = 0
    user_data_32: Id128 = 0


class RecordedTransfer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A transfer that the recording asks for; ``None`` is the zero id."""

    id: Id128 | None
    debit: Id128 | None
    credit: Id128 | None
    amount: int
    pending: Id128 | None = None
    flags: list[str] = []
    timeout: Positive32 = 0
    code: Code = 1
    ledger: Id128 | None = None
    user_data_128: Id128 = 0
    user_data_64: Id128 = 0
    user_data_32: Id128 = 0


class Opening(msgspec.Struct, frozen=True):
    """A new world begins with these accounts."""

    line: int
    accounts: list[RecordedAccount]


class RecordedBatch(msgspec.Struct, frozen=True):
    """Transfers in order, and the status that each of them got."""

    line: int
    transfers: list[RecordedTransfer]
    statuses: list[str]


class RecordedBalances(msgspec.Struct, frozen=True):
    """What the accounts held at this point, by account."""

    line: int
    totals: dict[int, Totals]


Step = Opening | RecordedBatch | RecordedBalances


class _Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    accounts: list[RecordedAccount] | None = None
    batch: list[RecordedTransfer] | None = None
    status: list[str] | None = None
    balances: dict[int, Totals] | None = None


_decode = msgspec.json.Decoder(_Form).decode


def read_recording(path: Path, advance: Advance = lambda _: None) -> Iterator[Step]:
    """Yield the steps of a recording.

    Args:
        path: The file, plain or compressed with gzip.
        advance: Called now and then, for a progress bar.

    Rejections: ``file_unreadable`` with the file and the line.
    """
    opened = False
    for line in read_lines(path, "utf-8", advance):
        step = _read_step(path, line)
        opened = opened or isinstance(step, Opening)
        if not opened:
            raise unreadable(path, line.number, 'a world begins with its "accounts"; put them first')
        yield step
    if not opened:
        raise Rejected("file_unreadable", f"{path} is empty; give a recording.", file=str(path))


def _read_step(path: Path, line: Line) -> Step:
    try:
        form = _decode(line.text.encode())
    except msgspec.ValidationError as error:
        raise unreadable(path, line.number, f"not a line of a recording: {error}") from error
    except msgspec.DecodeError as error:
        if not line.whole:
            reason = "the last line is cut; fetch the file again or remove that line"
            raise unreadable(path, line.number, reason) from error
        raise unreadable(path, line.number, f"not JSON: {error}") from error
    given = {name for name in form.__struct_fields__ if getattr(form, name) is not None}
    if given == {"accounts"} and form.accounts is not None:
        return Opening(line.number, form.accounts)
    if given == {"balances"} and form.balances is not None:
        return RecordedBalances(line.number, form.balances)
    if given == {"batch", "status"} and form.batch is not None and form.status is not None:
        if len(form.batch) != len(form.status):
            reason = f"{len(form.batch)} transfers but {len(form.status)} statuses; each transfer has one"
            raise unreadable(path, line.number, reason)
        return RecordedBatch(line.number, form.batch, form.status)
    reason = 'a line has "accounts", or "batch" with "status", or "balances", and nothing else'
    raise unreadable(path, line.number, reason)
