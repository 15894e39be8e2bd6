"""Wallets over HTTP: opened once, whoever asks, and limited by how well their holder is known."""

from uuid import UUID

from httpx import Response

from karez.parties.roles import Permission
from karez.parties.tokens import Owner
from tests.channels.api.living import LiveApi
from tests.channels.api.making import World, assert_problem, fresh_id
from tests.channels.api.town import Town, done


def test_a_wallet_is_opened_once_whoever_asks(town: Town, world: World, api: LiveApi) -> None:
    person = town.person()
    again = town.act(person, "/v1/wallets", {"currency": "CNY"})
    assert done(again, 201).json()["party"] == person
    token = world.token(Owner(party=UUID(person)), Permission.PAYMENTS_WRITE)
    with api.client(token) as own:
        assert_problem(own.post("/v1/wallets", json={"currency": "CNY"}), 409, "wallet_open_already")


def test_whoever_has_spent_today_can_still_be_raised_and_goes_on_within_the_day(town: Town) -> None:
    payer, payee = town.person(200_000, level="basic"), town.person()

    def send(amount_minor: int) -> Response:
        body = {"id": fresh_id(), "to": payee, "currency": "CNY", "amount_minor": amount_minor}
        return town.act(payer, "/v1/money-transfers", body)

    done(send(90_000), 201)
    assert_problem(send(20_000), 422, "day_limit_exceeded")
    for level in ("verified", "full", "verified"):
        town.decide(f"/v1/wallets/{payer}/CNY/level", {"level": level})
        done(send(20_000), 201)
