"""A recording of another ledger is replayed, and every answer compared."""

import gzip
import json
from pathlib import Path

import pytest

from karez.cli.recordings.recording import read_recording
from karez.cli.recordings.replay import RecordingReport, replay_recording
from tests.cli.conftest import Run
from tests.cli.recording_making import Recording, move, settle

NO_OVERDRAFT = ["debits_must_not_exceed_credits"]
ALL = 2**128 - 1


def replay(recording: Recording, tmp_path: Path) -> RecordingReport:
    path = recording.write(tmp_path / "recording.jsonl")
    return replay_recording(path, read_recording(path))


def assert_agrees(recording: Recording, tmp_path: Path) -> None:
    report = replay(recording, tmp_path)
    assert report.first_differences == []
    assert report.agrees
    assert report.events > 0


def test_a_limited_account_is_never_overdrawn(tmp_path: Path) -> None:
    recording = Recording().world(
        (0, 1, NO_OVERDRAFT), (1, 1, []), (2, 1, ["credits_must_not_exceed_debits"])
    )
    recording.batch(
        (move(1, 1, 0, 100), "created"),
        (move(2, 0, 1, 60), "created"),
        (move(3, 0, 1, 60), "exceeds_credits"),
        (move(4, 1, 2, 1), "exceeds_debits"),
    )
    recording.balances(a0=[0, 60, 0, 100], a1=[0, 100, 0, 60], a2=[0, 0, 0, 0])
    assert_agrees(recording, tmp_path)


def test_a_reservation_is_posted_or_voided_once(tmp_path: Path) -> None:
    recording = Recording().world((0, 1, NO_OVERDRAFT), (1, 1, []))
    recording.batch(
        (move(1, 1, 0, 100), "created"),
        (move(2, 0, 1, 40, "pending", timeout=3600), "created"),
        (move(3, 0, 1, 30, "pending"), "created"),
        (move(4, 0, 1, 31), "exceeds_credits"),
        (settle(5, 2, 41, "post"), "exceeds_pending_transfer_amount"),
        (settle(6, 2, 25, "post"), "created"),
        (settle(7, 2, 25, "post"), "pending_transfer_already_posted"),
        (settle(8, 3, 10, "void"), "pending_transfer_has_different_amount"),
        (settle(9, 3, 0, "void"), "created"),
        (settle(10, 3, 0, "void"), "pending_transfer_already_voided"),
        (settle(11, 99, 0, "void"), "pending_transfer_not_found"),
        (settle(12, 1, 0, "void"), "pending_transfer_not_pending"),
        (settle(13, None, 0, "void"), "pending_id_must_not_be_zero"),
    )
    recording.balances(a0=[0, 25, 0, 100], a1=[0, 100, 0, 25])
    assert_agrees(recording, tmp_path)


def test_the_names_and_greatest_amounts_of_the_other_client_are_understood(tmp_path: Path) -> None:
    recording = Recording().world((0, 1, NO_OVERDRAFT), (1, 1, ["history"]))
    recording.batch(
        (move(1, 1, 0, 100), "ok"),
        (move(2, 0, 1, 40, "pending"), "OK"),
        (settle(3, 2, ALL, "post_pending_transfer"), "created"),
        (move(4, 0, 1, ALL, "balancing_debit"), "created"),
    )
    recording.balances(a0=[0, 100, 0, 100])
    assert_agrees(recording, tmp_path)


def test_the_transfers_of_a_chain_pass_together_or_not_at_all(tmp_path: Path) -> None:
    recording = Recording().world((0, 1, NO_OVERDRAFT), (1, 1, []))
    recording.batch(
        (move(1, 1, 0, 10, "linked"), "linked_event_failed"),
        (move(2, 0, 1, 11), "exceeds_credits"),
        (move(3, 1, 0, 10, "linked"), "created"),
        (move(4, 0, 1, 10), "created"),
        (move(5, 1, 0, 1, "linked"), "linked_event_failed"),
        (move(6, 1, 0, 1, "linked"), "linked_event_chain_open"),
    )
    recording.balances(a0=[0, 10, 0, 10])
    assert_agrees(recording, tmp_path)


def test_a_repeated_id_says_what_differs_and_a_refused_id_is_spent(tmp_path: Path) -> None:
    recording = Recording().world((0, 1, NO_OVERDRAFT), (1, 1, []), (2, 1, []))
    first = move(1, 1, 0, 10, code=3, user_data_64=7)
    recording.batch((first, "created"), (move(9, 0, 1, 50), "exceeds_credits"))
    recording.batch(
        (first, "exists"),
        ({**first, "flags": ["pending"]}, "exists_with_different_flags"),
        ({**first, "debit": 2}, "exists_with_different_debit_account_id"),
        ({**first, "credit": 2}, "exists_with_different_credit_account_id"),
        ({**first, "amount": 11}, "exists_with_different_amount"),
        ({**first, "user_data_64": 8}, "exists_with_different_user_data_64"),
        ({**first, "user_data_128": 8}, "exists_with_different_user_data_128"),
        ({**first, "code": 4}, "exists_with_different_code"),
        (move(10, 1, 0, 50), "created"),
        (move(9, 0, 1, 50), "id_already_failed"),
    )
    assert_agrees(recording, tmp_path)


def test_fields_that_cannot_be_are_refused_by_name(tmp_path: Path) -> None:
    recording = Recording().world((5, 1, []), (6, 4_000_000_000, []), (7, 1, []))
    recording.batch(
        (move(None, 5, 7, 1), "id_must_not_be_zero"),
        (move(0, 5, 7, 1), "id_must_not_be_zero"),
        (move(ALL, 5, 7, 1), "id_must_not_be_int_max"),
        (move(1, None, 7, 1), "debit_account_id_must_not_be_zero"),
        (move(2, 5, 0, 1), "credit_account_id_must_not_be_zero"),
        (move(3, 5, 5, 1), "accounts_must_be_different"),
        (move(4, 5, 6, 1), "accounts_must_have_the_same_ledger"),
        (move(5, 5, 7, 1, ledger=2), "transfer_must_have_the_same_ledger_as_accounts"),
        (move(6, 5, 7, 1, ledger=0), "ledger_must_not_be_zero"),
        (move(7, 5, 7, 1, code=0), "code_must_not_be_zero"),
        (move(8, 5, 7, 1, timeout=9), "timeout_reserved_for_pending_transfer"),
        (move(9, 8, 7, 1), "debit_account_not_found"),
        (move(10, 5, 8, 1), "credit_account_not_found"),
        (move(11, 5, 7, 1, "post", "void", pending=3), "flags_are_mutually_exclusive"),
        (move(12, 5, 7, 1, pending=3), "pending_id_must_be_zero"),
    )
    assert_agrees(recording, tmp_path)


def test_worlds_know_nothing_of_each_other(tmp_path: Path) -> None:
    recording = Recording()
    for _ in range(2):
        recording.world((0, 1, []), (1, 1, [])).batch((move(1, 0, 1, 5), "created")).balances(a0=[0, 5, 0, 0])
    report = replay(recording, tmp_path)
    assert (report.worlds, report.events, report.agrees) == (2, 2, True)


def test_every_difference_is_counted_and_the_first_are_shown(karez_alone: Run, tmp_path: Path) -> None:
    recording = Recording().world((0, 1, []), (1, 1, []))
    recording.batch((move(1, 0, 1, 5), "exceeds_credits"), (move(2, 0, 1, 6), "created"))
    recording.balances(a0=[0, 12, 0, 0], a1=[0, 0, 0, 11], a9=[0, 0, 0, 0])
    path = recording.write(tmp_path / "recording.jsonl")
    result = karez_alone("ledger", "replay", path, "--json")
    assert result.returncode == 1
    report = json.loads(result.stdout)
    assert [report[name] for name in ("events", "status_differences", "balance_differences")] == [2, 1, 2]
    status, totals, missing = report["first_differences"]
    event = status.pop("event")
    assert status == {"line": 2, "position": 0, "expected": "exceeds_credits", "got": "created"}
    assert (event["id"], event["amount"]) == (1, 5)
    assert (totals["line"], totals["account"], totals["expected"], totals["got"]) == (
        3,
        0,
        [0, 12, 0, 0],
        [0, 11, 0, 0],
    )
    assert (missing["account"], missing["got"]) == (9, None)
    for_people = karez_alone("ledger", "replay", path)
    assert for_people.returncode == 1
    assert "line 2, event 0 (transfer 1): expected exceeds_credits, got created" in for_people.stdout


def good() -> str:
    return Recording().world((0, 1, []), (1, 1, [])).batch((move(1, 0, 1, 5), "created")).text()


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"", None, "empty"),
        (good().encode()[:-30], 2, "cut"),
        (good().encode() + b"nonsense\n", 3, "not JSON"),
        (good().encode() + b'{"batches": []}\n', 3, "batches"),
        (good().encode() + b'{"batch": [], "balances": {}}\n', 3, "nothing else"),
        (good().encode() + b'{"batch": [{"id": 1}], "status": ["created"]}\n', 3, "debit"),
        (good().encode() + b'{"batch": [], "status": ["created"]}\n', 3, "each transfer has one"),
        (good().encode() + b'{"balances": {"0": [1, 2, 3]}}\n', 3, "length"),
        (good().encode().split(b"\n", 1)[1], 1, "accounts"),
        (good().encode() + b'{"accounts": [{"id": 1, "ledger": 1, "flags": ["frozen"]}]}\n', 3, "frozen"),
        (good().replace('"flags": []}', '"flags": ["imported"]}', 3).encode(), 1, "imported"),
        (good().encode() + b"\xff\n", 3, "utf-8"),
        (gzip.compress(good().encode())[:-20], None, "damaged or cut"),
        (b"\x1f\x8bnot gzip at all", 1, "damaged or cut"),
    ],
)
def test_an_unreadable_recording_is_named_with_its_line(
    karez_here: Run, tmp_path: Path, content: bytes, line: int | None, words: str
) -> None:
    path = tmp_path / "recording.jsonl.gz"
    path.write_bytes(content)
    result = karez_here("ledger", "replay", path, "--json")
    assert result.returncode == 2
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1
    assert str(path) in result.stderr
    assert words in result.stderr
    if line is not None:
        assert f"line {line}" in result.stderr


def test_a_missing_recording_is_named(karez_here: Run, tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        result = karez_here("ledger", "replay", path, "--json")
        assert result.returncode == 2
        assert result.stdout == ""
        assert str(path) in result.stderr


def test_tigerbeetles_own_answers_are_given_to_sixty_thousand_random_events(
    karez_alone: Run, shared_data: Path
) -> None:
    result = karez_alone("ledger", "replay", shared_data / "ledger_oracle/transfers.jsonl.gz", "--json")
    assert json.loads(result.stdout) == {
        "events": 61_135,
        "status_differences": 0,
        "balance_differences": 0,
        "first_differences": [],
        "worlds": 34,
    }
    assert result.returncode == 0
