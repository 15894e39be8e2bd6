"""The reference: the OpenAPI document, a page to read it, and what each problem means."""

from typing import Any

import msgspec
from litestar import Response, get
from litestar.params import FromPath

from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.injected import AnyRequest
from karez.channels.api.problem_kinds import PROBLEM_KINDS
from karez.channels.api.problems import title_of
from karez.channels.api.reference_page import CONTENT_SECURITY_POLICY
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.core.outcomes import Rejected


class ProblemExplanation(msgspec.Struct, frozen=True):
    """What a problem means.

    Attributes:
        status: HTTP status with which it comes.
        meaning: What happened and what to do.
    """

    code: str
    title: str
    status: int
    meaning: str


@get(
    "/openapi.json",
    opt={
        KEY: Documentation(
            name="readOpenapi",
            topic="Reference",
            summary="Read this document",
            access="public",
            answers={200: Answer("The document", dict[str, Any])},
        )
    },
)
async def read_openapi(request: AnyRequest) -> Response[bytes]:
    """Return the document, made once at the start."""
    return to_response(Reply(200, request.app.state.openapi))


@get(
    "/docs",
    opt={
        KEY: Documentation(
            name="readDocs",
            topic="Reference",
            summary="Read this document as a page",
            access="public",
            answers={200: Answer("The page", str, None, (), "text/html")},
        )
    },
)
async def read_docs(request: AnyRequest) -> Response[bytes]:
    """Return the page, made once at the start."""
    headers = ((b"content-security-policy", CONTENT_SECURITY_POLICY),)
    return to_response(Reply(200, request.app.state.page, headers, b"text/html"))


@get(
    "/problems/{code:str}",
    opt={
        KEY: Documentation(
            name="explainProblem",
            topic="Reference",
            summary="Explain the code of a problem",
            access="public",
            answers={
                200: Answer(
                    "What it means",
                    ProblemExplanation,
                    {
                        "code": "exceeds_credits",
                        "title": "Exceeds credits",
                        "status": 422,
                        "meaning": PROBLEM_KINDS["exceeds_credits"].meaning,
                    },
                )
            },
        )
    },
)
async def explain_problem(code: FromPath[str]) -> Response[bytes]:
    """Return what a code means."""
    kind = PROBLEM_KINDS.get(code)
    if kind is None:
        raise Rejected("not_found", "There is no problem with this code; see /docs for those that exist.")
    return json_reply(ProblemExplanation(code, title_of(code), kind.status, kind.meaning))


HANDLERS = (read_openapi, read_docs, explain_problem)
