"""All sources that a payment can be taken from; a service adds its own here."""

from collections.abc import Mapping

from karez.services.payments.cards import source as card
from karez.services.payments.exchange import legs as exchange
from karez.services.payments.sources import balance, bank_page, coupon
from karez.services.payments.sources.door import Source

SOURCES: Mapping[str, Source] = {
    balance.KIND: balance.BALANCE,
    coupon.KIND: coupon.COUPON,
    exchange.KIND: exchange.EXCHANGE,
    card.KIND: card.CARD,
    bank_page.KIND: bank_page.BANK_PAGE,
}
"""By kind."""
