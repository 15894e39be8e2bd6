"""What the people of the town do on one day, by dice."""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from karez.cli.demo.counter import Counter, Decide
from karez.cli.demo.till import Purchase, pay_by_stickers, show_codes
from karez.cli.demo.town import CURRENCY, Town
from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.bills import paying, uploading
from karez.services.payments.bills.order_records import active_orders
from karez.services.payments.bills.records import Bill, bills_of, find_service
from karez.services.payments.bills.uploading import NewBill
from karez.services.payments.house import House
from karez.services.payments.redpackets import operations as red_packets
from karez.services.payments.redpackets.operations import Gift
from karez.services.payments.redpackets.records import read_packet
from karez.services.payments.refunds.operations import NewRefund, refund, refund_id
from karez.services.payments.refunds.records import RefundFacts, refund_facts
from karez.services.payments.trades import operations as trades
from karez.services.payments.trades.operations import Mode, Order, trade_id
from karez.services.payments.trades.reading_many import trades_and_wallets
from karez.services.payments.trades.records import Trade
from karez.services.payments.transfers.operations import Sending, send
from karez.services.payments.transfers.records import Payee
from karez.services.payments.wallets.operations import deposit
from karez.services.payments.wallets.records import Wallet

SALARY_DAYS = frozenset({0, 14, 28})
BILLS_DAY, BILLS_DUE_DAY = 4, 12

_DAY_NS = 86_400_000_000_000


@dataclass
class Memory:
    """What people remember from day to day.

    Attributes:
        to_ship: Trades that shops have been paid for.
        to_confirm: Trades on their way, by the day on which the buyer will say so.
        to_refund: Trades that their buyers bring back.
    """

    to_ship: list[tuple[UUID, UUID]] = field(default_factory=list)
    to_confirm: dict[int, list[tuple[UUID, UUID]]] = field(default_factory=dict)
    to_refund: list[tuple[UUID, UUID]] = field(default_factory=list)


def live(day: int, town: Town, counter: Counter, memory: Memory, pick: random.Random) -> None:
    """Let one day pass, from morning to evening.

    Args:
        day: Number of the day, from 0.
        town: Who lives there.
        counter: Where they ask.
        memory: What they remember.
        pick: The dice.
    """
    if day in SALARY_DAYS:
        _get_paid(town, counter, pick)
    _ship(day, counter, memory, pick)
    _confirm(day, counter, memory)
    _bring_back(counter, memory, pick)
    _go_shopping(day, town, counter, memory, pick)
    _send_money(town, counter, pick)
    _give_red_packets(town, counter, pick)
    if day == BILLS_DAY:
        _send_bills(town, counter, pick)
    if day == BILLS_DUE_DAY:
        _pay_bills(town, counter)


def _get_paid(town: Town, counter: Counter, pick: random.Random) -> None:
    def pay_in(asking: Asking, house: House, wallet: Wallet, amount_minor: int) -> Operation:
        return deposit(asking, house, town.bank, wallet.party, CURRENCY, amount_minor)

    wishes = [
        partial(pay_in, wallet=each, amount_minor=pick.randint(2_000, 5_000) * 100) for each in town.people
    ]
    counter.ask("Harbour Bank", wishes)


def _go_shopping(day: int, town: Town, counter: Counter, memory: Memory, pick: random.Random) -> None:
    orders: list[tuple[Wallet, Wallet, Order]] = []
    by_sticker: list[Purchase] = []
    by_code: list[Purchase] = []
    for number, buyer in enumerate(town.people):
        for turn in range(pick.choice((0, 0, 1, 1, 2))):
            shop = pick.choice(town.shops)
            mode: Mode = "escrow" if pick.random() < 0.4 else "direct"
            category = pick.choice(("goods", "fresh")) if mode == "escrow" else "service"
            price_minor = int(pick.lognormvariate(8.2, 0.8))
            reference = f"day-{day}-{number}-{turn}"
            new = Order(reference, "Purchase", category, mode, CURRENCY, price_minor, buyer.party)
            if mode == "direct" and pick.random() < 0.5:
                pick.choice((by_sticker, by_code)).append(Purchase(shop.party, buyer, new))
            else:
                orders.append((shop, buyer, new))

    def place(asking: Asking, house: House, shop: UUID, new: Order) -> Operation:
        return trades.order(asking, house, shop, new)

    counter.ask("shops", [partial(place, shop=shop.party, new=new) for shop, _, new in orders])
    pairs = [(trade_id(shop.party, new.reference), buyer.party) for shop, buyer, new in orders]
    wallets = {buyer.party: buyer for buyer in town.people}
    counter.ask(
        "people", [partial(_pay, trade=trade, wallet=wallets[by]) for trade, by in _read(counter, pairs)]
    )
    pay_by_stickers(counter, town.tills, by_sticker)
    show_codes(counter, town.codes, by_code)
    pairs += [(trade_id(each.shop, each.new.reference), each.buyer.party) for each in by_code]
    for trade, buyer_id in _read(counter, pairs):
        if trade.state == "paid":
            memory.to_ship.append((trade.id, trade.shop))
        elif trade.state == "finished" and pick.random() < 0.04:
            memory.to_refund.append((trade.id, buyer_id))


def _pay(asking: Asking, house: House, trade: Trade, wallet: Wallet) -> Operation:
    return trades.pay_from_balance(asking, house, trade, wallet)


def _ship(day: int, counter: Counter, memory: Memory, pick: random.Random) -> None:
    shipped, memory.to_ship = memory.to_ship, []

    def ship(asking: Asking, _: House, trade: Trade, by: UUID) -> Operation:
        return trades.ship(asking, trade, by)

    counter.ask("shops", [partial(ship, trade=trade, by=by) for trade, by in _read(counter, shipped)])
    for trade, _ in _read(counter, shipped):
        # Some never say a word; then the timer speaks for them.
        if trade.state == "shipped" and trade.buyer is not None and pick.random() < 0.8:
            memory.to_confirm.setdefault(day + pick.randint(1, 4), []).append((trade.id, trade.buyer))


def _confirm(day: int, counter: Counter, memory: Memory) -> None:
    def confirm(asking: Asking, house: House, trade: Trade, by: UUID) -> Operation:
        return trades.confirm(asking, house, trade, by)

    due = memory.to_confirm.pop(day, [])
    counter.ask("people", [partial(confirm, trade=trade, by=by) for trade, by in _read(counter, due)])


def _bring_back(counter: Counter, memory: Memory, pick: random.Random) -> None:
    brought, memory.to_refund = memory.to_refund, []

    def give_back(asking: Asking, house: House, facts: RefundFacts, new: NewRefund) -> Operation:
        return refund(asking, house, facts, facts.trade.shop, new)

    wishes: list[Decide] = []
    for trade, _ in _read(counter, brought):
        part_minor = trade.amount_minor if pick.random() < 0.5 else max(trade.amount_minor // 3, 1)
        facts = refund_facts(counter.conn, trade.id, refund_id(trade.id, "back"))
        wishes.append(partial(give_back, facts=facts, new=NewRefund("back", part_minor)))
    counter.ask("shops", wishes)


def _send_money(town: Town, counter: Counter, pick: random.Random) -> None:
    def give(asking: Asking, house: House, wallet: Wallet, friend: Wallet, amount_minor: int) -> Operation:
        return send(
            asking,
            house,
            wallet,
            Payee(friend.party, "id", None),
            Sending(CURRENCY, amount_minor, "Thank you"),
        )

    wishes: list[Decide] = []
    for wallet in pick.sample(town.people, len(town.people) // 12):
        friend = pick.choice([each for each in town.people[:50] if each is not wallet])
        wishes.append(partial(give, wallet=wallet, friend=friend, amount_minor=pick.randint(500, 20_000)))
    counter.ask("people", wishes)


def _give_red_packets(town: Town, counter: Counter, pick: random.Random) -> None:
    gift = Gift(CURRENCY, 8_888, 6, "random", "Good luck", None)
    packets: list[UUID] = []

    def give(asking: Asking, house: House, wallet: Wallet) -> Operation:
        packets.append(asking.id)
        return red_packets.send(asking, house, wallet, gift, pick.randbytes(32))

    def grab(asking: Asking, house: House, packet: UUID, party: UUID) -> Operation:
        return red_packets.grab(asking, house, read_packet(counter.conn, packet), party)

    counter.ask("people", [partial(give, wallet=each) for each in pick.sample(town.people, 3)])
    for packet in packets:
        for taker in pick.sample(town.people, pick.randint(3, 7)):
            counter.ask("people", [partial(grab, packet=packet, party=taker.party)])


def _send_bills(town: Town, counter: Counter, pick: random.Random) -> None:
    service = find_service(counter.conn, town.water)
    due_ns = counter.clock.now_ns() + (BILLS_DUE_DAY - BILLS_DAY) * _DAY_NS
    bills = [
        NewBill(f"water-{meter}", meter, "Water of the last month", pick.randint(2_000, 15_000), due_ns)
        for meter in town.meters
    ]
    orders = active_orders(counter.conn, town.water, list(town.meters))
    counter.ask("Well Water", [lambda asking, _: uploading.upload(asking, service, {}, orders, bills)])


def _pay_bills(town: Town, counter: Counter) -> None:
    def settle(asking: Asking, house: House, bill: Bill, wallet: Wallet) -> Operation:
        return paying.pay(asking, house, bill, wallet, bill.left_minor)

    ordered = active_orders(counter.conn, town.water, list(town.meters))
    counter.ask(
        "people",
        [
            partial(settle, bill=bill, wallet=wallet)
            for meter, wallet in town.meters.items()
            if meter not in ordered
            for bill in bills_of(counter.conn, town.water, meter)
        ],
    )


def _read(counter: Counter, pairs: Iterable[tuple[UUID, UUID]]) -> list[tuple[Trade, UUID]]:
    wanted = list(pairs)
    found = trades_and_wallets(counter.conn, wanted) if wanted else []
    return [(each[0], by) for each, (_, by) in zip(found, wanted, strict=True) if each is not None]
