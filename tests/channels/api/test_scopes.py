"""Every route asks for exactly the scope that it documents."""

import httpx
import pytest

from karez.parties.roles import Permission
from karez.parties.tokens import Owner
from tests.channels.api.documented import OPERATIONS, Operation
from tests.channels.api.living import LiveApi
from tests.channels.api.making import HARBOUR_BANK, OPERATOR, World, assert_problem, fresh_id


def call(api: LiveApi, operation: Operation, token: str | None) -> httpx.Response:
    """Call a route with fresh ids and an empty body."""
    path = operation.path
    for each in operation.definition["parameters"]:
        number = each["schema"].get("type") == "integer"
        path = path.replace(f"{{{each['name']}}}", str(HARBOUR_BANK) if number else fresh_id())
    with api.client(token) as client:
        if operation.method in ("get", "delete"):
            return client.request(operation.method, path)
        return client.request(operation.method, path, json={})


PROTECTED = [operation for operation in OPERATIONS if operation.scopes is not None]
SCOPED = [operation for operation in PROTECTED if operation.scopes]
PUBLIC = [operation for operation in OPERATIONS if operation.scopes is None]


SCOPE_OF = {
    "createTransfer": "ledger:write",
    "createTransfers": "ledger:write",
    "readTransfer": "ledger:read",
    "openAccounts": "ledger:write",
    "listAccounts": "ledger:read",
    "readAccount": "ledger:read",
    "readBalance": "ledger:read",
    "readStatement": "ledger:read",
    "readTrialBalance": "ledger:read",
    "readOperation": "ledger:read",
    "listUnits": None,
    "createUnit": "operator",
    "listInstitutions": None,
    "admitInstitution": "operator",
    "listCredentials": "credentials:write",
    "issueCredential": "credentials:write",
    "rotateCredential": "credentials:write",
    "revokeCredential": "credentials:write",
    "registerPerson": "parties:write",
    "registerShop": "parties:write",
    "readPerson": "parties:read",
    "readShop": "parties:read",
    "grantConsent": "parties:write",
    "withdrawConsent": "parties:write",
    "listConsents": "parties:read",
    "openPaymentCurrency": "operator",
    "listPaymentCurrencies": None,
    "openClearingAccount": "operator",
    "openWallet": "payments:write",
    "listWallets": "payments:read",
    "deposit": "payments:write",
    "changeWalletLevel": "operator",
    "changeWalletState": "operator",
    "linkBank": "operator",
    "listBanks": "payments:read",
    "bindCard": "payments:write",
    "proveCard": "payments:write",
    "listCards": "payments:read",
    "changeCardLimits": "payments:write",
    "unbindCard": "payments:write",
    "takeBankReturn": None,
    "topUp": "payments:write",
    "withdraw": "payments:write",
    "readBankMove": "payments:read",
    "listFlaggedInstructions": "operator",
    "askBankAgain": "operator",
    "giveUpInstruction": "operator",
    "dismissInstruction": "operator",
    "importBankFile": "payments:write",
    "runReconciliation": "operator",
    "listReconciliationJobs": "payments:read",
    "readReconciliationJob": "payments:read",
    "fetchStatements": "operator",
    "listStatementSources": "operator",
    "listBreaks": "operator",
    "readBreak": "operator",
    "proposeResolution": "operator",
    "approveResolution": "operator",
    "declineResolution": "operator",
    "orderTrade": "payments:write",
    "stepTrades": "payments:write",
    "readTrade": "payments:read",
    "listTrades": "payments:read",
    "payTrade": "payments:write",
    "shipTrade": "payments:write",
    "confirmTrade": "payments:write",
    "extendTrade": "payments:write",
    "closeTrade": "payments:write",
    "releasePart": "payments:write",
    "refundTrade": "payments:write",
    "listRefunds": "payments:read",
    "openDispute": "payments:write",
    "listDisputes": "payments:read",
    "listOpenDisputes": "operator",
    "giveEvidence": "payments:write",
    "withdrawDispute": "payments:write",
    "acceptClaim": "payments:write",
    "decideDispute": "operator",
    "createCouponCampaign": "payments:write",
    "listCouponCampaigns": "payments:read",
    "claimCoupon": "payments:write",
    "closeCouponCampaign": "payments:write",
    "listCoupons": "payments:read",
    "sendMoney": "payments:write",
    "findPayee": "payments:write",
    "listMoneyTransfers": "payments:read",
    "sendRedPacket": "payments:write",
    "grabRedPacket": "payments:write",
    "readRedPacket": "payments:read",
    "listRedPackets": "payments:read",
    "placeHold": "payments:write",
    "captureHold": "payments:write",
    "releaseHold": "payments:write",
    "readHold": "payments:read",
    "listHolds": "payments:read",
    "signAgreement": "payments:write",
    "readAgreement": "payments:read",
    "listAgreements": "payments:read",
    "listDeductions": "payments:read",
    "deductByAgreement": "payments:write",
    "pauseAgreement": "payments:write",
    "resumeAgreement": "payments:write",
    "unsignAgreement": "payments:write",
    "registerBillerService": "payments:write",
    "listBillerServices": None,
    "agreeOnBillerAccount": "payments:write",
    "listBillerAccounts": "payments:read",
    "listBillerPayouts": "payments:read",
    "uploadBills": "payments:write",
    "readBill": "payments:read",
    "withdrawBill": "payments:write",
    "returnBillPayment": "payments:write",
    "lookUpBills": "payments:write",
    "payBill": "payments:write",
    "readBillPayment": "payments:read",
    "listBillPayments": "payments:read",
    "placeStandingOrder": "payments:write",
    "stopStandingOrder": "payments:write",
    "listStandingOrders": "payments:read",
    "readAccountFile": "payments:read",
    "registerBankAccount": "payments:write",
    "listBankAccounts": "payments:read",
    "enterBusinessCalendar": "operator",
    "listBusinessCalendars": None,
    "agreeFeePlan": "operator",
    "listFeePlans": "payments:read",
    "openPayoutBank": "operator",
    "listPayouts": "payments:read",
    "reportPayout": "payments:write",
    "listPayoutFiles": "payments:read",
    "readPayoutFile": "payments:read",
    "listSettlementAccounts": "payments:read",
    "directSettlement": "payments:write",
    "listSettlementBatches": "payments:read",
    "readSettlementBatch": "payments:read",
    "listSettlementLines": "payments:read",
    "decideExchangePair": "operator",
    "grantExchangeLimit": "payments:write",
    "listExchangePositions": "payments:read",
    "giveExchangeRate": "payments:write",
    "squareExchange": "operator",
    "quoteExchange": "payments:write",
    "payByQuote": "payments:write",
    "showShopfront": "payments:write",
    "readShopfront": "payments:read",
    "createShopCode": "payments:write",
    "listShopCodes": "payments:read",
    "readShopCode": "payments:read",
    "drawShopCode": "payments:read",
    "withdrawShopCode": "payments:write",
    "readTradeCode": "payments:read",
    "drawTradeCode": "payments:read",
    "readScannedCode": "payments:read",
    "payScannedCode": "payments:write",
    "createPayCode": "payments:write",
    "readPayCode": "payments:read",
    "drawPayCode": "payments:read",
    "chargePayCode": "payments:write",
    "findCharge": "payments:read",
    "chargeTrade": "payments:write",
    "openChargeback": "payments:write",
    "readChargeback": "payments:read",
    "listChargebacks": "payments:read",
    "representChargeback": "payments:write",
    "decideChargeback": "payments:write",
    "readFraudRules": "operator",
    "replaceFraudRules": "operator",
    "listFraudRuleVersions": "operator",
    "listForFraud": "operator",
    "takeOffFraudList": "operator",
    "readFraudList": "operator",
    "listFraudDecisions": "operator",
    "readFraudDecision": "operator",
    "readPaymentChallenge": "payments:read",
    "confirmPaymentChallenge": "payments:write",
    "registerWebhookEndpoint": "webhooks:write",
    "listWebhookEndpoints": "webhooks:read",
    "readWebhookEndpoint": "webhooks:read",
    "changeWebhookEndpoint": "webhooks:write",
    "deleteWebhookEndpoint": "webhooks:write",
    "rotateWebhookSecret": "webhooks:write",
    "listWebhookDeliveries": "webhooks:read",
    "readWebhookDelivery": "webhooks:read",
    "resendWebhook": "webhooks:write",
    "recoverWebhooks": "webhooks:write",
    "sendTestWebhook": "webhooks:write",
}
"""What each protected route must ask for; none means that any credential will do."""


def test_no_route_asks_for_another_scope_than_it_should() -> None:
    assert {each.name: next(iter(each.scopes or ()), None) for each in PROTECTED} == SCOPE_OF


def by_name(operation: Operation) -> str:
    return operation.name


@pytest.fixture(scope="module")
def without(world: World) -> dict[Permission, str]:
    """For each scope a token of Harbour Bank that has all of its scopes but this one."""
    every = [each for each in Permission if each is not Permission.OPERATOR]
    owner = Owner(institution=HARBOUR_BANK)
    return {scope: world.token(owner, *(each for each in every if each is not scope)) for scope in Permission}


@pytest.fixture(scope="module")
def with_only(world: World) -> dict[Permission, str]:
    """For each scope a token that has only this one."""
    return {
        scope: world.token(
            Owner(institution=OPERATOR if scope is Permission.OPERATOR else HARBOUR_BANK), scope
        )
        for scope in Permission
    }


@pytest.mark.parametrize("operation", SCOPED, ids=by_name)
def test_without_its_scope_a_route_is_closed(
    api: LiveApi, operation: Operation, without: dict[Permission, str]
) -> None:
    assert operation.scopes is not None
    (scope,) = operation.scopes
    answer = call(api, operation, without[Permission(scope)])
    assert assert_problem(answer, 403, "permission_missing") == {"needed": scope}


@pytest.mark.parametrize("operation", SCOPED, ids=by_name)
def test_with_its_scope_alone_a_route_is_open(
    api: LiveApi, operation: Operation, with_only: dict[Permission, str]
) -> None:
    assert operation.scopes is not None
    (scope,) = operation.scopes
    answer = call(api, operation, with_only[Permission(scope)])
    assert answer.status_code not in (401, 500)
    assert "permission_missing" not in answer.text


@pytest.mark.parametrize("operation", PROTECTED, ids=by_name)
def test_nobody_comes_in_without_a_token(api: LiveApi, operation: Operation) -> None:
    assert_problem(call(api, operation, None), 401, "credential_missing")


@pytest.mark.parametrize("operation", PUBLIC, ids=by_name)
def test_what_is_public_needs_no_token(api: LiveApi, operation: Operation) -> None:
    assert call(api, operation, None).status_code in (200, 400, 404)


def test_only_what_tells_nothing_of_anybody_is_public() -> None:
    assert {operation.name for operation in PUBLIC} == {
        "readHealth",
        "readReadiness",
        "readMetrics",
        "takeBankNotice",
        "readOpenapi",
        "readDocs",
        "explainProblem",
    }
