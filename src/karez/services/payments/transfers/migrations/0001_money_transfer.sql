-- Money that one person sent to another; it moves once and is never changed.

-- table: money_transfer sharded by id
CREATE TABLE money_transfer (
    id uuid PRIMARY KEY,
    payer uuid NOT NULL,
    payee uuid NOT NULL,
    named_by text NOT NULL CHECK (named_by IN ('id', 'phone', 'email')),
    payee_name text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    note text,
    made_ns bigint NOT NULL,
    CHECK (payer <> payee)
);

CREATE INDEX money_transfer_by_payer ON money_transfer (payer, made_ns DESC);

CREATE INDEX money_transfer_by_payee ON money_transfer (payee, made_ns DESC);

ALTER TABLE money_transfer ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON money_transfer TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON money_transfer FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY parties_to_it ON money_transfer FOR SELECT TO karez_person
    USING (nullif(current_setting('app.party', true), '')::uuid IN (payer, payee));

GRANT SELECT, INSERT ON money_transfer TO karez_bookkeeper;

GRANT SELECT ON money_transfer TO karez_operator, karez_jobs, karez_person;
