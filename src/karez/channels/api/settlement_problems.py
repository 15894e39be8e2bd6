"""The reasons for which something about settlement and payouts is refused."""

from karez.channels.api.problem_kind import ProblemKind

SETTLEMENT: dict[str, ProblemKind] = {
    "calendar_not_found": ProblemKind(404, "There is no such business calendar; list those that exist."),
    "calendar_name_malformed": ProblemKind(422, "A calendar's name is of letters, digits and underscores."),
    "calendar_reserved": ProblemKind(409, "This calendar comes with Karez; enter yours under another name."),
    "calendar_closed": ProblemKind(422, "The calendar has no business day within a year; correct it."),
    "zone_unknown": ProblemKind(422, "There is no such time zone; use a name such as Asia/Shanghai."),
    "shop_needed": ProblemKind(422, "This is for shops only; the party is a person."),
    "fee_terms_incomplete": ProblemKind(422, "One of the terms must be for all other categories."),
    "fee_terms_repeated": ProblemKind(422, "Two of the terms are for the same category."),
    "fee_terms_out_of_range": ProblemKind(422, "A rate, a fixed part or a limit of the terms cannot be."),
    "fee_plan_in_the_past": ProblemKind(422, "A fee plan is for payments to come; name a later moment."),
    "fee_plan_exists": ProblemKind(409, "A fee plan begins at this moment already."),
    "settlement_account_not_found": ProblemKind(404, "Nothing is settled in this currency here yet."),
    "settlement_batch_not_found": ProblemKind(404, "There is no such settlement batch that you may see."),
    "bank_account_malformed": ProblemKind(422, "The account number or BIC is not one; copy it again."),
    "bank_account_exists": ProblemKind(409, "The shop has registered this account already."),
    "bank_account_not_found": ProblemKind(404, "The shop has no such bank account."),
    "bank_field_refused": ProblemKind(
        422, "A name or number cannot be written into a bank file; shorten it."
    ),
    "payout_bank_not_found": ProblemKind(422, "No payouts are made through this institution."),
    "payout_not_found": ProblemKind(404, "There is no such payout that you may see."),
    "payout_state_wrong": ProblemKind(409, "The payout's state does not know this; the facts name it."),
    "payout_file_not_found": ProblemKind(404, "There is no such payout file that you may see."),
    "statement_day_open": ProblemKind(422, "A statement is of a day that is over; choose an earlier one."),
    "statement_too_long": ProblemKind(
        422, "The day has more entries than one statement; read them in pages."
    ),
}
