"""Every rule of the schema, seen to fail on a table that breaks it."""

import pytest

from karez.storage.database import Database, connect
from karez.storage.migrations import find_migrations
from karez.storage.roles import web_role
from karez.storage.schema_rules import find_schema_violations
from karez.storage.table_kinds import TableKind, declared_kinds

PLANTED_KINDS = {
    "plant": TableKind("sharded", "account"),
    "pot": TableKind("sharded", "account"),
    "list": TableKind("reference"),
    "note": TableKind("local"),
}
PLANT = "CREATE TABLE plant (account int, id int, PRIMARY KEY (account, id))"
NOTE = "CREATE TABLE note (id int PRIMARY KEY)"
GUARDED_PLANT = (
    "CREATE TABLE plant (account int PRIMARY KEY, institution int)",
    "ALTER TABLE plant ENABLE ROW LEVEL SECURITY",
    "CREATE POLICY own ON plant TO karez_institution USING (institution = 7)",
)


def violations(database: Database, *statements: str) -> list[str]:
    """The violations that the statements bring in."""
    kinds = {**declared_kinds(find_migrations()), **PLANTED_KINDS}
    with connect(database.owner) as conn:
        before = find_schema_violations(conn, kinds)
        for statement in statements:
            conn.execute(statement.encode())
        return [sentence for sentence in find_schema_violations(conn, kinds) if sentence not in before]


def test_the_schema_of_karez_keeps_every_rule(database: Database) -> None:
    with connect(database.owner) as conn:
        assert find_schema_violations(conn) == []


@pytest.mark.parametrize(
    ("statements", "sentence"),
    [
        pytest.param(
            ("CREATE TABLE stray (id int PRIMARY KEY)",),
            "table stray declares no kind: add '-- table: stray ...' to its migration",
            id="undeclared table",
        ),
        pytest.param(("CREATE TABLE note (id int)",), "table note has no primary key", id="no primary key"),
        pytest.param(
            (
                NOTE,
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
                "CREATE TRIGGER t BEFORE INSERT ON note FOR EACH ROW EXECUTE FUNCTION f()",
            ),
            "table note has the trigger t",
            id="trigger",
        ),
        pytest.param(
            ("CREATE TABLE note (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)",),
            "column note.id takes its value from a sequence",
            id="identity column",
        ),
        pytest.param(
            ("CREATE TABLE note (id serial PRIMARY KEY)",),
            "column note.id takes its value from a sequence",
            id="serial column",
        ),
        pytest.param(
            ("CREATE SEQUENCE numbers",),
            "sequence numbers exists; ids come from the application",
            id="sequence",
        ),
        pytest.param(
            ("CREATE TABLE plant (id int, account int, PRIMARY KEY (id, account))",),
            "unique key plant_pkey of the sharded table plant does not begin with account",
            id="primary key in the wrong order",
        ),
        pytest.param(
            (PLANT, "CREATE UNIQUE INDEX by_id ON plant (id)"),
            "unique key by_id of the sharded table plant does not begin with account",
            id="unique index without the shard column",
        ),
        pytest.param(
            (PLANT, "CREATE UNIQUE INDEX by_sum ON plant ((account + id))"),
            "unique key by_sum of the sharded table plant does not begin with account",
            id="unique index on an expression",
        ),
        pytest.param(
            (NOTE, PLANT, "ALTER TABLE plant ADD CONSTRAINT k FOREIGN KEY (id) REFERENCES note"),
            "foreign key k of plant points to note, which may be on another machine",
            id="foreign key from sharded to local",
        ),
        pytest.param(
            (
                PLANT,
                "CREATE TABLE pot (account int, a int, b int, PRIMARY KEY (account, a))",
                "ALTER TABLE pot ADD CONSTRAINT k FOREIGN KEY (a, b) REFERENCES plant",
            ),
            "foreign key k of pot points to plant, which may be on another machine",
            id="foreign key on another shard column",
        ),
        pytest.param(
            (
                "CREATE TABLE list (account int, id int, PRIMARY KEY (account, id))",
                PLANT,
                "ALTER TABLE list ADD CONSTRAINT k FOREIGN KEY (account, id) REFERENCES plant",
            ),
            "foreign key k of list points to plant, which may be on another machine",
            id="foreign key from reference to sharded",
        ),
        pytest.param(
            (*GUARDED_PLANT, "ALTER TABLE plant FORCE ROW LEVEL SECURITY"),
            "table plant forces row-level security on its owner; enable it only",
            id="forced row security",
        ),
        pytest.param(
            ("CREATE TABLE plant (account int PRIMARY KEY, institution int)",),
            "tenant table plant has no row-level security",
            id="tenant table without row security",
        ),
        pytest.param(
            (
                "CREATE TABLE plant (account int PRIMARY KEY, party uuid)",
                "ALTER TABLE plant ENABLE ROW LEVEL SECURITY",
            ),
            "tenant table plant has no policy",
            id="tenant table without policy",
        ),
        pytest.param(
            (PLANT, "CREATE POLICY own ON plant USING (account = 7)"),
            "table plant has policies but its row-level security is off",
            id="policy switched off",
        ),
        pytest.param(
            (PLANT, "GRANT SELECT, UPDATE ON plant TO karez_person"),
            "plant is granted to karez_person (SELECT, UPDATE) without row-level security",
            id="unguarded table granted to a tenant",
        ),
        pytest.param(
            (PLANT, "GRANT SELECT (id) ON plant TO karez_institution"),
            "plant is granted to karez_institution (SELECT) without row-level security",
            id="unguarded column granted to a tenant",
        ),
        pytest.param(
            ("CREATE TABLE list (id int PRIMARY KEY)", "GRANT SELECT, UPDATE ON list TO karez_person"),
            "list is granted to karez_person (SELECT, UPDATE) without row-level security",
            id="unguarded reference table that tenants write",
        ),
        pytest.param(
            (
                *GUARDED_PLANT,
                "CREATE MATERIALIZED VIEW totals AS SELECT count(*) FROM plant",
                "GRANT SELECT ON totals TO karez_institution",
            ),
            "totals is granted to karez_institution (SELECT) without row-level security",
            id="materialised view granted to a tenant",
        ),
        pytest.param(
            (NOTE, "GRANT SELECT ON note TO PUBLIC"),
            "note is granted to PUBLIC; name the roles",
            id="grant to everybody",
        ),
        pytest.param(
            (*GUARDED_PLANT, "CREATE VIEW plants AS SELECT * FROM plant"),
            "view plants needs WITH (security_invoker = true)",
            id="view as its owner",
        ),
        pytest.param(
            (
                "CREATE TABLE plant (account int, day int, PRIMARY KEY (account, day))"
                " PARTITION BY RANGE (day)",
                "CREATE TABLE plant_1 PARTITION OF plant FOR VALUES FROM (1) TO (2)",
                "GRANT SELECT ON plant_1 TO karez_operator",
            ),
            "partition plant_1 is granted to karez_operator; grant its table only",
            id="partition granted by its own name",
        ),
    ],
)
def test_a_planted_violation_is_found(database: Database, statements: tuple[str, ...], sentence: str) -> None:
    assert sentence in violations(database, *statements)


@pytest.fixture
def extension(database: Database) -> str:
    """An extension of this server with a type of its own name; servers differ in what they have."""
    with connect(database.owner) as conn:
        found = conn.execute(
            "SELECT name FROM pg_available_extensions WHERE name IN ('vector', 'citext', 'hstore')"
        ).fetchone()
    if found is None:
        pytest.skip("this server has no extension to plant")
    return str(found[0])


def test_a_table_that_needs_an_extension_is_found(database: Database, extension: str) -> None:
    table = f"CREATE TABLE note (id int PRIMARY KEY, value {extension})"
    assert violations(database, f"CREATE EXTENSION {extension}", table) == [
        f"note needs the extension {extension}"
    ]


def test_an_installed_extension_that_no_table_uses_is_the_operators_own_business(
    database: Database, extension: str
) -> None:
    assert violations(database, f"CREATE EXTENSION {extension}") == []


def test_tables_in_the_shapes_that_the_rules_allow_are_accepted(database: Database) -> None:
    assert (
        violations(
            database,
            "CREATE TABLE list (id int PRIMARY KEY)",
            "GRANT SELECT ON list TO karez_institution",
            "CREATE TABLE plant (account int, day int, list int REFERENCES list, institution int,"
            " PRIMARY KEY (account, day)) PARTITION BY RANGE (day)",
            "CREATE TABLE plant_1 PARTITION OF plant FOR VALUES FROM (1) TO (2)",
            "CREATE TABLE pot (account int, id int, day int, PRIMARY KEY (account, id),"
            " FOREIGN KEY (account, day) REFERENCES plant)",
            "ALTER TABLE plant ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY own ON plant TO karez_institution USING (institution = 7)",
            "GRANT SELECT, INSERT ON plant TO karez_institution",
            "CREATE VIEW plants WITH (security_invoker = true) AS SELECT * FROM plant",
            "GRANT SELECT ON plants TO karez_institution",
            "CREATE TABLE note (id int PRIMARY KEY)",
            "GRANT INSERT ON note TO karez_institution",
        )
        == []
    )


@pytest.mark.parametrize(
    ("attribute", "fault"),
    [
        ("SUPERUSER", "is a superuser"),
        ("BYPASSRLS", "may bypass row-level security"),
        ("CREATEROLE", "may create roles"),
        ("CREATEDB", "may create databases"),
    ],
)
def test_a_login_role_with_power_over_the_wall_is_found(
    database: Database, attribute: str, fault: str
) -> None:
    with connect(database.owner) as conn:
        role = web_role(conn.info.dbname).name
        found = violations(database, f'ALTER ROLE "{role}" {attribute}')
    assert f"role {role} {fault}" in found


def test_a_login_role_that_owns_a_table_or_acts_as_the_owner_is_found(database: Database) -> None:
    with connect(database.owner) as conn:
        role = web_role(conn.info.dbname).name
        owner = conn.info.user
        assert violations(database, NOTE, f'ALTER TABLE note OWNER TO "{role}"') == [
            f"role {role} owns tables or views"
        ]
        assert f"role {role} may act as the owner of the database" in violations(
            database, f'GRANT "{owner}" TO "{role}"'
        )
