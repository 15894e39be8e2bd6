"""What the decisions of banks mean, for whatever asked for them; rooms add theirs here."""

from karez.services.payments.banks.settlers import Settlers
from karez.services.payments.sources import bank_settlers
from karez.services.payments.wallets import bank_moves

SETTLERS: Settlers = {**bank_settlers.SETTLERS, **bank_moves.SETTLERS}
"""By purpose."""
