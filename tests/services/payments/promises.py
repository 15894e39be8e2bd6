"""One of each kind of promise about money: a hold, an agreement, a bill, a gift and a transfer, each partly kept."""

from uuid import UUID

from karez.parties import institutions
from karez.services.payments.agreements.deductions import Deduction, deduct
from karez.services.payments.agreements.operations import Signing, sign
from karez.services.payments.agreements.periods import Period
from karez.services.payments.agreements.records import find_agreement
from karez.services.payments.bills.paying import pay
from karez.services.payments.bills.payment_records import payments_of_bill
from karez.services.payments.bills.records import find_bill, find_service
from karez.services.payments.bills.registering import NewService, register_service, service_id
from karez.services.payments.bills.taking_back import return_payment
from karez.services.payments.bills.uploading import NewBill, bill_id, upload
from karez.services.payments.holds.operations import Capturing, Placing, capture, place, release
from karez.services.payments.holds.records import find_hold
from karez.services.payments.redpackets.operations import Gift, end, grab, send
from karez.services.payments.redpackets.records import read_packet
from karez.services.payments.transfers import operations as transfers
from karez.services.payments.transfers.operations import Sending
from karez.services.payments.transfers.records import Payee
from karez.services.payments.wallets.records import Wallet
from karez.storage.database import connect
from karez.storage.tenant import as_operator
from tests.services.payments.qr.street import Street

_YEAR_NS = 365 * 86_400 * 1_000_000_000
_WATER = NewService("water", "Water", "自来水", "water", "CNY", "Number", "户号", "[0-9]{4}", True)


def make_promises(street: Street) -> None:
    """Let a person promise money to a shop, a biller and a friend, and keep a part of it."""
    shop = street.shop().shop
    payer, friend = street.person(100_000), street.person(0)
    _hold(street, payer, shop)
    _agree(street, payer, shop)
    _bill(street, payer)
    _give(street, payer, friend)
    street.done(
        transfers.send(
            street.asking(), street.house, payer, Payee(friend.party, "id", None), Sending("CNY", 700, None)
        )
    )


def _hold(street: Street, payer: Wallet, shop: UUID) -> None:
    for ending in ("held", "captured", "released"):
        asking = street.asking()
        street.done(place(asking, street.house, payer, Placing(shop, None, "Room", "CNY", 1_000, 3_600)))
        with connect(street.database.owner) as conn:
            hold = find_hold(conn, asking.id)
        if ending == "released":
            street.done(release(street.asking(), hold, hold.shop))
        else:
            taken = Capturing(f"room {ending}", 300, ending == "captured")
            street.done(capture(street.asking(), street.house, hold, False, hold.shop, taken))


def _agree(street: Street, payer: Wallet, shop: UUID) -> None:
    asking = street.asking()
    daily = Period("day", 1, None, "Asia/Shanghai")
    ends_ns = asking.now_ns + _YEAR_NS
    signing = Signing(shop, None, "Video", "CNY", 3_000, None, None, None, daily, 0, ends_ns)
    street.done(sign(asking, street.house, payer.party, True, signing))
    with connect(street.database.owner) as conn:
        agreement = find_agreement(conn, asking.id)
    wanted = Deduction("video", 2_500)
    street.done(deduct(street.asking(), street.house, agreement, payer, False, shop, wanted))


def _bill(street: Street, payer: Wallet) -> None:
    with connect(street.database.web) as conn, as_operator(conn):
        biller = institutions.register(conn, "well", "Well Water", "biller", street.clock.now_ns()).number
    street.done(register_service(street.asking(), street.house, biller, "biller", False, False, _WATER))
    id_ = service_id(biller, _WATER.code)
    bills = [NewBill(name, "0001", "Water", 1_000, 0) for name in ("kept", "returned")]
    with connect(street.database.owner) as conn:
        service = find_service(conn, id_)
    street.done(upload(street.asking(), service, {}, {}, bills))
    for name in ("kept", "returned"):
        with connect(street.database.owner) as conn:
            bill = find_bill(conn, bill_id(id_, name))
        street.done(pay(street.asking(), street.house, bill, payer, 400))
    with connect(street.database.owner) as conn:
        bill = find_bill(conn, bill.id)
        (payment,) = payments_of_bill(conn, bill.id)
    street.done(return_payment(street.asking(), street.house, bill, payment, "Closed", False))


def _give(street: Street, payer: Wallet, friend: Wallet) -> None:
    for ending in ("open", "ended"):
        asking = street.asking()
        gift = Gift("CNY", 1_000, 3, "random", None, None)
        street.done(send(asking, street.house, payer, gift, bytes(16)))
        with connect(street.database.owner) as conn:
            packet = read_packet(conn, asking.id)
        street.done(grab(street.asking(), street.house, packet, friend.party))
        if ending == "ended":
            with connect(street.database.owner) as conn:
                packet = read_packet(conn, asking.id)
            street.done(end(street.asking(), packet))
