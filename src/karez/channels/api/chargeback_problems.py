"""The reasons for which something about chargebacks is refused."""

from karez.channels.api.problem_kind import ProblemKind

CHARGEBACKS: dict[str, ProblemKind] = {
    "chargeback_not_found": ProblemKind(404, "There is no such chargeback that you may see."),
    "chargeback_open_already": ProblemKind(409, "The trade has a chargeback that is not decided yet."),
    "chargeback_state_wrong": ProblemKind(409, "The chargeback's state does not know this action."),
    "chargeback_answer_awaited": ProblemKind(409, "The shop may still answer the chargeback."),
    "chargeback_clearing_missing": ProblemKind(
        409, "The bank has no account that a chargeback is paid into."
    ),
    "chargeback_too_late": ProblemKind(409, "The time to answer the chargeback is over."),
}
