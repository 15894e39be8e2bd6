"""Card numbers are nowhere but sealed in the vault, after people have done everything that one does with cards."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from karez.cli.reach import reached_database
from karez.core.config import Settings
from karez.services.payments.cards.vault import place_of, sealer
from karez.storage.database import Database, connect
from tests.channels.api.carded import HOLDER, PREFIXES, CardTown, card_number
from tests.channels.api.making import HARBOUR_BANK, assert_problem, fresh_id
from tests.channels.api.town import done, open_town
from tests.cli.conftest import environment
from tests.cli.running import RunningKarez
from tests.journeys.leaks import found_in_files, found_in_tables, found_in_text
from tests.simulators.bank_process import SECRET, BankProcess

SCOPES = ["parties:write", "payments:read", "payments:write"]


@dataclass
class Journey:
    """What came out of Karez while people paid by card.

    Attributes:
        database: Where it has kept things.
        data_dir: Everything that it has written.
        numbers: Of all cards.
        codes: That holders were sent and have sent back.
        replies: All that it has answered.
        words: All that its processes have said.
        bound: The cards that are still bound, by number.
    """

    database: Database
    data_dir: Path
    numbers: list[str] = field(default_factory=list)
    codes: list[str] = field(default_factory=list)
    replies: list[bytes] = field(default_factory=list)
    words: bytes = b""
    bound: dict[str, str] = field(default_factory=dict)

    def remember(self, answer: httpx.Response) -> None:
        """Keep an answer with its headers."""
        answer.read()
        self.replies.append(repr(list(answer.headers.raw)).encode() + answer.content)


def number_of(prefix: str) -> str:
    """Return a number of a scheme, whose card numbers have their own lengths."""
    return card_number(prefix, {"34": 15, "36": 14}.get(prefix, 16))


def spaced(number: str, separator: str) -> str:
    """Return a number as it stands on a card."""
    return separator.join(number[place : place + 4] for place in range(0, len(number), 4))


def travel(people: CardTown, journey: Journey, prefix: str) -> None:
    """Do everything that one does with a card, and some mistakes."""
    town, bank = people.town, people.bank
    party, shop, number, key = town.person(), town.shop(), number_of(prefix), fresh_id()
    mistyped = number[:-1] + str((int(number[-1]) + 1) % 10)
    journey.numbers += [number, mistyped]
    account = bank.customer(holder=HOLDER, card=number)
    assert_problem(people.begin(party, spaced(mistyped, " ")), 422, "card_number_wrong")
    assert_problem(people.begin(party, number, holder="Nobody"), 422, "card_refused")
    card = done(people.begin(party, spaced(number, " "), key), 201).json()["id"]
    done(people.begin(party, spaced(number, " "), key), 201)
    code = people.code(card)
    journey.codes.append(code)
    assert_problem(people.prove(party, card, people.wrong_code(card)), 422, "card_code_wrong")
    done(people.prove(party, card, code), 200)
    assert_problem(people.begin(party, spaced(number, "-")), 409, "card_bound_before")
    trade = town.order(shop, 1_000, mode="direct")
    source = {"sources": [{"kind": "card", "card": card}]}
    done(town.act(party, f"/v1/trades/{trade}/pay", source, fresh_id()), 200)
    assert people.ended(party, trade)["state"] == "finished"
    refund = {"reference": fresh_id(), "amount_minor": 400}
    done(town.act(shop, f"/v1/trades/{trade}/refunds", refund), 201)
    people.until(lambda: bank.balance(account) == 1_000_000 - 600, "the refund")
    done(town.act(party, f"/v1/cards/{card}/unbind", None, fresh_id()), 200)
    if prefix != PREFIXES[0]:
        done(people.begin(party, spaced(number, "-")), 201)
        done(people.prove(party, card, people.code(card)), 200)
        journey.bound[number] = card


@contextmanager
def opened_journey(folder: Path) -> Iterator[tuple[CardTown, Journey]]:
    """Start Karez as its operator does, with a bank."""
    data_dir = folder / "data"
    settings = environment(KAREZ_DATA_DIR=str(data_dir), COLUMNS="250")
    karez = RunningKarez(settings, folder / "words", "--workers", "1")
    bank = BankProcess(folder / "bank")
    try:
        karez.wait_until_ready()
        token = re.search(r"kz_[0-9a-f]{32}_[0-9a-f]{64}", karez.words)
        assert token, karez.words
        with reached_database(Settings(data_dir=data_dir)) as database:
            journey = Journey(database, data_dir)
            hooks: dict[str, Any] = {"event_hooks": {"response": [journey.remember]}, "timeout": 60}
            operator = httpx.Client(
                base_url=karez.address, headers={"Authorization": f"Bearer {token[0]}"}, **hooks
            )
            new = {"code": "harbour-bank", "name": "Harbour Bank", "kind": "bank"}
            assert done(operator.post("/v1/institutions", json=new), 201).json()["number"] == HARBOUR_BANK
            app = {"label": "app", "institution": HARBOUR_BANK, "scopes": SCOPES}
            key = done(operator.post("/v1/credentials", json=app), 201).json()["token"]
            with httpx.Client(
                base_url=karez.address, headers={"Authorization": f"Bearer {key}"}, **hooks
            ) as client:
                town = open_town(client, operator)
                link = {
                    "institution": HARBOUR_BANK,
                    "base_url": bank.url,
                    "secret": SECRET,
                    "currencies": ["CNY"],
                }
                town.decide("/v1/bank-links", link)
                yield CardTown(town, bank, database), journey
            operator.close()
    finally:
        karez.end()
        bank.close()


def test_no_card_number_leaves_the_vault(tmp_path: Path) -> None:
    with opened_journey(tmp_path) as (people, journey):
        for prefix in PREFIXES:
            travel(people, journey, prefix)
        with connect(journey.database.owner) as conn:
            assert found_in_tables(conn, journey.numbers) == []
            check_vault(conn, journey)
            check_search(conn, card_number())
        replies = b"".join(journey.replies)
        assert b"card_number_wrong" in replies
        assert found_in_text(replies, [*journey.numbers]) == []
    words = (tmp_path / "words").read_bytes()
    assert b"/v1/cards" in words
    assert found_in_text(words, [*journey.numbers]) == []
    # Rows that were deleted or replaced, the write-ahead log, the log of the database: all of it is in these files.
    assert found_in_files(journey.data_dir, journey.numbers) == []


def check_vault(conn: Any, journey: Journey) -> None:
    """Expect the numbers of bound cards sealed, and that they open nowhere else; that of an unbound one is gone."""
    sealing = sealer(journey.database.secret_key)
    kept = {str(token): sealed for token, sealed in conn.execute("SELECT token, sealed FROM card_number")}
    opened = {
        sealing.open(bytes(sealed), place_of(token)): str(token)
        for token, sealed in conn.execute("SELECT token, sealed FROM card_number WHERE sealed IS NOT NULL")
    }
    assert opened == journey.bound
    assert len(kept) == len(opened) + 1


def check_search(conn: Any, number: str) -> None:
    """Plant another number in columns of several kinds, and expect it to be found in each of them."""
    plants = {
        "card": ("UPDATE card SET reference = %s", spaced(number, " ")),
        "operation": ("UPDATE operation SET fingerprint = %s", number.encode()),
        "outbox_event": ("UPDATE outbox_event SET payload = %s", f'{{"note": "card {spaced(number, "-")}"}}'),
        "bank_instruction": ("UPDATE bank_instruction SET answer_code = %s", f"no{number}"),
    }
    for table, (statement, planted) in plants.items():
        with conn.transaction(force_rollback=True):
            changed = f"{statement} WHERE ctid = (SELECT ctid FROM {table} LIMIT 1)"
            conn.execute(changed, (planted,))
            assert {place for place, _, _ in found_in_tables(conn, [number])} == {table}
