"""The reasons for which an exchange between currencies is refused."""

from karez.channels.api.problem_kind import ProblemKind

EXCHANGE: dict[str, ProblemKind] = {
    "bank_needed": ProblemKind(403, "Only an institution of the kind bank can do this."),
    "exchange_not_open": ProblemKind(422, "These currencies are not exchanged here."),
    "exchange_not_combined": ProblemKind(422, "An exchange pays a trade alone; ask for a quote."),
    "exchange_pair_out_of_range": ProblemKind(422, "A pair's margin or the time of its quotes cannot be."),
    "exchange_rate_out_of_range": ProblemKind(422, "A rate's currencies, prices or decimals cannot be."),
    "exchange_rate_expired": ProblemKind(422, "The rate ends before it begins."),
    "exchange_rate_missing": ProblemKind(409, "No bank gives a rate for these currencies just now."),
    "exchange_quote_not_found": ProblemKind(404, "There is no such quote for you."),
    "exchange_quote_used": ProblemKind(409, "The quote has been paid by already; ask for a new one."),
    "exchange_quote_expired": ProblemKind(409, "The quote does not hold any more; ask for a new one."),
    "exchange_limit_exceeded": ProblemKind(409, "The bank lets Karez sell no more of this currency for now."),
    "exchange_return_limited": ProblemKind(
        409, "The bank lets Karez sell too little of the payer's currency to give it back for now."
    ),
    "exchange_limit_in_use": ProblemKind(409, "More than the new limit is sold and not delivered yet."),
}
