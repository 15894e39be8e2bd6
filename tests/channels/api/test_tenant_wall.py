"""Of what belongs to another institution nobody learns anything: every route that names something is tried.

A foreign thing must be answered byte for byte as one that does not exist.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from karez.channels.api.moments import format_moment
from karez.core.clock import SystemClock
from karez.services.payments.qr.emv import Shopfront
from karez.services.payments.qr.karez_codes import code_of_trade
from karez.services.payments.trades.operations import trade_id
from karez.storage.database import connect
from tests.channels.api.billing import biller
from tests.channels.api.documented import OPERATIONS, fields
from tests.channels.api.living import LiveApi
from tests.channels.api.making import (
    DAY_NS,
    HARBOUR_BANK,
    PENDING,
    POST,
    World,
    fresh_id,
    open_account,
    transfer,
)
from tests.channels.api.settled import put_settled
from tests.channels.api.town import Town, done

PURPOSE = {"Purpose": "credit-assessment"}
NEW_ACCOUNT = {"ledger": 1, "code": 1}
NEW_HOOK = {"url": "https://shop.example/", "topics": ["*"]}
NEW_CREDENTIAL = {"label": "x", "scopes": ["ledger:read"]}
WITHDRAWAL = {"evidence": "x"}
CONSENT = {"institution": 3, "purpose": "x", "scope": ["name"], "evidence": "x"}

Send = Callable[[httpx.Client, Any, str], httpx.Response]
"""Asks for a thing; the text is a new id for what is to be made."""


def posting(path: str, body: Callable[[Any, str], Any]) -> Send:
    return lambda client, thing, new: client.post(path, json=body(thing, new))


def reading(path: str, **more: Any) -> Send:
    return lambda client, thing, _: client.get(path.format(thing), **more)


def listing(path: str, parameter: str) -> Send:
    return lambda client, thing, _: client.get(path, params={parameter: thing})


def deciding(path: str, body: Any) -> Send:
    return lambda client, thing, new: client.put(
        path.format(thing), json=body, headers={"Idempotency-Key": new}
    )


def acting(path: str, body: Any = None) -> Send:
    """Ask for a thing on behalf of a party of Hill Bank's own."""
    return lambda client, thing, new: client.post(
        path.format(thing), json=body, headers={"Acting-For": STRANGER, "Idempotency-Key": new}
    )


def calling(method: str, path: str, body: Any = None) -> Send:
    return lambda client, thing, _: client.request(method, path.format(thing), json=body)


def paying_by_code(kind: str) -> Send:
    """Pay by a code, from a source that is named."""
    return lambda client, thing, new: client.post(
        "/v1/scanned-codes/pay",
        json={"text": OPEN_CODE, "sources": [{"kind": kind, kind: thing}]},
        headers={"Acting-For": STRANGER, "Idempotency-Key": new},
    )


def debiting(thing: str, new: str) -> dict[str, Any]:
    return {**transfer(thing, fresh_id(), 1), "id": new, "credit_account_id": CREDIT}


def settling(thing: str, new: str) -> dict[str, Any]:
    return {"id": new, "pending_id": thing, "flags": POST}


CREDIT = fresh_id()
SQUARE = {name: {"currency": "CNY", "amount_minor": 1} for name in ("delivered", "paid")}
CHARGEBACK = {"reference": "x", "amount_minor": 1, "reason": "x"}
PAYOUT_BANK = {"currency": "CNY", "holder": "Karez", "account": "1"}
STRANGER = fresh_id()
"""A shop that came through Hill Bank."""
NEIGHBOUR = fresh_id()
"""Another one, with an order that whoever comes may pay."""
OPEN_ORDER = str(trade_id(UUID(NEIGHBOUR), "open"))
OPEN_CODE = code_of_trade(UUID(OPEN_ORDER), "open", Shopfront("X", "X", "CN", "5812"), "CNY", 100).text()
DISPUTE, EVIDENCE = {"reason": "x", "wanted_minor": 1}, {"content": "x"}
DECISION = {"decision": "full", "reason": "x"}
HOOKS = "/v1/webhook-endpoints"
OWN_HOOK = fresh_id()
"""An endpoint of Hill Bank's."""

BREAKS: tuple[tuple[str, str, str, Any], ...] = (
    ("listBreaks", "GET", "", None),
    ("readBreak", "GET", "/BREAK", None),
    ("proposeResolution", "POST", "/BREAK/proposal", {"action": "query_bank"}),
    ("approveResolution", "POST", "/BREAK/approval", None),
    ("declineResolution", "POST", "/BREAK/refusal", None),
)

CASES: dict[tuple[str, str], tuple[str, Send]] = {
    **{
        (name, "institution"): ("institution", send)
        for name, send in (
            ("importBankFile", lambda client, thing, _: client.post(f"/v1/bank-files?institution={thing}")),
            ("listReconciliationJobs", listing("/v1/reconciliation-jobs", "institution")),
            (
                "readReconciliationJob",
                lambda client, thing, new: client.get(
                    f"/v1/reconciliation-jobs/{new}", params={"institution": thing}
                ),
            ),
            (
                "runReconciliation",
                posting("/v1/reconciliation-runs", lambda thing, new: {"id": new, "institution": thing}),
            ),
            (
                "fetchStatements",
                lambda client, thing, new: client.put(
                    "/v1/statement-sources",
                    json={"institution": thing, "currency": "CNY", "first_day": "2026-01-01"},
                    headers={"Idempotency-Key": new},
                ),
            ),
        )
    },
    **{
        (name, "instruction_id"): ("instruction", calling("POST", f"/v1/bank-instructions/{{}}/{act}", body))
        for name, act, body in (
            ("askBankAgain", "ask", None),
            ("giveUpInstruction", "give-up", {"reason": "x"}),
            ("dismissInstruction", "dismiss", {"reason": "x"}),
        )
    },
    ("readReconciliationJob", "job_id"): ("bank_job", reading("/v1/reconciliation-jobs/{}")),
    **{
        (name, "institution"): (
            "institution",
            calling(method, f"/v1/banks/{{}}/breaks{path.replace('BREAK', STRANGER)}", body),
        )
        for name, method, path, body in BREAKS
    },
    **{
        (name, "break_id"): (
            "break",
            calling(method, f"/v1/banks/{HARBOUR_BANK}/breaks{path.replace('BREAK', '{}')}", body),
        )
        for name, method, path, body in BREAKS[1:]
    },
    ("createTransfer", "debit_account_id"): ("account", posting("/v1/transfers", debiting)),
    ("createTransfer", "pending_id"): ("reservation", posting("/v1/transfers", settling)),
    ("createTransfers", "debit_account_id"): (
        "account",
        posting("/v1/transfers/batch", lambda thing, new: [debiting(thing, new)]),
    ),
    ("createTransfers", "pending_id"): (
        "reservation",
        posting("/v1/transfers/batch", lambda thing, new: [settling(thing, new)]),
    ),
    ("readTransfer", "transfer_id"): ("reservation", reading("/v1/transfers/{}")),
    ("openAccounts", "party"): (
        "person",
        posting("/v1/accounts", lambda thing, new: {**NEW_ACCOUNT, "id": new, "party": thing}),
    ),
    ("openAccounts", "institution"): (
        "institution",
        posting("/v1/accounts", lambda thing, new: {**NEW_ACCOUNT, "id": new, "institution": thing}),
    ),
    ("readAccount", "account_id"): ("account", reading("/v1/accounts/{}")),
    ("readBalance", "account_id"): ("account", reading("/v1/accounts/{}/balance")),
    ("readStatement", "account_id"): ("account", reading("/v1/accounts/{}/statement")),
    ("readTrialBalance", "institution"): ("institution", listing("/v1/trial-balance", "institution")),
    ("readOperation", "operation_id"): ("operation", reading("/v1/operations/{}")),
    ("listCredentials", "institution"): ("institution", listing("/v1/credentials", "institution")),
    ("issueCredential", "institution"): (
        "institution",
        posting("/v1/credentials", lambda thing, _: {**NEW_CREDENTIAL, "institution": thing}),
    ),
    ("issueCredential", "party"): (
        "person",
        posting("/v1/credentials", lambda thing, _: {**NEW_CREDENTIAL, "party": thing}),
    ),
    ("rotateCredential", "credential_id"): (
        "credential",
        lambda client, thing, _: client.post(f"/v1/credentials/{thing}/rotate", json={}),
    ),
    ("revokeCredential", "credential_id"): (
        "credential",
        lambda client, thing, _: client.delete(f"/v1/credentials/{thing}"),
    ),
    ("readPerson", "party_id"): ("person", reading("/v1/people/{}", headers=PURPOSE)),
    ("readShop", "party_id"): ("shop", reading("/v1/shops/{}", headers=PURPOSE)),
    ("grantConsent", "party"): (
        "person",
        posting("/v1/consents", lambda thing, new: {**CONSENT, "id": new, "party": thing}),
    ),
    ("withdrawConsent", "consent_id"): (
        "consent",
        lambda client, thing, _: client.post(f"/v1/consents/{thing}/withdraw", json=WITHDRAWAL),
    ),
    ("withdrawConsent", "party"): (
        "person",
        lambda client, thing, new: client.post(
            f"/v1/consents/{new}/withdraw", json={**WITHDRAWAL, "party": thing}
        ),
    ),
    ("listConsents", "party"): ("person", listing("/v1/consents", "party")),
    ("openClearingAccount", "institution"): (
        "institution",
        posting("/v1/clearing-accounts", lambda thing, _: {"institution": thing, "currency": "CNY"}),
    ),
    ("changeWalletLevel", "party_id"): ("buyer", deciding("/v1/wallets/{}/CNY/level", {"level": "full"})),
    ("changeWalletState", "party_id"): ("buyer", deciding("/v1/wallets/{}/CNY/state", {"state": "frozen"})),
    ("readTrade", "trade_id"): ("trade", reading("/v1/trades/{}", headers={"Acting-For": STRANGER})),
    ("linkBank", "institution"): (
        "institution",
        lambda client, thing, new: client.put(
            "/v1/bank-links",
            json={
                "institution": thing,
                "base_url": "http://b.example",
                "secret": "x" * 16,
                "currencies": ["CNY"],
            },
            headers={"Idempotency-Key": new},
        ),
    ),
    ("readBankMove", "instruction_id"): (
        "instruction",
        reading("/v1/bank-moves/{}", headers={"Acting-For": STRANGER}),
    ),
    ("stepTrades", "party"): (
        "buyer",
        posting("/v1/trades/batch", lambda thing, new: [{"action": "pay", "trade": new, "party": thing}]),
    ),
    ("stepTrades", "trade"): (
        "trade",
        posting("/v1/trades/batch", lambda thing, _: [{"action": "pay", "trade": thing, "party": STRANGER}]),
    ),
    ("readRedPacket", "packet_id"): (
        "packet",
        reading("/v1/red-packets/{}", headers={"Acting-For": STRANGER}),
    ),
    ("grabRedPacket", "packet_id"): ("packet", acting("/v1/red-packets/{}/grab")),
    ("readHold", "hold_id"): ("hold", reading("/v1/holds/{}", headers={"Acting-For": STRANGER})),
    ("captureHold", "hold_id"): (
        "hold",
        acting("/v1/holds/{}/capture", {"reference": "x", "amount_minor": 1}),
    ),
    ("releaseHold", "hold_id"): ("hold", acting("/v1/holds/{}/release")),
    **{
        (name, "agreement_id"): ("agreement", reading(path, headers={"Acting-For": STRANGER}))
        for name, path in (
            ("readAgreement", "/v1/agreements/{}"),
            ("listDeductions", "/v1/agreements/{}/deductions"),
        )
    },
    ("agreeOnBillerAccount", "institution"): (
        "institution",
        lambda client, thing, new: client.put(
            "/v1/biller-accounts/CNY",
            json={"institution": thing, "bank": HARBOUR_BANK, "holder": "x", "number": "6222021001"},
            headers={"Idempotency-Key": new},
        ),
    ),
    ("uploadBills", "service"): (
        "service",
        posting(
            "/v1/bills",
            lambda thing, new: {
                "id": new,
                "service": thing,
                "bills": [
                    {
                        "reference": "x",
                        "account_number": "7",
                        "label": "x",
                        "amount_minor": 1,
                        "due": "2030-01-01T00:00:00Z",
                    }
                ],
            },
        ),
    ),
    ("readBill", "bill_id"): ("bill", reading("/v1/bills/{}")),
    ("withdrawBill", "bill_id"): (
        "bill",
        lambda client, thing, _: client.post(f"/v1/bills/{thing}/withdraw"),
    ),
    ("payBill", "bill_id"): (
        "bill",
        lambda client, thing, new: client.post(
            f"/v1/bills/{thing}/pay",
            json={"id": new, "account_number": "8", "amount_minor": 1},
            headers={"Acting-For": STRANGER},
        ),
    ),
    ("readBillPayment", "payment_id"): (
        "bill_payment",
        reading("/v1/bill-payments/{}", headers={"Acting-For": STRANGER}),
    ),
    ("returnBillPayment", "payment_id"): (
        "bill_payment",
        lambda client, thing, _: client.post(f"/v1/bill-payments/{thing}/return", json={"reason": "x"}),
    ),
    ("stopStandingOrder", "order_id"): ("standing_order", acting("/v1/standing-orders/{}/stop")),
    ("deductByAgreement", "agreement_id"): (
        "agreement",
        acting("/v1/agreements/{}/deductions", {"reference": "x", "amount_minor": 1}),
    ),
    **{
        (f"{action}Agreement", "agreement_id"): ("agreement", acting(f"/v1/agreements/{{}}/{action}"))
        for action in ("pause", "resume", "unsign")
    },
    ("readWebhookEndpoint", "endpoint_id"): ("hook", reading(HOOKS + "/{}")),
    ("changeWebhookEndpoint", "endpoint_id"): (
        "hook",
        calling("PATCH", HOOKS + "/{}", {"state": "disabled"}),
    ),
    ("deleteWebhookEndpoint", "endpoint_id"): ("hook", calling("DELETE", HOOKS + "/{}")),
    ("rotateWebhookSecret", "endpoint_id"): ("hook", calling("POST", HOOKS + "/{}/rotate-secret", {})),
    ("sendTestWebhook", "endpoint_id"): ("hook", calling("POST", HOOKS + "/{}/test")),
    ("recoverWebhooks", "endpoint_id"): (
        "hook",
        calling("POST", HOOKS + "/{}/recover", {"since": "2026-01-01T00:00:00Z"}),
    ),
    ("listWebhookDeliveries", "endpoint_id"): ("hook", reading(HOOKS + "/{}/deliveries")),
    ("readWebhookDelivery", "endpoint_id"): ("hook", reading(HOOKS + "/{}/deliveries/" + STRANGER)),
    ("resendWebhook", "endpoint_id"): (
        "hook",
        calling("POST", HOOKS + "/{}/deliveries/" + STRANGER + "/resend"),
    ),
    ("readWebhookDelivery", "message_id"): ("message", reading(f"{HOOKS}/{OWN_HOOK}/deliveries/{{}}")),
    ("resendWebhook", "message_id"): (
        "message",
        calling("POST", f"{HOOKS}/{OWN_HOOK}/deliveries/{{}}/resend"),
    ),
    **{
        (f"{action}Trade", "trade_id"): ("trade", acting(f"/v1/trades/{{}}/{action}"))
        for action in ("pay", "ship", "confirm", "extend", "close")
    },
    ("payTrade", "card"): (
        "card",
        lambda client, thing, new: client.post(
            f"/v1/trades/{OPEN_ORDER}/pay",
            json={"sources": [{"kind": "card", "card": thing}]},
            headers={"Acting-For": STRANGER, "Idempotency-Key": new},
        ),
    ),
    ("proveCard", "card_id"): ("card", acting("/v1/cards/{}/code", {"code": "123456"})),
    ("changeCardLimits", "card_id"): (
        "card",
        lambda client, thing, new: client.put(
            f"/v1/cards/{thing}/limits",
            json={"payment_max_minor": 1, "day_max_minor": 1},
            headers={"Acting-For": STRANGER, "Idempotency-Key": new},
        ),
    ),
    ("unbindCard", "card_id"): ("card", acting("/v1/cards/{}/unbind")),
    ("takeBankReturn", "instruction"): (
        "instruction",
        posting(
            "/v1/bank-returns",
            lambda thing, _: {"instruction": thing, "state": "succeeded", "signature": "x"},
        ),
    ),
    ("payTrade", "coupon"): (
        "coupon",
        lambda client, thing, new: client.post(
            f"/v1/trades/{OPEN_ORDER}/pay",
            json={"sources": [{"kind": "coupon", "coupon": thing}]},
            headers={"Acting-For": STRANGER, "Idempotency-Key": new},
        ),
    ),
    ("releasePart", "trade_id"): ("trade", acting("/v1/trades/{}/release", {"amount_minor": 1})),
    ("refundTrade", "trade_id"): (
        "trade",
        acting("/v1/trades/{}/refunds", {"reference": "x", "amount_minor": 1}),
    ),
    ("listRefunds", "trade_id"): (
        "trade",
        reading("/v1/trades/{}/refunds", headers={"Acting-For": STRANGER}),
    ),
    ("openDispute", "trade_id"): ("trade", acting("/v1/trades/{}/disputes", DISPUTE)),
    ("listDisputes", "trade_id"): (
        "trade",
        reading("/v1/trades/{}/disputes", headers={"Acting-For": STRANGER}),
    ),
    **{
        (name, "trade_id"): ("trade", acting(f"/v1/trades/{{}}/disputes/{STRANGER}/{action}", body))
        for name, action, body in (
            ("giveEvidence", "evidence", EVIDENCE),
            ("withdrawDispute", "withdraw", None),
            ("acceptClaim", "accept", None),
            ("decideDispute", "decide", DECISION),
        )
    },
    **{
        (name, "dispute_id"): ("dispute", acting(f"/v1/trades/{OPEN_ORDER}/disputes/{{}}/{action}", body))
        for name, action, body in (
            ("giveEvidence", "evidence", EVIDENCE),
            ("withdrawDispute", "withdraw", None),
            ("acceptClaim", "accept", None),
            ("decideDispute", "decide", DECISION),
        )
    },
    ("closeCouponCampaign", "campaign_id"): ("campaign", acting("/v1/coupon-campaigns/{}/close")),
    ("agreeFeePlan", "shop"): (
        "seller",
        posting("/v1/fee-plans", lambda thing, _: {"shop": thing, "currency": "CNY", "terms": [{}]}),
    ),
    ("openPayoutBank", "institution"): (
        "institution",
        posting("/v1/payout-banks", lambda thing, _: {**PAYOUT_BANK, "institution": thing}),
    ),
    ("directSettlement", "bank_account"): (
        "bank_account",
        lambda client, thing, new: client.put(
            "/v1/settlement-accounts/CNY/destination",
            json={"bank_account": thing},
            headers={"Acting-For": STRANGER, "Idempotency-Key": new},
        ),
    ),
    ("readSettlementBatch", "batch_id"): (
        "batch",
        reading("/v1/settlement-batches/{}", headers={"Acting-For": STRANGER}),
    ),
    ("listSettlementLines", "batch_id"): (
        "batch",
        reading("/v1/settlement-batches/{}/lines", headers={"Acting-For": STRANGER}),
    ),
    ("reportPayout", "payout_id"): (
        "payout",
        lambda client, thing, _: client.post(f"/v1/payouts/{thing}/outcome", json={"outcome": "paid"}),
    ),
    ("readPayoutFile", "file_id"): ("payout_file", reading("/v1/payout-files/{}")),
    ("squareExchange", "institution"): (
        "institution",
        posting("/v1/exchange-settlements", lambda thing, new: {**SQUARE, "id": new, "institution": thing}),
    ),
    ("quoteExchange", "trade"): (
        "trade",
        lambda client, thing, new: client.post(
            "/v1/exchange-quotes",
            json={"trade": thing, "currency": "CNY"},
            headers={"Acting-For": STRANGER, "Idempotency-Key": new},
        ),
    ),
    ("payByQuote", "quote_id"): ("quote", acting("/v1/exchange-quotes/{}/pay")),
    **{
        (name, "shop_code_id"): ("shop_code", reading(path, headers={"Acting-For": STRANGER}))
        for name, path in (
            ("readShopCode", "/v1/shop-codes/{}"),
            ("drawShopCode", "/v1/shop-codes/{}/picture"),
        )
    },
    ("withdrawShopCode", "shop_code_id"): ("shop_code", acting("/v1/shop-codes/{}/withdraw")),
    **{
        (name, "trade_id"): ("trade", reading(path, headers={"Acting-For": STRANGER}))
        for name, path in (
            ("readTradeCode", "/v1/trades/{}/code"),
            ("drawTradeCode", "/v1/trades/{}/code/picture"),
        )
    },
    **{
        (name, "pay_code_id"): ("pay_code", reading(path, headers={"Acting-For": STRANGER}))
        for name, path in (
            ("readPayCode", "/v1/pay-codes/{}"),
            ("drawPayCode", "/v1/pay-codes/{}/picture"),
        )
    },
    ("chargeTrade", "trade_id"): (
        "trade",
        acting("/v1/trades/{}/charge", {"pay_code": "280000000000000000"}),
    ),
    ("payScannedCode", "coupon"): ("coupon", paying_by_code("coupon")),
    ("payScannedCode", "card"): ("card", paying_by_code("card")),
    ("openChargeback", "trade"): (
        "trade",
        posting("/v1/chargebacks", lambda thing, _: {**CHARGEBACK, "trade": thing}),
    ),
    ("readChargeback", "chargeback_id"): ("chargeback", reading("/v1/chargebacks/{}")),
    ("representChargeback", "chargeback_id"): (
        "chargeback",
        acting("/v1/chargebacks/{}/represent", {"evidence": "x"}),
    ),
    ("decideChargeback", "chargeback_id"): (
        "chargeback",
        lambda client, thing, _: client.post(
            f"/v1/chargebacks/{thing}/decide", json={"outcome": "lost", "reason": "x"}
        ),
    ),
}
CASES |= {
    ("readFraudDecision", "decision_id"): ("challenge", reading("/v1/fraud/decisions/{}")),
    ("listFraudDecisions", "party"): ("buyer", listing("/v1/fraud/decisions", "party")),
    ("listForFraud", "party"): (
        "buyer",
        lambda client, thing, new: client.put(
            "/v1/fraud/list",
            json={"kind": "person", "party": thing, "verdict": "block", "reason": "x"},
            headers={"Idempotency-Key": new},
        ),
    ),
    ("takeOffFraudList", "party"): (
        "buyer",
        lambda client, thing, new: client.post(
            "/v1/fraud/list/end",
            json={"kind": "person", "party": thing, "reason": "x"},
            headers={"Idempotency-Key": new},
        ),
    ),
    ("readPaymentChallenge", "challenge_id"): (
        "challenge",
        reading("/v1/payment-challenges/{}", headers={"Acting-For": STRANGER}),
    ),
    ("confirmPaymentChallenge", "challenge_id"): (
        "challenge",
        acting("/v1/payment-challenges/{}/confirm"),
    ),
}

ACTING: dict[str, Send] = {
    "openWallet": lambda client, thing, _: client.post(
        "/v1/wallets", json={"currency": "CNY"}, headers={"Acting-For": thing}
    ),
    "listWallets": lambda client, thing, _: client.get("/v1/wallets", headers={"Acting-For": thing}),
    "orderTrade": lambda client, thing, new: client.post(
        "/v1/trades",
        json={"reference": new, "title": "x", "currency": "CNY", "amount_minor": 1},
        headers={"Acting-For": thing},
    ),
    "listTrades": lambda client, thing, _: client.get("/v1/trades", headers={"Acting-For": thing}),
}
"""Of the routes that ask for a party, one of each kind; all others find the party by the same function."""

OPEN_TO_ALL = {
    ("createTransfer", "credit_account_id"),  # anybody may be paid
    ("createTransfers", "credit_account_id"),
    ("grantConsent", "institution"),  # any institution may be allowed something
    ("deposit", "to"),  # anybody may be given money
    ("orderTrade", "buyer"),  # anybody may be sent a bill
    ("sendMoney", "to"),  # anybody may be paid
    ("sendRedPacket", "recipients"),  # anybody may be given something
    ("placeHold", "shop"),  # anybody may be paid
    ("claimCoupon", "campaign_id"),  # campaigns are offers to everybody
    ("signAgreement", "shop"),  # anybody may be paid
    ("lookUpBills", "service_id"),  # the catalogue of billers is for everybody
    ("placeStandingOrder", "service"),
    ("listBreaks", "after_id"),  # likewise
    ("listSettlementLines", "after_id"),  # a place in the order of lines, whether or not something is there
    ("listAccounts", "cursor"),  # a place in the order of ids, whether or not something is there
    ("listWebhookEndpoints", "cursor"),
    ("listWebhookDeliveries", "cursor"),  # a message of the endpoint that the path names
}


def naming_parameters() -> set[tuple[str, str]]:
    """Return every parameter and field, by route, that names something which may be another institution's."""
    found = set()
    for operation in OPERATIONS:
        definition = operation.definition
        named = [
            (each["name"], each["schema"]) for each in definition["parameters"] if each["in"] != "header"
        ]
        if "application/json" in definition.get("requestBody", {}).get("content", {}):
            named += fields(definition["requestBody"]["content"]["application/json"]["schema"])
        for name, schema in named:
            if name != "id" and (name == "institution" or "'uuid'" in str(schema)):
                found.add((operation.name, name))
    return found


def test_every_route_that_names_something_is_tried() -> None:
    assert naming_parameters() - OPEN_TO_ALL == set(CASES)


@pytest.fixture(scope="module")
def things(
    api: LiveApi,
    world: World,
    town: Town,
    harbour: httpx.Client,
    hill: httpx.Client,
    operator: httpx.Client,
) -> dict[str, Any]:
    """One thing of each kind that is not Hill Bank's."""
    assert hill.post("/v1/shops", json={"id": STRANGER, "name": "Stranger"}).status_code == 201
    buyer, seller = town.person(1_000), town.shop()
    trade = town.order(seller, 100)
    assert town.act(buyer, f"/v1/trades/{trade}/pay").status_code == 200
    gift = {"id": fresh_id(), "currency": "CNY", "amount_minor": 5, "share_count": 2, "recipients": [buyer]}
    packet = done(town.act(buyer, "/v1/red-packets", gift), 201).json()["id"]
    holding = {"id": fresh_id(), "shop": seller, "title": "x", "currency": "CNY", "amount_minor": 5}
    hold = done(town.act(buyer, "/v1/holds", holding), 201).json()["id"]
    signing = {
        "id": fresh_id(),
        "shop": seller,
        "title": "x",
        "currency": "CNY",
        "amount_max_minor": 5,
        "period": {"unit": "day", "every": 1},
    }
    agreement = done(town.act(buyer, "/v1/agreements", signing), 201).json()["id"]
    with biller(api, world, operator) as water:
        service = water.service(account_form="[0-9]")
        bill = water.upload(service, [{"account_number": "7", "amount_minor": 2}])[0]
        paying = {"id": fresh_id(), "account_number": "7", "amount_minor": 2}
        bill_payment = done(town.act(buyer, f"/v1/bills/{bill}/pay", paying), 201).json()["id"]
    ordering = {"service": service, "account_number": "7", "amount_max_minor": 2}
    standing_order = done(town.act(buyer, "/v1/standing-orders", ordering, fresh_id()), 201).json()["id"]
    dispute = town.act(buyer, f"/v1/trades/{trade}/disputes", DISPUTE, key=fresh_id()).json()["id"]
    campaign, coupon = put_coupon(town, buyer)
    link = {
        "institution": HARBOUR_BANK,
        "base_url": "http://127.0.0.1:9",
        "secret": "x" * 16,
        "currencies": ["CNY"],
    }
    town.decide("/v1/bank-links", link)
    collecting = {"id": fresh_id(), "bank": 2, "account": "A1", "currency": "CNY", "amount_minor": 1}
    instruction = done(town.act(buyer, "/v1/top-ups", collecting), 201).json()["id"]
    card = put_card(town, buyer)
    put_open_order(hill)
    account, key = open_account(harbour), fresh_id()
    reservation = transfer(account, open_account(harbour), 1, flags=PENDING)
    shop, person, consent, hook = fresh_id(), fresh_id(), fresh_id(), fresh_id()
    answers = [
        harbour.post("/v1/transfers", json=reservation),
        harbour.post("/v1/people", json={"id": person, "name": "Carla"}),
        harbour.post("/v1/shops", json={"id": shop, "name": "Corner shop"}),
        harbour.post(
            "/v1/accounts", json={**NEW_ACCOUNT, "id": fresh_id()}, headers={"Idempotency-Key": key}
        ),
        operator.post(
            "/v1/consents", json={**CONSENT, "id": consent, "party": person, "institution": HARBOUR_BANK}
        ),
        harbour.post("/v1/credentials", json=NEW_CREDENTIAL),
        harbour.post(HOOKS, json={**NEW_HOOK, "id": hook}),
        hill.post(HOOKS, json={**NEW_HOOK, "id": OWN_HOOK}),
    ]
    assert {answer.status_code for answer in answers} == {201}
    put_shopfront(town, seller)
    challenge = put_challenge(town, buyer)
    sticker = {"currency": "CNY", "label": "till"}
    return {
        "shop_code": done(town.act(seller, "/v1/shop-codes", sticker, fresh_id()), 201).json()["id"],
        "pay_code": done(town.act(buyer, "/v1/pay-codes", None, fresh_id()), 201).json()["id"],
        "challenge": challenge,
        "account": account,
        "reservation": reservation["id"],
        "operation": key,
        "person": person,
        "shop": shop,
        "consent": consent,
        "credential": answers[5].json()["id"],
        "hook": hook,
        "message": harbour.post(f"{HOOKS}/{hook}/test").json()["id"],
        "institution": HARBOUR_BANK,
        **put_settled(world.database.owner, seller),
        **put_break(world.database.owner, harbour),
        "seller": seller,
        "buyer": buyer,
        "trade": trade,
        "dispute": dispute,
        "campaign": campaign,
        "instruction": instruction,
        "coupon": coupon,
        "card": card,
        "packet": packet,
        "hold": hold,
        "agreement": agreement,
        "service": service,
        "bill": bill,
        "bill_payment": bill_payment,
        "standing_order": standing_order,
    }


def put_shopfront(town: Town, shop: str) -> None:
    """Say what a shop's codes tell about it."""
    front = {"name": "TEA HOUSE", "city": "TURPAN", "country": "CN", "category_code": "5812"}
    headers = {"Acting-For": shop, "Idempotency-Key": fresh_id()}
    done(town.bank.put("/v1/shopfront", json=front, headers=headers), 200)


def put_card(town: Town, holder: str) -> str:
    """Begin to bind a card, whose bank does not answer."""
    body = {
        "bank": HARBOUR_BANK,
        "currency": "CNY",
        "number": "6200000000000005",
        "expiry": "2049-08",
        "holder": "x",
        "phone": "+8613900000001",
    }
    done(town.act(holder, "/v1/cards", body, fresh_id()), 503)
    found = town.bank.get("/v1/cards", headers={"Acting-For": holder}).json()["items"]
    return str(found[0]["id"])


def put_break(conninfo: str, harbour: httpx.Client) -> dict[str, str]:
    """Let Harbour Bank send a file, and put a break into its queue."""
    table = b"account,booking_date,amount,currency\n1,2026-03-02,1,CNY"
    job = done(harbour.post("/v1/bank-files", content=table), 202).json()["id"]
    found = fresh_id()
    with connect(conninfo) as conn:
        conn.execute(
            "INSERT INTO reconciliation_break (institution, id, kind, state, reason, offered, run, found_ns) VALUES "
            "(%s, %s, 'missing_in_book', 'open', 'x', 'query_bank', %s, 0)",
            (HARBOUR_BANK, found, found),
        )
    return {"bank_job": job, "break": found}


def put_coupon(town: Town, buyer: str) -> tuple[str, str]:
    """Make a campaign of Harbour Bank's and claim a coupon."""
    offer = {"reference": fresh_id(), "title": "x", "currency": "CNY", "face_minor": 100, "count": 1}
    until = {"until": format_moment(SystemClock().now_ns() + DAY_NS)}
    campaign = done(town.bank.post("/v1/coupon-campaigns", json=offer | until), 201).json()["id"]
    claimed = town.act(buyer, f"/v1/coupon-campaigns/{campaign}/claim")
    return campaign, done(claimed, 201).json()["id"]


def put_challenge(town: Town, payer: str) -> str:
    """Have a payment wait until its payer confirms it."""
    town.judge_by({"x": {"kind": "amount_band", "currency": "CNY", "from_minor": 1, "outcome": "challenge"}})
    gift = {"id": fresh_id(), "to": town.person(), "currency": "CNY", "amount_minor": 1}
    answer = done(town.act(payer, "/v1/money-transfers", gift), 403)
    town.judge_by({})
    return str(answer.json()["facts"]["challenge"])


def put_open_order(hill: httpx.Client) -> None:
    """Have one shop of Hill Bank's offer something, and give the other one a wallet to pay it from."""
    done(hill.post("/v1/shops", json={"id": NEIGHBOUR, "name": "Neighbour"}), 201)
    offer = {"reference": "open", "title": "x", "currency": "CNY", "amount_minor": 100}
    done(hill.post("/v1/trades", json=offer, headers={"Acting-For": NEIGHBOUR}), 201)
    done(hill.post("/v1/wallets", json={"currency": "CNY"}, headers={"Acting-For": STRANGER}), 201)


@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_a_foreign_thing_is_answered_like_one_that_does_not_exist(
    hill: httpx.Client, things: dict[str, Any], case: tuple[str, str]
) -> None:
    kind, send = CASES[case]
    foreign, missing = things[kind], 999_999 if kind == "institution" else fresh_id()
    told = []
    for thing in (foreign, missing):
        new = fresh_id()
        answer = send(hill, thing, new)
        told.append((answer.status_code, answer.text.replace(str(thing), "THING").replace(new, "NEW")))
    assert told[0] == told[1]
    status, text = told[0]
    assert status in (403, 404, 422) or (status, text) == (200, '{"items":[]}') or "_not_found" in text


def test_the_operator_reaches_every_thing(
    operator: httpx.Client, things: dict[str, Any], world: World
) -> None:
    for path in (
        f"/v1/accounts/{things['account']}",
        f"/v1/transfers/{things['reservation']}",
        f"/v1/operations/{things['operation']}",
        f"/v1/people/{things['person']}",
        f"{HOOKS}/{things['hook']}/deliveries/{things['message']}",
        f"/v1/shops/{things['shop']}",
    ):
        assert operator.get(path, headers=PURPOSE).status_code == 200


@pytest.mark.parametrize("route", ACTING)
def test_nobody_acts_for_a_party_of_another_institution(
    hill: httpx.Client, things: dict[str, Any], route: str
) -> None:
    told = []
    for party in (things["buyer"], fresh_id()):
        answer = ACTING[route](hill, party, fresh_id())
        told.append((answer.status_code, answer.text.replace(party, "PARTY")))
    assert told[0] == told[1]
    assert told[0][0] == 404
    assert "party_unknown" in told[0][1]
