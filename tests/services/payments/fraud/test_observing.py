"""What is known about attempts, read from a real database and compared with counting by hand."""

import random
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from karez.core.sealing import Sealer
from karez.services.payments.fraud.attempts import (
    LENGTH_S,
    NOTHING,
    Observed,
    PaymentAttempt,
    Seen,
    Subject,
    Window,
    fingerprints,
    sealer,
)
from karez.services.payments.fraud.listing import change_list, fingerprint_keys, party_key
from karez.services.payments.fraud.observing import EVERYTHING, Looking, looking, observed
from karez.services.payments.fraud.rules import (
    LOOKED_AT_MAX,
    AmountBand,
    NamedRule,
    Rule,
    ScoreAbove,
    Unfamiliar,
    Velocity,
)
from karez.storage.database import Database, connect
from karez.storage.tenant import as_institution, as_operator, as_person
from tests.conftest import SECRET_KEY
from tests.services.payments.fraud.conftest import Commit, Remember, asking
from tests.services.payments.fraud.making import (
    ANA,
    BAKERY,
    BEN,
    CARD,
    DEVICE,
    NOW_NS,
    OTHER_CARD,
    OTHER_DEVICE,
    SECOND_NS,
    TEA_HOUSE,
    attempt,
    only,
)

Outcomes = dict[PaymentAttempt, str]


def known(web: psycopg.Connection[Any], *attempts: PaymentAttempt) -> list[Observed]:
    with as_operator(web):
        return observed(web, attempts)


def subject_of(each: PaymentAttempt, subject: Subject) -> object:
    return getattr(each, subject)


def counted_by_hand(before: Outcomes, now: PaymentAttempt) -> Iterator[tuple[tuple[Subject, Window], Seen]]:
    """What the definition says, one attempt at a time."""
    for subject in Subject:
        for window, length_s in LENGTH_S.items():
            seen = NOTHING
            for earlier, outcome in before.items():
                same = subject_of(earlier, subject) == subject_of(now, subject) not in ((), None)
                if same and earlier.at_ns > now.at_ns - length_s * SECOND_NS:
                    amount_minor = earlier.amount_minor if earlier.currency == now.currency else 0
                    seen += Seen(1, amount_minor) if outcome == "allow" else Seen(stopped=1)
            if seen != NOTHING:
                yield (subject, window), seen


def random_attempt(chance: random.Random, at_ago_s: float) -> PaymentAttempt:
    return attempt(
        chance.randrange(1, 10_000),
        person=chance.choice([ANA, BEN]),
        shop=chance.choice([TEA_HOUSE, BAKERY]),
        card=chance.choice([CARD, OTHER_CARD, None]),
        device=chance.choice([DEVICE, OTHER_DEVICE, None]),
        currency=chance.choice(["CNY", "EUR"]),
        ago_s=at_ago_s,
    )


@pytest.mark.parametrize("seed", range(4))
def test_figures_are_those_that_counting_by_hand_gives(
    web: psycopg.Connection[Any], remember: Remember, seed: int
) -> None:
    chance = random.Random(seed)
    before: Outcomes = {}
    for outcome in ("allow", "allow", "challenge", "refuse"):
        ages_s = [chance.choice([60, 3_600, 86_400, 90_000]) * chance.random() for _ in range(30)]
        some = [random_attempt(chance, age_s) for age_s in ages_s]
        remember(*some, outcome=outcome)
        before |= dict.fromkeys(some, outcome)
    now = [random_attempt(chance, 0) for _ in range(20)]
    for each, found in zip(now, known(web, *now), strict=True):
        assert found.seen == dict(counted_by_hand(before, each))
        allowed = [earlier for earlier, outcome in before.items() if outcome == "allow"]
        of_person = [earlier for earlier in allowed if earlier.person == each.person]
        assert found.knows_shop == (each.shop in {earlier.shop for earlier in of_person})
        assert found.knows_device == (
            each.device != () and each.device in {earlier.device for earlier in of_person}
        )


@pytest.mark.parametrize("window", list(Window))
def test_a_window_ends_exactly_where_it_says(
    web: psycopg.Connection[Any], remember: Remember, window: Window
) -> None:
    remember(attempt(ago_s=LENGTH_S[window]))
    (found,) = known(web, attempt())
    assert (Subject.PERSON, window) not in found.seen
    remember(attempt(ago_s=LENGTH_S[window] - 1e-6))
    (found,) = known(web, attempt())
    assert found.seen[Subject.PERSON, window].count == 1


def test_nothing_is_known_of_a_first_attempt(web: psycopg.Connection[Any]) -> None:
    assert known(web, attempt()) == [Observed({})]
    assert known(web) == []


def test_what_was_stopped_makes_no_shop_or_device_familiar(
    web: psycopg.Connection[Any], remember: Remember
) -> None:
    remember(attempt(), outcome="refuse")
    remember(attempt(), outcome="challenge")
    (found,) = known(web, attempt())
    assert not found.knows_shop
    assert not found.knows_device
    assert found.seen[Subject.CARD, Window.MINUTE] == Seen(stopped=2)


def test_a_shop_stays_familiar_for_ever(web: psycopg.Connection[Any], remember: Remember) -> None:
    remember(attempt(ago_s=5 * 365 * 86_400))
    (found,) = known(web, attempt())
    assert found.knows_shop
    assert found.knows_device
    assert found.seen == {}


def test_of_a_very_busy_shop_the_latest_attempts_are_looked_at(
    web: psycopg.Connection[Any], remember: Remember
) -> None:
    remember(*(attempt(100, ago_s=30_000, card=None, device=None, person=BEN) for _ in range(50)))
    remember(*(attempt(1, ago_s=10, card=None, device=None, person=BEN) for _ in range(LOOKED_AT_MAX)))
    (found,) = known(web, attempt())
    most = Seen(LOOKED_AT_MAX, LOOKED_AT_MAX)
    assert {found.seen[Subject.SHOP, window] for window in Window} == {most}


KEYS = {
    Subject.PERSON: party_key(Subject.PERSON, ANA),
    Subject.SHOP: party_key(Subject.SHOP, TEA_HOUSE),
    Subject.CARD: fingerprint_keys(Subject.CARD, (CARD,))[0],
    Subject.DEVICE: fingerprint_keys(Subject.DEVICE, (DEVICE,))[0],
}


@pytest.mark.parametrize("subject", list(Subject))
def test_whoever_is_on_a_list_is_found_there(
    web: psycopg.Connection[Any], commit: Commit, subject: Subject
) -> None:
    assert commit(change_list(asking(), None, KEYS[subject], "block", "stolen", None)).accepted
    other = attempt(person=BEN, shop=BAKERY, card=OTHER_CARD, device=OTHER_DEVICE)
    assert known(web, attempt(), other) == [Observed({}, blocked=frozenset({subject})), Observed({})]


def test_a_list_can_trust_one_and_block_another(web: psycopg.Connection[Any], commit: Commit) -> None:
    commit(change_list(asking(), None, KEYS[Subject.SHOP], "allow", "a big one", None))
    commit(change_list(asking(), None, KEYS[Subject.CARD], "block", "stolen", None))
    (found,) = known(web, attempt())
    assert (found.trusted, found.blocked) == (frozenset({Subject.SHOP}), frozenset({Subject.CARD}))


def test_a_blocked_payer_may_still_be_paid_as_a_shop(web: psycopg.Connection[Any], commit: Commit) -> None:
    commit(change_list(asking(), None, party_key(Subject.PERSON, TEA_HOUSE), "block", "debts", None))
    paid, pays = known(web, attempt(), attempt(person=TEA_HOUSE, shop=BAKERY))
    assert (paid.blocked, pays.blocked) == (frozenset(), frozenset({Subject.PERSON}))


@pytest.mark.parametrize(("until_ns", "is_blocked"), [(NOW_NS, False), (NOW_NS + 1, True), (None, True)])
def test_an_entry_counts_until_its_moment(
    web: psycopg.Connection[Any], commit: Commit, until_ns: int | None, is_blocked: bool
) -> None:
    commit(change_list(asking(), None, KEYS[Subject.CARD], "block", "stolen", until_ns))
    (found,) = known(web, attempt())
    assert (Subject.CARD in found.blocked) == is_blocked


def test_a_card_that_was_listed_under_an_older_key_is_still_found(
    web: psycopg.Connection[Any], commit: Commit
) -> None:
    old = fingerprints(sealer(SECRET_KEY), Subject.CARD, "4111111111111111")
    commit(change_list(asking(), None, fingerprint_keys(Subject.CARD, old)[0], "block", "stolen", None))
    rotated = Sealer({1: SECRET_KEY, 2: SECRET_KEY[::-1]}, "fraud")
    now = PaymentAttempt(
        id=ANA,
        person=ANA,
        shop=TEA_HOUSE,
        currency="CNY",
        amount_minor=1,
        at_ns=NOW_NS,
        card=fingerprints(rotated, Subject.CARD, "4111111111111111"),
    )
    (found,) = known(web, now)
    assert found.blocked == {Subject.CARD}


def test_many_attempts_at_once_are_known_like_each_alone(
    web: psycopg.Connection[Any], commit: Commit, remember: Remember
) -> None:
    chance = random.Random(7)
    remember(*(random_attempt(chance, 86_400 * chance.random()) for _ in range(100)))
    commit(change_list(asking(), None, KEYS[Subject.CARD], "block", "stolen", None))
    attempts: Sequence[PaymentAttempt] = [random_attempt(chance, 0) for _ in range(50)]
    assert known(web, *attempts) == [known(web, each)[0] for each in attempts]


def test_only_what_rules_count_is_looked_at(web: psycopg.Connection[Any], remember: Remember) -> None:
    remember(attempt(ago_s=10), attempt(ago_s=100))
    rules = only(
        Velocity(subject=Subject.DEVICE, window=Window.MINUTE, measure="count", limit=1, outcome="refuse")
    )
    with as_operator(web):
        (found,) = observed(web, [attempt()], looking(rules))
    assert found.seen == {(Subject.DEVICE, window): Seen(1, 1_000) for window in Window}
    assert not found.knows_shop


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (AmountBand(currency="CNY", from_minor=1, outcome="refuse"), Looking()),
        (
            Unfamiliar(subject="shop", currency="CNY", limit_minor=1, outcome="refuse"),
            Looking(knows_shop=True),
        ),
        (ScoreAbove(model="m", limit_bps=1, outcome="refuse"), EVERYTHING),
    ],
)
def test_a_set_of_rules_looks_at_what_it_needs(rule: Rule, expected: Looking) -> None:
    assert looking(only(rule)) == expected


def test_a_subject_is_looked_at_for_the_longest_of_its_windows() -> None:
    rules = tuple(
        NamedRule(
            window,
            0,
            Velocity(subject=Subject.CARD, window=window, measure="count", limit=1, outcome="refuse"),
        )
        for window in (Window.MINUTE, Window.DAY, Window.HOUR)
    )
    assert looking(rules) == Looking(((Subject.CARD, Window.DAY),))


def test_lists_are_looked_at_even_if_no_rule_counts(web: psycopg.Connection[Any], commit: Commit) -> None:
    commit(change_list(asking(), None, KEYS[Subject.CARD], "block", "stolen", None))
    with as_operator(web):
        assert observed(web, [attempt()], Looking()) == [Observed({}, blocked=frozenset({Subject.CARD}))]


def test_nobody_but_the_operator_sees_decisions_rules_or_lists(
    database: Database, web: psycopg.Connection[Any], commit: Commit, remember: Remember
) -> None:
    remember(attempt())
    for acting in (as_person(web, ANA), as_institution(web, 1)):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), acting:
            observed(web, [attempt()])
    for table in ("fraud_rule_set", "fraud_list", "fraud_decision"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), as_person(web, ANA):
            web.execute(f"SELECT FROM {table}".encode())
    with connect(database.book) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("UPDATE fraud_decision SET outcome = 'allow'")
    with connect(database.book) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
        conn.execute("DELETE FROM fraud_decision")
