from karez.storage.database import Database, connect
from karez.storage.tenant import as_institution, as_operator


def test_a(database: Database) -> None:
    with connect(database.web) as c:
        with as_operator(c):
            c.execute("insert into institution values (7,'b7','Bank 7','bank','open',1)")
        with as_institution(c, 7):
            assert c.execute(
                "select current_user, current_setting('app.institution'), (select count(*) from institution)"
            ).fetchone() == ("karez_institution", "7", 1)


def test_b(database: Database) -> None:
    with connect(database.web) as c, as_institution(c, 7):
        assert c.execute("select count(*) from institution").fetchone() == (0,)
