-- Rules are changed as a whole: what holds is the latest version of one set.
DROP TABLE fraud_rule;

-- table: fraud_rule_set reference
CREATE TABLE fraud_rule_set (
    version integer PRIMARY KEY CHECK (version > 0),
    rules text NOT NULL,
    note text NOT NULL,
    changed_by text NOT NULL,
    changed_ns bigint NOT NULL
);

ALTER TABLE fraud_list ADD COLUMN changed_by text NOT NULL DEFAULT '';

-- What customer service is asked about: a stopped payment, by its id.
CREATE INDEX fraud_decision_stopped_id ON fraud_decision (id) WHERE outcome <> 'allow';

-- Payments that their payer has to confirm first. The id is that of the decision.
-- table: fraud_challenge sharded by person
CREATE TABLE fraud_challenge (
    person uuid NOT NULL,
    id uuid NOT NULL,
    shop uuid NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL,
    asked_by text NOT NULL,
    expires_ns bigint NOT NULL,
    confirmed_by text,
    confirmed_ns bigint,
    PRIMARY KEY (person, id),
    CHECK ((confirmed_by IS NULL) = (confirmed_ns IS NULL))
);

ALTER TABLE fraud_rule_set ENABLE ROW LEVEL SECURITY;

ALTER TABLE fraud_challenge ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON fraud_rule_set TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON fraud_challenge TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON fraud_rule_set FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON fraud_challenge FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY payer ON fraud_challenge FOR SELECT TO karez_person
    USING (person = nullif(current_setting('app.party', true), '')::uuid);

GRANT SELECT, INSERT ON fraud_rule_set TO karez_bookkeeper;

GRANT SELECT, INSERT, UPDATE ON fraud_challenge TO karez_bookkeeper;

GRANT SELECT ON fraud_rule_set TO karez_operator, karez_jobs;

GRANT SELECT ON fraud_challenge TO karez_operator, karez_jobs, karez_person;
