"""Cutting an SQL file into statements, because each statement is sent on its own."""

import re

# What may contain a semicolon that ends nothing: PostgreSQL 18 manual, section 4.1. Block comments inside
# block comments and E'' strings with a backslash before a quote are left out; our migrations do without.
_TOKEN = re.compile(
    r"""
      (?P<comment>--[^\n]*|/\*.*?\*/)
    | (?P<text>'(?:[^']|'')*'|"(?:[^"]|"")*"|(?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?P=tag))
    | (?P<end>;)
    | (?P<other>[^-/'"$;]+|.)
    """,
    re.VERBOSE | re.DOTALL,
)


def split_statements(sql_text: str) -> list[str]:
    """Return the statements of an SQL text in order, without comments and final semicolons.

    Args:
        sql_text: Statements separated by semicolons, with standard-conforming strings.
    """
    statements = [""]
    for token in _TOKEN.finditer(sql_text):
        if token["end"]:
            statements.append("")
        elif not token["comment"]:
            statements[-1] += token[0]
        else:
            statements[-1] += " "
    return [statement.strip() for statement in statements if statement.strip()]
