"""Agreements whose schedule acts: a notice, a deduction, or the end."""

from functools import partial

from karez.ledger.operations import Operation, Outcome
from karez.services.asking import Asking
from karez.services.payments.agreements.deductions import announce, deduct_by_schedule, fail
from karez.services.payments.agreements.operations import end
from karez.services.payments.agreements.records import Agreement, due_agreements, payers_wallets
from karez.services.payments.house import House, read_house
from karez.services.payments.refusals import explain
from karez.services.payments.wallets.records import Wallet
from karez.services.sweeps import Connection, Due, Sweep


def _find_deductions(conn: Connection, now_ns: int, limit: int) -> list[Due]:
    agreements = due_agreements(conn, "due_ns", now_ns, limit)
    if not agreements:
        return []
    house = read_house(conn)
    wallets = payers_wallets(conn, {(each.payer, each.currency) for each in agreements})
    return [_deduction(house, each, wallets[each.payer, each.currency]) for each in agreements]


def _deduction(house: House, agreement: Agreement, wallet: Wallet) -> Due:
    def decide(asking: Asking) -> Operation:
        return deduct_by_schedule(asking, house, agreement, wallet)

    def otherwise(asking: Asking, operation: Operation, outcome: Outcome) -> Operation:
        return fail(asking, agreement, explain(operation, outcome))

    return Due(agreement.id, _moment(agreement.due_ns), decide, otherwise)


def _find_notices(conn: Connection, now_ns: int, limit: int) -> list[Due]:
    found = due_agreements(conn, "notice_ns", now_ns, limit)
    return [Due(each.id, _moment(each.notice_ns), partial(_announce, each)) for each in found]


def _announce(agreement: Agreement, asking: Asking) -> Operation:
    return announce(asking, agreement)


def _find_ends(conn: Connection, now_ns: int, limit: int) -> list[Due]:
    found = due_agreements(conn, "valid_until_ns", now_ns, limit)
    return [Due(each.id, each.valid_until_ns, partial(_end, each)) for each in found]


def _end(agreement: Agreement, asking: Asking) -> Operation:
    return end(asking, agreement)


def _moment(moment_ns: int | None) -> int:
    assert moment_ns is not None, "it was found by this moment"
    return moment_ns


SWEEPS = (
    Sweep("agreement.announce", _find_notices),
    Sweep("agreement.deduct", _find_deductions),
    Sweep("agreement.end", _find_ends),
)
"""A notice that is late comes before its deduction."""
