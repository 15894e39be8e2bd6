"""Every reason for which the API says no, as data: its code, its HTTP status, and what it means.

A code that is missing here is answered with 422 if the request was wrong, with 503 if Karez was not able.
"""

from karez.channels.api.card_problems import CARDS
from karez.channels.api.chargeback_problems import CHARGEBACKS
from karez.channels.api.exchange_problems import EXCHANGE
from karez.channels.api.fraud_problems import FRAUD
from karez.channels.api.payment_problems import PAYMENTS
from karez.channels.api.problem_kind import ProblemKind
from karez.channels.api.qr_problems import QR
from karez.channels.api.reconciliation_problems import RECONCILIATION
from karez.channels.api.settlement_problems import SETTLEMENT
from karez.channels.api.trade_problems import TRADES
from karez.channels.api.webhook_problems import WEBHOOKS
from karez.ledger.model import Status
from karez.ledger.sentences import SENTENCES

REJECTED_STATUS = 422
UNAVAILABLE_STATUS = 503

_USED_IDS = frozenset(
    {status for status in Status if status.code.startswith("exists_with_different_")}
    | {Status.ID_ALREADY_FAILED}
)

_TRANSFERS = {
    status.code: ProblemKind(409 if status in _USED_IDS else 422, sentence)
    for status, sentence in SENTENCES.items()
    if status is not Status.EXISTS
}

_REQUESTS = {
    "json_malformed": ProblemKind(400, "The body is not JSON; the facts name the position in bytes."),
    "field_missing": ProblemKind(400, "A field that the request needs is not there; the facts name it."),
    "field_unknown": ProblemKind(400, "The request has a field that does not exist; the facts name it."),
    "field_invalid": ProblemKind(
        400, "A field has a value outside of what is documented; the facts name it."
    ),
    "columns_uneven": ProblemKind(400, "The lists of a batch in columns are not all as long as its ids."),
    "header_invalid": ProblemKind(
        400, "A header has a value outside of what is documented; the facts name it."
    ),
    "request_malformed": ProblemKind(400, "The request cannot be read; compare it with the documentation."),
    "moment_malformed": ProblemKind(400, "Moments are written like 2026-09-21T14:13:20.123456789Z."),
    "cursor_invalid": ProblemKind(400, "The cursor is not of this list; start again without one."),
    "purpose_missing": ProblemKind(
        400, "Personal data is read for a purpose: name it in the header Purpose."
    ),
    "not_found": ProblemKind(404, "There is nothing at this address."),
    "method_not_allowed": ProblemKind(405, "This address takes other methods; see the header Allow."),
    "body_too_large": ProblemKind(413, "The body has more bytes than this address takes; send it in parts."),
    "content_type_unsupported": ProblemKind(415, "Bodies are sent as application/json."),
    "rate_limited": ProblemKind(
        429, "The credential has used up its allowance; the header RateLimit tells it."
    ),
}

_CALLERS = {
    "credential_missing": ProblemKind(401, "Send the header Authorization: Bearer kz_... with your token."),
    "credential_invalid": ProblemKind(401, "The token is not known; check that it was copied whole."),
    "credential_revoked": ProblemKind(401, "The token was revoked; issue a new one."),
    "credential_expired": ProblemKind(401, "The token has expired; use its successor or issue a new one."),
    "institution_suspended": ProblemKind(403, "The institution is suspended; ask the operator."),
    "permission_missing": ProblemKind(403, "The credential lacks the permission that the facts name."),
    "institution_needed": ProblemKind(403, "Only the credential of an institution can do this."),
    "party_needed": ProblemKind(
        403, "This is for a party: it asks itself, or is named; the sentence tells which."
    ),
    "institution_not_yours": ProblemKind(403, "Only the operator can do this for another institution."),
    "scope_not_given_here": ProblemKind(403, "Only the operator's own credentials can have this scope."),
}

_THINGS = {
    "account_not_found": ProblemKind(404, "The account does not exist or is not yours."),
    "transfer_not_found": ProblemKind(404, "The transfer does not exist or is not yours."),
    "operation_not_found": ProblemKind(404, "The operation was never carried out or is not yours."),
    "credential_unknown": ProblemKind(404, "The credential does not exist or is not yours."),
    "party_unknown": ProblemKind(404, "The party does not exist, or you have no right to see it."),
    "consent_unknown": ProblemKind(404, "The party gave no such consent."),
    "institution_unknown": ProblemKind(404, "There is no institution with this number."),
    "account_exists": ProblemKind(409, "An account with this id exists; read it, or use a new id."),
    "row_exists": ProblemKind(409, "What the request adds exists already; read it first."),
    "row_state_changed": ProblemKind(409, "Another request came first; read the present state again."),
    "party_exists": ProblemKind(409, "A party with this id is registered already."),
    "phone_taken": ProblemKind(409, "The phone belongs to a registered party; ask its owner to sign in."),
    "email_taken": ProblemKind(409, "The email belongs to a registered party; ask its owner to sign in."),
    "document_taken": ProblemKind(
        409, "The document belongs to a registered party; ask its owner to sign in."
    ),
    "consent_exists": ProblemKind(409, "A consent with this id is recorded already."),
    "institution_code_taken": ProblemKind(409, "Another institution has this code; choose another one."),
    "credential_not_replaceable": ProblemKind(409, "Only a live credential without a successor is rotated."),
}

_REFUSALS = {
    "id_used_for_another_request": ProblemKind(422, "The Idempotency-Key was used for another request."),
    "account_id_reserved": ProblemKind(422, "The ids with all bits clear or set are reserved."),
    "account_code_out_of_range": ProblemKind(422, "An account's code is a number from 1 to 65535."),
    "account_flags_unknown": ProblemKind(422, "The account's flags contain a bit that has no meaning."),
    "account_flags_exclusive": ProblemKind(422, "An account can limit its debits or its credits, not both."),
    "account_user_data_out_of_range": ProblemKind(422, "User data is a number from 0 to 2**63 - 1."),
    "unit_not_found": ProblemKind(422, "There is no unit with this number; the operator creates units."),
    "institution_not_found": ProblemKind(422, "There is no institution with this number."),
    "row_refused": ProblemKind(422, "The database refused a value; the sentence names the rule."),
    "institution_code_malformed": ProblemKind(422, "A code is lower-case letters, digits and inner hyphens."),
    "institution_kind_unknown": ProblemKind(422, "There is no such kind of institution."),
    "permission_unknown": ProblemKind(422, "There is no such scope; the sentence lists those that exist."),
    "expiry_in_the_past": ProblemKind(422, "A credential's expiry lies in the future; choose a later one."),
    "name_malformed": ProblemKind(422, "A name has 1 to 200 printable characters."),
    "phone_malformed": ProblemKind(422, "A phone number is international, like +86 138 0013 8000."),
    "email_malformed": ProblemKind(422, "An email address is complete, like ana@example.org."),
    "document_malformed": ProblemKind(
        422, "A document has its country and number, like CN:11010519491231002X."
    ),
    "consent_without_scope": ProblemKind(422, "A consent names what may be used."),
    "consent_without_parties": ProblemKind(422, "The party or the institution does not exist."),
}

_OUTAGES = {
    "bookkeeper_busy": ProblemKind(503, "The book has more work than it can queue; repeat as it is, soon."),
    "bookkeeper_unreachable": ProblemKind(503, "Nothing has happened; repeat the request as it is."),
    "outcome_unknown": ProblemKind(503, "Whether it was done is not known; repeat it as it is to learn."),
    "book_not_writable": ProblemKind(503, "The database cannot commit; nothing has happened."),
    "web_busy": ProblemKind(503, "This process has more requests waiting than it may; repeat shortly."),
    "not_ready": ProblemKind(503, "A part that Karez stands on does not answer; the facts name it."),
    "database_failed": ProblemKind(500, "A defect in Karez or in the database; please report it."),
    "internal_error": ProblemKind(500, "A defect in Karez; please report it with the request id."),
}

PROBLEM_KINDS: dict[str, ProblemKind] = {
    **_REQUESTS,
    **_CALLERS,
    **_THINGS,
    **_REFUSALS,
    **_TRANSFERS,
    **PAYMENTS,
    **SETTLEMENT,
    **RECONCILIATION,
    **EXCHANGE,
    **CHARGEBACKS,
    **FRAUD,
    **CARDS,
    **TRADES,
    **WEBHOOKS,
    **QR,
    **_OUTAGES,
}
