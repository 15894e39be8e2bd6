"""The reasons for which something about cards and banks' pages is refused."""

from karez.channels.api.problem_kind import ProblemKind

CARDS: dict[str, ProblemKind] = {
    "card_number_wrong": ProblemKind(422, "This is no card number; copy all of its digits again."),
    "card_expiry_malformed": ProblemKind(422, "The last month of a card is written like 2029-08."),
    "card_expired": ProblemKind(422, "The card has ended; use the one that has replaced it."),
    "card_not_found": ProblemKind(404, "There is no such card of yours."),
    "card_state_wrong": ProblemKind(409, "The card's state does not know this; the facts name the state."),
    "card_bound_before": ProblemKind(409, "The card is bound already; the facts name it."),
    "card_binding_paused": ProblemKind(409, "Too many wrong codes; try to bind the card again in an hour."),
    "card_bindings_used_up": ProblemKind(
        429, "Too many cards were tried in 24 hours; try again 24 hours after the first of them."
    ),
    "card_refused": ProblemKind(422, "The bank knows no such card of this holder."),
    "card_challenge_over": ProblemKind(409, "The time of the code is over; bind the card again."),
    "card_code_wrong": ProblemKind(422, "The bank has sent another code; the facts tell how many are left."),
    "card_codes_used_up": ProblemKind(409, "No more codes are taken for this challenge."),
    "card_not_bound": ProblemKind(409, "The card is not bound, so nothing new is paid with it."),
    "card_currency_differs": ProblemKind(422, "The card pays in another currency than the price's."),
    "card_payment_limit_exceeded": ProblemKind(422, "One payment may not take so much from this card."),
    "card_day_limit_exceeded": ProblemKind(422, "More than may be paid with this card in 24 hours."),
    "card_limit_in_use": ProblemKind(409, "More than the lower limit was paid in the last 24 hours."),
    "card_limits_out_of_range": ProblemKind(422, "The limits are above those that a card may have."),
    "sources_of_two_banks": ProblemKind(422, "A payment asks one bank at most."),
    "return_url_refused": ProblemKind(422, "A browser is sent back to an https address only."),
    "bank_signature_wrong": ProblemKind(403, "This is not signed with the secret of the bank."),
    "instruction_being_sent": ProblemKind(409, "The instruction is on its way to the bank; look again soon."),
    "instruction_ended": ProblemKind(409, "The bank has decided about the instruction."),
    "bank_unavailable": ProblemKind(503, "The bank gave no usable answer; send the same request again."),
}
