"""Who may be instructed, what of it can be seen by whom, and that nobody but the book says that money has moved."""

from typing import Any

import psycopg
import pytest

from karez.core.outcomes import Rejected
from karez.services.payments import accounts
from karez.services.payments.banks.instructing import NewInstruction, instruct
from karez.services.payments.banks.invariants import INVARIANTS
from karez.services.payments.banks.links import LinkFacts, NewLink, link_bank, read_link, read_secret, sealer
from karez.services.payments.banks.records import (
    BankChoice,
    bank_choices,
    find_bank,
    find_instruction,
    instructions_of,
    page_url,
)
from karez.storage.database import connect
from karez.storage.tenant import as_entrance, as_institution, as_operator, as_person
from tests.services.payments.banks.desk import Desk
from tests.simulators.bank_process import SECRET

URL = "https://bank.example/karez"


def new_link(**fields: Any) -> NewLink:
    given: dict[str, Any] = {"bank": 7, "base_url": URL, "notify_url": None, "secret": SECRET}
    return NewLink(**{**given, "currencies": ("CNY",), **fields})


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"base_url": "bank.example"}, "bank_url_malformed"),
        ({"base_url": "ftp://bank.example"}, "bank_url_malformed"),
        ({"base_url": "https://bank.example/?a=b"}, "bank_url_malformed"),
        ({"notify_url": "karez.example"}, "bank_url_malformed"),
        ({"secret": "short"}, "bank_secret_too_short"),
        ({"currencies": ()}, "bank_currencies_wrong"),
        ({"currencies": ("CNY", "CNY")}, "bank_currencies_wrong"),
        ({"currencies": ("USD",)}, "currency_not_open"),
    ],
)
def test_a_link_that_cannot_work_is_refused(desk: Desk, fields: dict[str, object], code: str) -> None:
    sealing = sealer(desk.office.database.secret_key)
    facts = LinkFacts(None, frozenset())
    with pytest.raises(Rejected) as refused:
        link_bank(desk.asking(), desk.office.house, facts, new_link(**fields), sealing)
    assert refused.value.code == code


def test_a_link_can_be_changed_and_its_account_is_opened_once(desk: Desk) -> None:
    new = new_link(bank=desk.number)
    with connect(desk.office.database.web) as conn, as_operator(conn):
        facts = read_link(conn, new)
    assert facts.accounts == {accounts.clearing(desk.number, "CNY")}
    desk.link(url="https://elsewhere.example")
    with connect(desk.office.database.web) as conn, as_operator(conn):
        choices = {choice.institution: choice for choice in bank_choices(conn)}
    assert choices[desk.number] == BankChoice(desk.number, ["CNY"], "open")


def test_a_customer_is_sent_to_the_bank_s_page(desk: Desk) -> None:
    party = desk.person()
    instruction = desk.instruct("collect", party, "")
    with connect(desk.office.database.web) as conn, as_person(conn, party):
        url = page_url(find_bank(conn, desk.number).base_url, instruction)
    assert url == f"{desk.bank.url}/pay/{instruction}"


def test_a_link_that_somebody_changed_meanwhile_is_read_again(desk: Desk) -> None:
    new, sealing = new_link(bank=desk.number), sealer(desk.office.database.secret_key)
    with connect(desk.office.database.web) as conn, as_operator(conn):
        facts = read_link(conn, new)
    desk.link()
    (outcome,) = desk.office.submit(link_bank(desk.asking(), desk.office.house, facts, new, sealing))
    assert outcome.code == "row_state_changed"


def test_the_secret_is_read_by_nobody_but_the_worker_and_the_entrance(desk: Desk) -> None:
    with connect(desk.office.database.owner) as conn:
        (sealed,) = conn.execute("SELECT sealed FROM bank_link LIMIT 1").fetchone() or (b"",)
    assert SECRET.encode() not in sealed
    statement = "SELECT sealed FROM bank_link"
    with connect(desk.office.database.web) as conn:
        for caller in (as_operator(conn), as_institution(conn, desk.number), as_person(conn, desk.person())):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), caller:
                conn.execute(statement)
        with as_entrance(conn):
            sealing = sealer(desk.office.database.secret_key)
            assert read_secret(conn, desk.number, sealing) == SECRET
            assert read_secret(conn, 999, sealing) is None


@pytest.mark.parametrize(
    "choice",
    [
        BankChoice(7, ["CNY"], "paused"),
        BankChoice(7, ["USD"], "open"),
        BankChoice(7, [], "open"),
    ],
)
def test_a_bank_that_is_paused_or_of_another_currency_is_not_instructed(
    desk: Desk, choice: BankChoice
) -> None:
    party = desk.asking().id
    new = NewInstruction(
        party=party,
        direction="collect",
        purpose="top_up",
        subject=party,
        currency="CNY",
        amount_minor=1,
        account=accounts.wallet(party, "CNY"),
        reference="A1",
        remark="",
    )
    with pytest.raises(Rejected) as refused:
        instruct(desk.asking(), desk.office.house, choice, new)
    assert refused.value.code == "bank_not_open"


def test_an_instruction_waits_while_its_bank_is_paused(desk: Desk, other_desk: Desk) -> None:
    party, account = desk.person(), desk.bank.customer()
    instruction = desk.instruct("collect", party, account)
    desk.link(is_open=False)
    with other_desk.worker():
        other_desk.clock.advance(1)
        other_desk.carry_through(other_desk.instruct("collect", party, account))
    assert desk.read(instruction).attempts == 0
    desk.link()
    with desk.worker():
        desk.carry_through(instruction)
    assert desk.wallet(party) == 2_000


def test_an_instruction_is_seen_by_its_party_its_bank_and_the_operator(desk: Desk, other_desk: Desk) -> None:
    party, stranger = desk.person(), desk.person()
    instruction = desk.instruct("collect", party, "A1")
    with connect(desk.office.database.web) as conn:
        for caller in (as_person(conn, party), as_institution(conn, desk.number), as_operator(conn)):
            with caller:
                assert [each.id for each in instructions_of(conn, party)] == [instruction]
        for caller in (as_person(conn, stranger), as_institution(conn, other_desk.number)):
            with pytest.raises(Rejected) as refused, caller:
                find_instruction(conn, instruction)
            assert refused.value.code == "instruction_not_found"


def test_a_worker_cannot_say_that_money_has_moved(desk: Desk) -> None:
    instruction = desk.instruct("collect", desk.person(), "A1")
    with connect(desk.office.database.worker) as conn:
        for state in ("succeeded", "succeeded_late"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute("UPDATE bank_instruction SET state = %s WHERE id = %s", (state, instruction))
        for column in ("amount_minor", "ended_ns"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(f"UPDATE bank_instruction SET {column} = 1 WHERE id = %s", (instruction,))


DAMAGE = {
    "every_collection_is_booked_once": "UPDATE bank_instruction SET amount_minor = amount_minor + 1"
    " WHERE id = ANY(%s) AND direction = 'collect'",
    "pay_outs_hold_their_money_until_they_end": "UPDATE bank_instruction SET state = 'declined'"
    " WHERE id = ANY(%s) AND direction = 'pay_out' AND state = 'succeeded'",
}


@pytest.mark.parametrize("name", DAMAGE)
def test_each_invariant_sees_its_own_kind_of_damage(desk: Desk, name: str) -> None:
    party, account = desk.person(3_000), desk.bank.customer()
    desk.bank.behave(account, "decline", kind="credit")
    with desk.worker():
        ended = [
            desk.instruct("pay_out", party, account),
            desk.instruct("pay_out", party, account),
            desk.instruct("collect", party, account),
        ]
        desk.carry_through(*ended)
    ended.append(desk.instruct("pay_out", party, account))

    def broken(conn: psycopg.Connection[Any]) -> set[str]:
        return {rule.__name__ for rule in INVARIANTS if rule(conn)}

    with connect(desk.office.database.owner) as conn:
        assert broken(conn) == set()
        with conn.transaction(force_rollback=True):
            conn.execute(DAMAGE[name], (ended,))
            assert broken(conn) == {name}
