"""What each route promises, as a value beside its handler: who may call it, what it reads and answers.

The guard admits callers by it, and the OpenAPI document is made from it, so the two cannot disagree.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from karez.channels.api.bodies import Body, Query
from karez.parties.roles import Permission

Access = Permission | Literal["public", "any credential"]


@dataclass(frozen=True, slots=True)
class Link:
    """Where to go on from an answer (OpenAPI "Link Object").

    Attributes:
        name: What for.
        operation: Name of the route that it leads to.
        parameters: Its path parameters, as runtime expressions such as ``$response.body#/id``.
    """

    name: str
    operation: str
    parameters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to an accepted request.

    Attributes:
        description: When it comes.
        type: Its body, a type that msgspec encodes; ``None`` if it has no body.
        example: A body as it may come.
        links: Where to go on.
        media_type: Of the body.
    """

    description: str
    type: Any = None
    example: object = None
    links: tuple[Link, ...] = ()
    media_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Header:
    """A header that a route reads.

    Attributes:
        name: Its name.
        description: What for.
        schema: JSON schema of its value.
        required: Whether it must be there.
    """

    name: str
    description: str
    schema: Mapping[str, object]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Documentation:
    """One route.

    Attributes:
        name: Its name in generated clients.
        topic: The heading under which it is shown.
        summary: What it does, in one line.
        access: The permission that it needs.
        answers: By HTTP status.
        refusals: Codes of the problems that it can answer with, besides those that every route has.
        description: More about it, as CommonMark.
        body: What it reads from the body.
        query: What it reads from the query.
        headers: What it reads from the headers.
        file_types: Media types of the file that is its body, where that is not JSON.
    """

    name: str
    topic: str
    summary: str
    access: Access
    answers: Mapping[int, Answer]
    refusals: tuple[str, ...] = ()
    description: str = ""
    body: Body[Any] | None = None
    query: Query[Any] | None = None
    headers: tuple[Header, ...] = field(default=())
    file_types: tuple[str, ...] = ()


KEY = "documentation"
"""Under which a handler's ``opt`` holds its ``Documentation``."""
