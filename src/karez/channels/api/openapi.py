"""The OpenAPI 3.1 document, made from what stands beside each handler.

Bodies and answers are described by msgspec from the very types that decode and encode them, so the document
cannot promise what the code does not do.

Source: OpenAPI Specification 3.1.1; JSON Schema 2020-12; RFC 9457 for refusals.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from litestar.handlers import HTTPRouteHandler

from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.openapi_schemas import Schemas, properties_of
from karez.channels.api.problem_kinds import PROBLEM_KINDS
from karez.channels.api.problems import MEDIA_TYPE, ProblemDetails, title_of
from karez.parties.roles import Permission

Json = dict[str, Any]

_PARAMETER = re.compile(r"{(\w+):(\w+)}")
_ALL_HEADERS = ("X-Request-Id",)
_CALLER_HEADERS = ("RateLimit-Policy", "RateLimit")
_STATUS_HEADERS = {
    401: ("WWW-Authenticate",),
    403: ("WWW-Authenticate",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}
_HEADERS = {
    "X-Request-Id": "Name this id when you report trouble.",
    "RateLimit-Policy": "What this credential may ask for: `q` within `w` seconds.",
    "RateLimit": "What is left of it: `r`, full again in `t` seconds.",
    "WWW-Authenticate": "What is missing.",
    "Retry-After": "Seconds to wait before the request is repeated.",
    "Location": "Where the new thing is.",
}
_DESCRIPTION = """\
Karez keeps one double-entry book for many institutions. An account counts in one unit; a transfer moves an amount
from one account to another; nothing is ever changed, only added.

Amounts are whole minor units. Ids are UUIDs that you make yourself, best of version 7: sending the same request
again is always safe. Moments are RFC 3339 in UTC with nanoseconds. Refusals are RFC 9457 problem details whose
`code` is stable. Unknown fields are refused.
"""


def openapi_document(handlers: Iterable[HTTPRouteHandler], version: str) -> Json:
    """Describe all routes.

    Args:
        handlers: Each with its ``Documentation``.
        version: Of the API.
    """
    documented: list[tuple[HTTPRouteHandler, Documentation]] = [
        (handler, handler.opt[KEY]) for handler in handlers
    ]
    schemas = Schemas([ProblemDetails, *_types(documentation for _, documentation in documented)])
    paths: dict[str, Json] = defaultdict(dict)
    for handler, documentation in documented:
        (path,), (method,) = handler.paths, handler.http_methods
        template = _PARAMETER.sub(r"{\1}", path)
        paths[template][method.lower()] = _operation(documentation, path, schemas)
    return {
        "openapi": "3.1.1",
        "info": {
            "title": "Karez",
            "version": version,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name} for name in dict.fromkeys(each.topic for _, each in documented)],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "headers": {
                name: {"description": text, "schema": {"type": "string"}} for name, text in _HEADERS.items()
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "bearerFormat": "kz_{id}_{secret}"}
            },
        },
    }


def _types(documentations: Iterable[Documentation]) -> Iterable[Any]:
    for documentation in documentations:
        if documentation.body is not None:
            yield documentation.body.type
        yield from (answer.type for answer in documentation.answers.values() if answer.type is not None)


def _operation(documentation: Documentation, path: str, schemas: Schemas) -> Json:
    operation: Json = {
        "operationId": documentation.name,
        "tags": [documentation.topic],
        "summary": documentation.summary,
        "parameters": [*_path_parameters(path), *_query_and_headers(documentation)],
        "responses": _responses(documentation, path, schemas),
    }
    if documentation.description:
        operation["description"] = documentation.description
    if documentation.access != "public":
        scope = [str(documentation.access)] if isinstance(documentation.access, Permission) else []
        operation["security"] = [{"token": scope}]
    if documentation.body is not None:
        content: Json = {"schema": schemas.of(documentation.body.type), "example": documentation.body.example}
        operation["requestBody"] = {
            "required": documentation.body.is_required,
            "content": {"application/json": content},
        }
    elif documentation.file_types:
        file: Json = {"schema": {"type": "string", "format": "binary"}}
        operation["requestBody"] = {
            "required": True,
            "content": dict.fromkeys(documentation.file_types, file),
        }
    return operation


def _path_parameters(path: str) -> list[Json]:
    formats: dict[str, Json] = {
        "uuid": {"type": "string", "format": "uuid"},
        "str": {"type": "string", "pattern": "^[A-Za-z0-9_]{1,80}$"},
        "int": {"type": "integer", "minimum": 1, "maximum": 2**31 - 1},
    }
    return [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", **formats[kind]}}
        for name, kind in _PARAMETER.findall(path)
    ]


def _query_and_headers(documentation: Documentation) -> list[Json]:
    parameters: list[Json] = []
    if documentation.query is not None:
        parameters += [
            {"name": name, "in": "query", "required": False, "schema": schema}
            for name, schema in properties_of(documentation.query.type).items()
        ]
    parameters += [
        {
            "name": header.name,
            "in": "header",
            "required": header.required,
            "description": header.description,
            "schema": header.schema,
        }
        for header in documentation.headers
    ]
    return parameters


def refusals_of(documentation: Documentation, path: str) -> tuple[str, ...]:
    """Return the codes of all problems that a route can answer with.

    Args:
        documentation: The route's.
        path: Its template.
    """
    codes = ["internal_error", *documentation.refusals]
    if documentation.access != "public":
        codes += ["credential_missing", "credential_invalid", "credential_revoked", "credential_expired"]
        codes += ["institution_suspended", "rate_limited", "web_busy"]
    if isinstance(documentation.access, Permission):
        codes.append("permission_missing")
    if documentation.body is not None:
        codes += ["json_malformed", "field_missing", "field_unknown", "field_invalid"]
        codes += ["request_malformed", "body_too_large", "content_type_unsupported"]
    if documentation.file_types:
        codes += ["request_malformed", "body_too_large"]
    if documentation.query is not None:
        codes += ["field_unknown", "field_invalid"]
    if "{" in path:
        codes.append("not_found")
    return tuple(dict.fromkeys(codes))


def _responses(documentation: Documentation, path: str, schemas: Schemas) -> Json:
    responses = {
        str(status): _answer(documentation, answer, schemas)
        for status, answer in documentation.answers.items()
    }
    by_status: dict[int, list[str]] = defaultdict(list)
    for code in refusals_of(documentation, path):
        by_status[PROBLEM_KINDS[code].status].append(code)
    for status, codes in sorted(by_status.items()):
        examples = {code: {"value": _example_problem(code)} for code in codes}
        responses[str(status)] = {
            "description": "Refused: " + ", ".join(f"`{code}`" for code in codes),
            "headers": _headers(*_ALL_HEADERS, *_STATUS_HEADERS.get(status, ())),
            "content": {
                MEDIA_TYPE.decode(): {"schema": schemas.of(ProblemDetails), "examples": examples},
            },
        }
    return responses


def _answer(documentation: Documentation, answer: Answer, schemas: Schemas) -> Json:
    names = _ALL_HEADERS if documentation.access == "public" else (*_ALL_HEADERS, *_CALLER_HEADERS)
    response: Json = {"description": answer.description, "headers": _headers(*names)}
    if answer.type is not None:
        content: Json = {"schema": schemas.of(answer.type)}
        if answer.example is not None:
            content["example"] = answer.example
        response["content"] = {answer.media_type: content}
    if answer.links:
        response["links"] = {
            link.name: {"operationId": link.operation, "parameters": dict(link.parameters)}
            for link in answer.links
        }
    return response


def _headers(*names: str) -> Mapping[str, Json]:
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


def _example_problem(code: str) -> Json:
    kind = PROBLEM_KINDS[code]
    details = ProblemDetails(
        type=f"/problems/{code}", title=title_of(code), status=kind.status, detail=kind.meaning, code=code
    )
    return dict(msgspec.to_builtins(details))
