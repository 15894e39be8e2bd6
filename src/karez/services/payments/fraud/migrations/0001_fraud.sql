-- What is judged about payments before they happen. Only the operator sees it: who is judged must not learn the rules.

-- Each version of each rule; the highest one counts. A rule without any row is as the program has it.
-- table: fraud_rule reference
CREATE TABLE fraud_rule (
    name text NOT NULL,
    version integer NOT NULL CHECK (version > 0),
    rule text NOT NULL,
    active boolean NOT NULL,
    note text NOT NULL,
    changed_ns bigint NOT NULL,
    PRIMARY KEY (name, version)
);

-- Whom to stop, or not to count, until when. The key is the kind's first letter (p, c, d, s) and then a party's id, or
-- the fingerprint of a card or device.
-- table: fraud_list reference
CREATE TABLE fraud_list (
    key bytea PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('person', 'card', 'device', 'shop')),
    verdict text NOT NULL CHECK (verdict IN ('block', 'allow')),
    reason text NOT NULL,
    until_ns bigint,
    changed_ns bigint NOT NULL
);

CREATE INDEX fraud_list_by_time ON fraud_list (changed_ns);

-- What was decided; never changed. The key also finds a person's latest. Each payment asks it by four things at once, so
-- it stays on one machine. Vacuumed by number of new rows, not by share: then the latest, too, are read from an index
-- alone.
-- table: fraud_decision local
CREATE TABLE fraud_decision (
    person uuid NOT NULL,
    at_ns bigint NOT NULL,
    id uuid NOT NULL,
    shop uuid NOT NULL,
    card bytea,
    device bytea,
    amount_minor bigint NOT NULL,
    score_bps integer,
    outcome text NOT NULL CHECK (outcome IN ('allow', 'challenge', 'refuse')),
    currency text NOT NULL,
    reasons text NOT NULL,
    PRIMARY KEY (person, at_ns, id)
) WITH (autovacuum_vacuum_insert_scale_factor = 0, autovacuum_vacuum_insert_threshold = 20000);

CREATE INDEX fraud_decision_by_card ON fraud_decision (card, at_ns) WHERE card IS NOT NULL;

CREATE INDEX fraud_decision_by_device ON fraud_decision (device, at_ns) WHERE device IS NOT NULL;

-- The only one with thousands of rows a day under one value.
CREATE INDEX fraud_decision_by_shop ON fraud_decision (shop, at_ns) INCLUDE (outcome, currency, amount_minor);

-- Whether somebody has paid to a shop, or with a device, before.
CREATE INDEX fraud_decision_known_shop ON fraud_decision (person, shop) WHERE outcome = 'allow';

CREATE INDEX fraud_decision_known_device ON fraud_decision (person, device)
    WHERE outcome = 'allow' AND device IS NOT NULL;

-- What the operator looks through.
CREATE INDEX fraud_decision_stopped ON fraud_decision (at_ns) WHERE outcome <> 'allow';

ALTER TABLE fraud_rule ENABLE ROW LEVEL SECURITY;

ALTER TABLE fraud_list ENABLE ROW LEVEL SECURITY;

ALTER TABLE fraud_decision ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON fraud_rule TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON fraud_list TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON fraud_decision TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON fraud_rule FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON fraud_list FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON fraud_decision FOR SELECT TO karez_operator, karez_jobs USING (true);

GRANT SELECT, INSERT ON fraud_rule, fraud_decision TO karez_bookkeeper;

GRANT SELECT, INSERT, UPDATE ON fraud_list TO karez_bookkeeper;

GRANT SELECT ON fraud_rule, fraud_list, fraud_decision TO karez_operator, karez_jobs;
