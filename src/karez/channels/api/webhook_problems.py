"""The reasons for which requests about webhooks are refused."""

from karez.channels.api.problem_kind import ProblemKind

WEBHOOKS: dict[str, ProblemKind] = {
    "webhook_endpoint_not_found": ProblemKind(404, "The endpoint does not exist or is not yours."),
    "webhook_delivery_not_found": ProblemKind(404, "The endpoint has no such message."),
    "webhook_endpoint_exists": ProblemKind(
        409, "An endpoint with this id exists; if its secret is lost, rotate it."
    ),
    "webhook_endpoint_disabled": ProblemKind(409, "The endpoint is disabled; enable it first."),
    "webhook_endpoints_too_many": ProblemKind(409, "You have as many endpoints as one may; delete one."),
    "webhook_secrets_too_many": ProblemKind(409, "Too many secrets are in their overlap; wait or end them."),
    "webhook_url_refused": ProblemKind(
        422, "Messages go to public addresses on the ports 443 and 80; the facts tell what is wrong."
    ),
}
