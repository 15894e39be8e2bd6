"""The OpenAPI document as one page of HTML that needs nothing else: no script, no network."""

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any

Json = dict[str, Any]

_STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
summary { cursor: pointer; padding: .3rem 0; }
details { border-top: 1px solid #8884; }
details > div { padding: 0 0 1rem 1.5rem; }
code, pre { font: .9rem/1.4 ui-monospace, monospace; }
pre { overflow-x: auto; padding: .6rem; background: #8881; }
.method { display: inline-block; width: 4.5rem; font-weight: 700; }
.scope { float: right; opacity: .7; }
td { padding: .1rem 1rem .1rem 0; vertical-align: top; }
"""
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'"
).encode()


def reference_page(document: Json) -> bytes:
    """Show a document.

    Args:
        document: As ``openapi_document`` makes it.
    """
    title = escape(document["info"]["title"])
    introduction = "".join(f"<p>{escape(part)}</p>" for part in document["info"]["description"].split("\n\n"))
    topics = "".join(_topic(document, tag["name"]) for tag in document["tags"])
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title} API</title>'
        '<meta name="viewport" content="width=device-width"><style>'
        + _STYLE
        + f"</style><h1>{title} API</h1>"
        f'{introduction}<p>For programs: <a href="/openapi.json">openapi.json</a>.</p>{topics}</html>'
    ).encode()


def _topic(document: Json, topic: str) -> str:
    shown = "".join(
        _operation(path, method, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if topic in operation["tags"]
    )
    return f"<h2>{escape(topic)}</h2>{shown}"


def _operation(path: str, method: str, operation: Json) -> str:
    scopes = [scope for required in operation.get("security", ()) for scope in required["token"]]
    head = (
        f'<span class="scope">{escape(", ".join(scopes))}</span><span class="method">{method.upper()}</span>'
        f"<code>{escape(path)}</code> {escape(operation['summary'])}"
    )
    return f"<details><summary>{head}</summary><div>{''.join(_parts(operation))}</div></details>"


def _parts(operation: Json) -> Iterator[str]:
    if "description" in operation:
        yield f"<p>{escape(operation['description'])}</p>"
    if operation["parameters"]:
        rows = ((each["name"], each["in"], _words(each)) for each in operation["parameters"])
        yield _table(rows)
    if "requestBody" in operation:
        yield _body(operation["requestBody"]["content"])
    yield _table((status, answer["description"]) for status, answer in operation["responses"].items())
    for answer in operation["responses"].values():
        for content in answer.get("content", {}).values():
            if "example" in content:
                yield "<p>Answer</p>" + _example(content["example"])
                return


def _words(parameter: Json) -> str:
    return str(parameter.get("description") or parameter["schema"].get("description", ""))


def _body(content: Json) -> str:
    if "application/json" in content:
        return "<p>Body</p>" + _example(content["application/json"]["example"])
    return f"<p>Body: a file, as {escape(', '.join(content))}</p>"


def _table(rows: Iterator[tuple[str, ...]]) -> str:
    cells = ("".join(f"<td>{escape(cell)}" for cell in row) for row in rows)
    return "<table>" + "".join(f"<tr>{row}" for row in cells) + "</table>"


def _example(value: object) -> str:
    return f"<pre>{escape(json.dumps(value, indent=2, ensure_ascii=False))}</pre>"
