"""The reasons for which something about reconciliation is refused."""

from karez.channels.api.problem_kind import ProblemKind

RECONCILIATION: dict[str, ProblemKind] = {
    "bank_file_malformed": ProblemKind(
        422, "The bank's file breaks the rules of its format; the facts name the line or entry."
    ),
    "bank_file_too_large": ProblemKind(422, "The bank's file is larger than can be read; send it in parts."),
    "bank_message_unknown": ProblemKind(422, "The file is no account statement of a known form and version."),
    "statement_not_balanced": ProblemKind(
        422,
        "The entries do not lead from the opening to the closing balance; ask the bank for the whole file.",
    ),
    "statements_missing": ProblemKind(409, "The bank has sent no statement of a whole day yet; import one."),
    "reconciliation_job_not_found": ProblemKind(404, "There is no such import or run that you may see."),
    "break_not_found": ProblemKind(404, "There is no such break at this bank; list its queue."),
    "break_state_wrong": ProblemKind(409, "The break is in another state; read it again."),
    "action_not_allowed": ProblemKind(422, "This is nothing to do about such a break; it names what is."),
    "action_does_not_fit": ProblemKind(422, "The action does not fit the amounts; choose another one."),
    "note_too_long": ProblemKind(422, "A note has 500 printable characters at most."),
    "second_person_needed": ProblemKind(
        403, "Who proposed it does not decide it, with whichever credential; ask another person."
    ),
    "person_needed": ProblemKind(
        403, "Persons decide this; use a credential that was issued to a member of the staff."
    ),
    "person_left": ProblemKind(403, "Whom the credential was issued to works there no longer."),
    "bank_not_linked": ProblemKind(422, "Karez does not talk to this bank in this currency; link it first."),
    "instruction_ended": ProblemKind(409, "The instruction has ended; there is nothing to wait for."),
    "instruction_being_sent": ProblemKind(409, "The instruction is on its way to the bank; try in a moment."),
    "instruction_not_flagged": ProblemKind(409, "The instruction is not ended and waiting for people."),
}
