-- The wallets of people and shops. Balances are accounts of the book; here is what the book does not know.

-- table: wallet sharded by party
CREATE TABLE wallet (
    party uuid NOT NULL,
    currency text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('person', 'shop')),
    state text NOT NULL CHECK (state IN ('open', 'frozen')),
    level text NOT NULL CHECK (level IN ('basic', 'verified', 'full')),
    freeze_id uuid,
    opened_ns bigint NOT NULL,
    PRIMARY KEY (party, currency)
);

ALTER TABLE wallet ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON wallet TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON wallet FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY holder ON wallet FOR SELECT TO karez_person
    USING (party = nullif(current_setting('app.party', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE ON wallet TO karez_bookkeeper;

GRANT SELECT ON wallet TO karez_operator, karez_jobs, karez_person;
