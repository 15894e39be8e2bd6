-- The two lists that every room refers to: who takes part, and in which units is counted.
-- table: institution reference
-- table: unit reference

-- PostgreSQL grants this no more since version 15, but a database that came from an older one still has it.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

CREATE TABLE institution (
    number integer PRIMARY KEY,
    code text NOT NULL UNIQUE,
    name text NOT NULL,
    kind text NOT NULL CHECK (
        kind IN ('operator', 'bank', 'insurer', 'fund_house', 'clinic', 'biller', 'merchant', 'other')
    ),
    state text NOT NULL,
    created_ns bigint NOT NULL
);

-- A unit is a currency ('CNY') or anything else that is scarce ('LIMIT:bank-7'). The exponent is the number of
-- decimal places of the whole unit in minor units, 2 for CNY.
CREATE TABLE unit (
    number integer PRIMARY KEY,
    code text NOT NULL UNIQUE,
    exponent smallint NOT NULL CHECK (exponent BETWEEN 0 AND 18),
    description text NOT NULL,
    created_ns bigint NOT NULL
);

ALTER TABLE institution ENABLE ROW LEVEL SECURITY;
ALTER TABLE unit ENABLE ROW LEVEL SECURITY;

CREATE POLICY everybody_reads ON institution FOR SELECT USING (true);
CREATE POLICY everybody_reads ON unit FOR SELECT USING (true);

-- Institutions and units come into being by the operator's decision, or as rows of an operation in the book.
CREATE POLICY operator_writes ON institution TO karez_operator USING (true) WITH CHECK (true);
CREATE POLICY operator_writes ON unit TO karez_operator USING (true) WITH CHECK (true);
CREATE POLICY bookkeeper_writes ON institution TO karez_bookkeeper USING (true) WITH CHECK (true);
CREATE POLICY bookkeeper_writes ON unit TO karez_bookkeeper USING (true) WITH CHECK (true);

GRANT SELECT ON institution, unit
    TO karez_institution, karez_person, karez_operator, karez_entrance, karez_bookkeeper, karez_jobs;
GRANT INSERT, UPDATE ON institution TO karez_operator, karez_bookkeeper;
GRANT INSERT ON unit TO karez_operator, karez_bookkeeper;
