"""Who takes part in the tests of the API, and short ways to what they do."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from karez.core.clock import SystemClock
from karez.core.ids import new_id
from karez.parties import credentials, institutions, people
from karez.parties.people import NewParty
from karez.parties.personal import PersonalData
from karez.parties.roles import Permission
from karez.parties.tokens import Owner
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator

OPERATOR, HARBOUR_BANK, HILL_BANK = 1, 2, 3
CNY, COUPON = 1, 2
DEBITS_LIMITED = 2
PENDING, POST, VOID = 2, 4, 8

ANA = PersonalData("Ana 王小红", "+86 138-0013 8000", "ana@example.org", "CN:11010519491231002X")
DAY_NS = 86_400_000_000_000

_OWN_SCOPES: list[Permission] = [each for each in Permission if each != Permission.OPERATOR]


@dataclass(frozen=True)
class World:
    """A database and the tokens of those who take part.

    Attributes:
        database: Where everything is kept.
        operator: The operator's token, with every scope.
        harbour: Harbour Bank's, with every scope but the operator's.
        hill: Hill Bank's, the same.
        ana: Ana's own, with every scope but the operator's.
        ana_id: A person who came through Harbour Bank.
    """

    database: Database
    operator: str
    harbour: str
    hill: str
    ana: str
    ana_id: UUID

    def token(self, owner: Owner, *scopes: Permission, life_ns: int = DAY_NS) -> str:
        """Issue another token."""
        now_ns = SystemClock().now_ns()
        with connect(self.database.web) as conn, as_operator(conn):
            return str(credentials.issue(conn, owner, scopes, "test", now_ns + life_ns, now_ns))


def furnish(database: Database) -> World:
    """Register everybody, and make two units."""
    now_ns = SystemClock().now_ns()
    ana = new_id(now_ns)
    with connect(database.owner) as conn:
        conn.execute("INSERT INTO unit VALUES (1, 'CNY', 2, 'Yuan', 0), (2, 'COUPON:spring', 0, 'Coupon', 0)")
    with connect(database.web) as conn, as_operator(conn):
        institutions.register(conn, "karez", "Karez", "operator", now_ns)
        institutions.register(conn, "harbour-bank", "Harbour Bank", "bank", now_ns)
        institutions.register(conn, "hill-bank", "Hill Bank", "bank", now_ns)
        newcomer = NewParty(ana, "person", HARBOUR_BANK, ANA)
        people.register(conn, people.sealer(database.secret_key), [newcomer], now_ns)

        def token(owner: Owner, scopes: list[Permission]) -> str:
            return str(credentials.issue(conn, owner, scopes, "test", now_ns + DAY_NS, now_ns))

        return World(
            database=database,
            operator=token(Owner(institution=OPERATOR), list(Permission)),
            harbour=token(Owner(institution=HARBOUR_BANK), _OWN_SCOPES),
            hill=token(Owner(institution=HILL_BANK), _OWN_SCOPES),
            ana=token(Owner(party=ana), _OWN_SCOPES),
            ana_id=ana,
        )


def fresh_id() -> str:
    """Return a new id as text."""
    return str(new_id(SystemClock().now_ns()))


def open_account(client: httpx.Client, flags: int = 0, **more: Any) -> str:
    """Open an account of the client's institution and return its id."""
    id_ = fresh_id()
    answer = client.post("/v1/accounts", json={"id": id_, "ledger": CNY, "code": 100, "flags": flags, **more})
    assert answer.status_code == 201, answer.text
    return id_


def transfer(debit: str, credit: str, amount: int, **more: Any) -> dict[str, Any]:
    """Return the body of a transfer with a new id."""
    return {
        "id": fresh_id(),
        "debit_account_id": debit,
        "credit_account_id": credit,
        "amount": amount,
        "ledger": CNY,
        "code": 10,
        **more,
    }


def funded_account(client: httpx.Client, amount: int) -> str:
    """Open an account that cannot be overdrawn, with money in it."""
    source, account = open_account(client), open_account(client, DEBITS_LIMITED)
    assert client.post("/v1/transfers", json=transfer(source, account, amount)).status_code == 201
    return account


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Expect a refusal with this status and code; return its facts."""
    assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == f"/problems/{code}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"].endswith(".")
    facts: dict[str, Any] = problem["facts"]
    return facts
