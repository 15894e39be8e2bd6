"""For whom an institution may act, when many of its requests ask at once."""

from concurrent.futures import ThreadPoolExecutor

from tests.channels.api.making import fresh_id
from tests.channels.api.town import Town


def test_a_party_that_is_not_the_institutions_own_spoils_nothing_for_the_others(town: Town) -> None:
    buyers = [town.person() for _ in range(8)]
    asked = [party for buyer in buyers for party in (buyer, fresh_id())] * 4

    def wallets(party: str) -> int:
        return town.bank.get("/v1/wallets", headers={"Acting-For": party}).status_code

    with ThreadPoolExecutor(16) as threads:
        statuses = list(threads.map(wallets, asked))
    assert {status for party, status in zip(asked, statuses, strict=True) if party in buyers} == {200}
    assert {status for party, status in zip(asked, statuses, strict=True) if party not in buyers} == {404}
