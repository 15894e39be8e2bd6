"""The demo's town lives for some days, and everything that must be true is true afterwards."""

import json

from tests.cli.conftest import Run


def test_a_town_lives_for_a_week_and_its_book_is_in_order(karez: Run) -> None:
    run = karez("demo", "payments", "--days", "8", "--pace", "0", "--json")
    assert run.returncode == 0, run.stderr
    report = json.loads(run.stdout)
    assert report["check"]["holds"]
    done = report["operations"]
    assert min(done[kind] for kind in ("trade.pay", "trade.confirm", "trade.time_out", "trade.refund")) > 10
    assert min(done[kind] for kind in ("money_transfer.send", "red_packet.grab", "settlement.settle")) > 10
    assert min(done[kind] for kind in ("qr.pay_shop_code", "qr.charge")) > 10
    again = karez("demo", "payments", "--days", "1")
    assert again.returncode != 0
    assert "name an empty directory" in again.stderr
