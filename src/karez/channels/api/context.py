"""What a web process is given, and what it makes of it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from karez.channels.api.authentication import Authentication
from karez.channels.api.caller_database import CallerDatabase
from karez.channels.api.fraud_guard import FraudGuard
from karez.channels.api.house_keeper import HouseKeeper
from karez.channels.api.metrics import Metrics
from karez.channels.api.pay_code_tries import PayCodeTries
from karez.channels.api.rate_limits import Allowances, RateLimits
from karez.channels.api.represented import Represented
from karez.channels.api.request_log import RequestLog
from karez.channels.api.trade_desk import TradeDesk
from karez.channels.webhooks import endpoints
from karez.channels.webhooks.targets import TargetRules
from karez.core.clock import Clock
from karez.core.sealing import Sealer
from karez.ledger.client import BookClient
from karez.parties import people
from karez.services.payments.banks import links
from karez.services.payments.banks.connector import BankConnector
from karez.services.payments.cards import vault
from karez.services.payments.fraud import attempts
from karez.services.payments.qr import pay_codes
from karez.services.payments.reconciliation.sealing import sealer_for_entries

_BANK_LIMIT_S = 10.0
"""For a call of a bank while somebody waits for the answer."""


@dataclass(frozen=True)
class ApiContext:
    """What the API stands on.

    Attributes:
        book: The bookkeeper.
        database_web: Connection string of the web login role.
        secret_key: The root of all derived keys.
        clock: Tells the time.
        limits: What each credential may ask of this process.
        connections: Connections to the database at most.
        write_log: Takes lines of the log as bytes; ``None`` means the standard error.
        webhook_private_targets: Whether webhooks may go to any address and port.
    """

    book: BookClient
    database_web: str = field(repr=False)
    secret_key: bytes = field(repr=False)
    clock: Clock
    limits: RateLimits = field(default_factory=RateLimits)
    connections: int = 4
    write_log: Callable[[bytes], object] | None = None
    webhook_private_targets: bool = False


class Services:
    """What handlers use, made once for each web process.

    Args:
        context: What the process was given.
    """

    def __init__(self, context: ApiContext) -> None:
        self.book = context.book
        self.clock = context.clock
        self.database = CallerDatabase(context.database_web, context.connections)
        self.authentication = Authentication(self.database, context.clock, Allowances(context.limits))
        self.sealer: Sealer = people.sealer(context.secret_key)
        self.bank_sealer: Sealer = links.sealer(context.secret_key)
        self.pay_code_sealer: Sealer = pay_codes.sealer(context.secret_key)
        self.pay_code_tries = PayCodeTries()
        self.entries_sealer: Sealer = sealer_for_entries(context.secret_key)
        self.webhook_sealer = endpoints.sealer(context.secret_key)
        self.webhook_targets = TargetRules(private=context.webhook_private_targets)
        self.vault_sealer = vault.sealer(context.secret_key)
        self.bank_connector = BankConnector(self.bank_sealer, _BANK_LIMIT_S)
        self.house_keeper = HouseKeeper(self.database)
        self.fraud_sealer = attempts.sealer(context.secret_key)
        self.fraud_guard = FraudGuard(self.database, context.clock)
        self.represented = Represented(self.database)
        self.trade_desk = TradeDesk(
            context.book, self.database, self.house_keeper, self.fraud_guard, context.clock
        )
        self.metrics = Metrics()
        self.log = RequestLog(context.write_log)

    def open(self) -> None:
        """Begin to connect to the database."""
        self.database.open()

    def close(self) -> None:
        """End the connections and write what is left of the log."""
        self.book.close()
        self.database.close()
        self.log.flush()
