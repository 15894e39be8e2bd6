"""The reasons for which payments are stopped, and for which the operator's changes of rules are refused."""

from karez.channels.api.problem_kind import ProblemKind

FRAUD: dict[str, ProblemKind] = {
    "payment_refused": ProblemKind(
        403, "The payment was stopped; begin another one later, or ask customer service about the decision."
    ),
    "payment_needs_confirmation": ProblemKind(
        403, "The payer has to confirm first: confirm the challenge, then send the same request again."
    ),
    "challenge_not_found": ProblemKind(404, "There is no such challenge of this payer."),
    "challenge_expired": ProblemKind(409, "The time of the challenge is over; begin the payment anew."),
    "challenge_asked_by_you": ProblemKind(
        403, "What has asked for a payment cannot confirm it; use another credential."
    ),
    "challenge_confirmed_before": ProblemKind(409, "The challenge was confirmed before."),
    "fraud_rule_unreadable": ProblemKind(
        503, "A rule of this payment house cannot be read; nothing is paid until its operator replaces it."
    ),
    "fraud_rule_invalid": ProblemKind(422, "A rule could never do what it says; the sentence tells why."),
    "fraud_rules_changed": ProblemKind(409, "Others replaced the rules meanwhile; read them again."),
    "fraud_reason_missing": ProblemKind(422, "A change of rules or lists says why it is made."),
    "fraud_entry_not_found": ProblemKind(404, "Nobody like this is on a list now."),
    "fraud_entry_malformed": ProblemKind(
        422, "An entry names exactly one: a party, a device, or the fingerprint of a card or device."
    ),
    "fraud_decision_not_found": ProblemKind(404, "No payment was stopped by such a decision."),
    "fraud_party_needed": ProblemKind(422, "Payments that were allowed are listed for one party."),
}
