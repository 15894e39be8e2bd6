"""The reasons for which payments are refused."""

from karez.channels.api.problem_kind import ProblemKind

PAYMENTS: dict[str, ProblemKind] = {
    "idempotency_key_missing": ProblemKind(
        400, "This may be meant twice: send a new UUID as Idempotency-Key."
    ),
    "party_not_active": ProblemKind(403, "The party is suspended or closed; it cannot pay or be paid."),
    "bank_not_open": ProblemKind(422, "The bank takes no instructions in this currency just now."),
    "bank_url_malformed": ProblemKind(422, "The address of a bank is like https://bank.example/karez."),
    "bank_secret_too_short": ProblemKind(
        422, "The secret that Karez shares with a bank has 16 characters or more."
    ),
    "bank_currencies_wrong": ProblemKind(422, "A bank has at least one currency, and each of them once."),
    "instruction_not_found": ProblemKind(404, "There is no such instruction to a bank that you may see."),
    "wallet_open_already": ProblemKind(409, "The party has a wallet in this currency already."),
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
    "red_packet_not_found": ProblemKind(404, "There is no such red packet for you."),
    "red_packet_not_for_you": ProblemKind(403, "The red packet names others who may take a share."),
    "red_packet_grabbed_before": ProblemKind(409, "There is one share of a red packet for each person."),
    "red_packet_empty": ProblemKind(409, "All shares of the red packet are taken."),
    "red_packet_ended": ProblemKind(409, "The time of the red packet is over; the rest went back."),
    "red_packet_share_taken": ProblemKind(409, "Others took the share a moment before; try again."),
    "shares_too_many": ProblemKind(422, "A red packet has 1 to 100 shares; send several packets."),
    "share_too_small": ProblemKind(422, "Each share of a red packet is 1 minor unit at least."),
    "hold_not_found": ProblemKind(404, "There is no such hold that you may see."),
    "hold_not_yours": ProblemKind(403, "Only the shop of the hold can do this."),
    "hold_state_wrong": ProblemKind(
        409, "Nothing of the hold is reserved any more; the facts name its state."
    ),
    "hold_expired": ProblemKind(409, "The time of the hold is over and the money is the payer's again."),
    "capture_exceeds_hold": ProblemKind(
        422, "More would be captured than is held; the facts tell how much is."
    ),
    "reference_used": ProblemKind(409, "The reference names another trade of the shop; choose a new one."),
    "agreement_not_found": ProblemKind(404, "There is no such agreement that you may see."),
    "agreement_not_yours": ProblemKind(403, "Only the other side of the agreement can do this."),
    "agreement_state_wrong": ProblemKind(409, "The agreement is in another state; the facts name it."),
    "agreement_ended": ProblemKind(409, "The time of the agreement is over; a new one has to be signed."),
    "agreement_used_up": ProblemKind(409, "No more deductions, or not so much, were agreed to."),
    "agreement_scheduled": ProblemKind(409, "The agreement deducts by its own schedule, not on request."),
    "deduction_exceeds_max": ProblemKind(422, "One deduction may not be so large; the facts name the most."),
    "period_not_begun": ProblemKind(409, "The first period of the agreement has not begun."),
    "period_used": ProblemKind(409, "There was a deduction in this period; there is one in each."),
    "period_invalid": ProblemKind(422, "The rule for the days of an agreement has no meaning."),
    "notice_too_long": ProblemKind(422, "A deduction cannot be announced before the one before it is made."),
    "zone_unknown": ProblemKind(422, "There is no such time zone; use a name like Asia/Shanghai."),
    "validity_invalid": ProblemKind(422, "An agreement ends after now and within ten years."),
    "fixed_amount_too_large": ProblemKind(422, "The schedule would deduct more than one deduction may be."),
    "biller_needed": ProblemKind(
        403, "Only an institution of the kind biller sends bills and is paid for them."
    ),
    "biller_code_used": ProblemKind(409, "The biller has a service of this code; choose another one."),
    "biller_service_not_found": ProblemKind(404, "There is no such service of a biller; see the catalogue."),
    "bill_not_found": ProblemKind(404, "There is no such bill on this account number."),
    "bill_payment_not_found": ProblemKind(404, "There is no such payment that you may see."),
    "bill_state_wrong": ProblemKind(409, "The bill is paid or withdrawn; the facts name its state."),
    "bill_partly_paid": ProblemKind(409, "A part of the bill is paid; return its payments first."),
    "bill_payment_returned": ProblemKind(409, "The payment was returned before."),
    "bill_exists": ProblemKind(409, "One of the bills was uploaded before; the facts name its reference."),
    "bill_twice": ProblemKind(422, "A bill is in the request more than once; the facts name its reference."),
    "bill_amount_wrong": ProblemKind(
        422, "This amount cannot be paid of the bill; the facts tell what is left."
    ),
    "bill_over_order": ProblemKind(422, "The bill is larger than the standing order allows."),
    "account_form_invalid": ProblemKind(422, "The form of account numbers is not made of known parts."),
    "account_number_malformed": ProblemKind(422, "The account number has another form; the facts name it."),
    "standing_order_not_found": ProblemKind(404, "There is no such standing order of yours."),
    "standing_order_stopped": ProblemKind(409, "The standing order was stopped before."),
}
