"""The operator gives out tokens at the shell and takes them back."""

import json

from karez.parties import credentials
from karez.parties.roles import Permission
from karez.storage.database import Database, connect
from karez.storage.tenant import as_entrance
from tests.cli.conftest import Run

NOW_NS = 1_800_000_000_000_000_000


def test_a_token_is_shown_once_works_until_it_is_revoked_and_is_listed_without_its_secret(
    karez: Run, database: Database
) -> None:
    issued = karez("credentials", "issue", "monitoring", "--scope", "ledger:read", "--days", "3650", "--json")
    token = json.loads(issued.stdout)
    with connect(database.web) as conn, as_entrance(conn):
        assert credentials.verify(conn, token["token"], NOW_NS).permissions == {Permission.LEDGER_READ}
    (line,) = json.loads(karez("credentials", "list", "--json").stdout)["credentials"]
    assert (line["id"], line["label"], line["state"]) == (token["id"], "monitoring", "valid")
    assert karez("credentials", "revoke", token["id"]).returncode == 0
    for_people = karez("credentials", "list").stdout
    assert "revoked" in for_people
    assert token["token"].rpartition("_")[2] not in for_people


def test_what_cannot_be_issued_or_revoked_is_told_in_one_sentence(karez: Run) -> None:
    karez("credentials", "issue")
    for arguments, words in (
        (("issue", "--institution", "nowhere"), "choose one of: operator"),
        (("issue", "--scope", "ledger:burn"), "ledger:burn"),
        (("revoke", "00000000-0000-7000-8000-000000000000"), "no credential"),
    ):
        result = karez("credentials", *arguments)
        assert (result.returncode, result.stdout) == (2, "")
        assert words in result.stderr
        assert len(result.stderr.splitlines()) == 1
