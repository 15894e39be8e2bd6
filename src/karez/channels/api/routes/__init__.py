"""The routes of the API, one file for each thing that they are about."""

from litestar.handlers import HTTPRouteHandler

from karez.channels.api.routes import (
    accounts,
    balances,
    condition,
    consents,
    credentials,
    institutions,
    money_transfers,
    operations,
    parties,
    payment_currencies,
    reference,
    statements,
    trade_batches,
    trades,
    transfers,
    units,
    wallets,
    webhook_deliveries,
    webhooks,
)

HANDLERS: tuple[HTTPRouteHandler, ...] = (
    *transfers.HANDLERS,
    *accounts.HANDLERS,
    *balances.HANDLERS,
    *statements.HANDLERS,
    *operations.HANDLERS,
    *units.HANDLERS,
    *institutions.HANDLERS,
    *credentials.HANDLERS,
    *parties.HANDLERS,
    *consents.HANDLERS,
    *payment_currencies.HANDLERS,
    *wallets.HANDLERS,
    *trade_batches.HANDLERS,
    *trades.HANDLERS,
    *money_transfers.HANDLERS,
    *webhooks.HANDLERS,
    *webhook_deliveries.HANDLERS,
    *condition.HANDLERS,
    *reference.HANDLERS,
)
