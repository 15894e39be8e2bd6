"""The reasons for which payments are refused."""

from karez.channels.api.problem_kind import ProblemKind

PAYMENTS: dict[str, ProblemKind] = {
    "idempotency_key_missing": ProblemKind(
        400, "This may be meant twice: send a new UUID as Idempotency-Key."
    ),
    "party_not_active": ProblemKind(403, "The party is suspended or closed; it cannot pay or be paid."),
    "wallet_not_found": ProblemKind(404, "The party has no wallet in this currency; open one first."),
    "trade_not_found": ProblemKind(404, "There is no such trade that you may see."),
    "trade_not_yours": ProblemKind(403, "Only the other side of the trade can do this."),
    "trade_state_wrong": ProblemKind(
        409, "The trade's state does not know this action; the facts name the state."
    ),
    "trade_busy": ProblemKind(409, "Others changed this trade again and again; repeat the request."),
    "trade_extended_before": ProblemKind(409, "The time of a trade can be extended once."),
    "wallet_frozen": ProblemKind(403, "The wallet is frozen; ask customer service for the reason."),
    "wallet_not_frozen": ProblemKind(409, "The wallet is not frozen; there is nothing to lift."),
    "currency_not_open": ProblemKind(422, "Payments are not open for this currency; the operator opens it."),
    "currency_unknown": ProblemKind(422, "There is no such currency; use ISO 4217 letters, for example CNY."),
    "category_unknown": ProblemKind(422, "There is no such category; the sentence lists those that exist."),
    "amount_not_positive": ProblemKind(422, "An amount to pay is above 0."),
    "amount_too_large": ProblemKind(422, "The amount is larger than one payment may be; split it."),
    "buyer_is_shop": ProblemKind(422, "A shop cannot pay its own order."),
    "payment_limit_exceeded": ProblemKind(
        422, "One payment may not be so large at this level of verification."
    ),
    "day_limit_exceeded": ProblemKind(
        422, "More than may be spent in 24 hours at this level of verification."
    ),
    "limit_in_use": ProblemKind(409, "More than the lower limit was spent in the last 24 hours."),
    "refund_exceeds_payment": ProblemKind(422, "More would be refunded than is left of the payment."),
    "escrow_too_low": ProblemKind(409, "Escrow does not hold this amount; read the trade again."),
    "balance_too_low": ProblemKind(422, "The balance is too low; pay money in or choose another source."),
    "payer_account_not_found": ProblemKind(422, "The account that pays does not exist; open it first."),
    "payee_account_not_found": ProblemKind(422, "Who is to be paid has no wallet in this currency."),
    "payee_not_found": ProblemKind(404, "There is nobody who can be paid so; check how they were named."),
    "payee_is_payer": ProblemKind(422, "Nobody sends money to themselves; name another person."),
}
