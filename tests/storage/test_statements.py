"""An SQL file is cut at the semicolons that end statements, and at no others."""

from karez.storage.statements import split_statements


def test_statements_are_cut_and_comments_left_out() -> None:
    text = """
    -- a comment; with a semicolon and 'a quote
    SELECT 1; /* another; one */ SELECT 2
    ; ;
    SELECT 3 -- at the end; without one
    """
    assert split_statements(text) == ["SELECT 1", "SELECT 2", "SELECT 3"]


def test_semicolons_in_texts_names_and_bodies_end_nothing() -> None:
    statements = [
        "SELECT 'it''s; one' AS \"odd;name\"",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $$ SELECT 1; SELECT 2; $$",
        "DO $body$ BEGIN PERFORM '$$;'; END $body$",
        "SELECT '-- no comment', 7 - 3 / 2",
    ]
    assert split_statements(";\n".join(statements)) == statements


def test_an_empty_file_has_no_statements() -> None:
    assert split_statements("-- nothing yet\n") == []
