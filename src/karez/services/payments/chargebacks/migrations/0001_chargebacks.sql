-- What banks and the operator take back from shops for their customers.

-- The number counts the chargebacks of a trade, of which the last one alone may be undecided.
-- table: chargeback sharded by trade
CREATE TABLE chargeback (
    trade uuid NOT NULL,
    number integer NOT NULL CHECK (number > 0),
    id uuid NOT NULL,
    reference text NOT NULL,
    shop uuid NOT NULL,
    buyer uuid NOT NULL,
    bank integer,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    reason text NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'represented', 'won', 'lost')),
    evidence text,
    file_sha256 text,
    decision_reason text,
    due_ns bigint,
    opened_ns bigint NOT NULL,
    decided_ns bigint,
    PRIMARY KEY (trade, number),
    CHECK ((state = 'open') = (due_ns IS NOT NULL)),
    CHECK ((state IN ('won', 'lost')) = (decided_ns IS NOT NULL))
);

CREATE INDEX chargeback_by_id ON chargeback (id);

CREATE INDEX chargeback_due ON chargeback (due_ns) WHERE due_ns IS NOT NULL;

CREATE INDEX chargeback_by_shop ON chargeback (shop, opened_ns DESC);

CREATE INDEX chargeback_won ON chargeback (shop, decided_ns) WHERE state = 'won';

ALTER TABLE chargeback ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON chargeback TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON chargeback FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY shop ON chargeback FOR SELECT TO karez_person
    USING (shop = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY bank ON chargeback FOR SELECT TO karez_institution
    USING (bank = nullif(current_setting('app.institution', true), '')::integer);

GRANT SELECT, INSERT, UPDATE ON chargeback TO karez_bookkeeper;

GRANT SELECT ON chargeback TO karez_operator, karez_jobs, karez_person, karez_institution;
