-- Payments for which a bank was asked, while it is asked and afterwards.

-- asked is the operation that reserved the other legs: the ids of these reservations derive from it.
-- table: payment_attempt sharded by trade
CREATE TABLE payment_attempt (
    trade uuid NOT NULL,
    instruction uuid NOT NULL,
    payer uuid NOT NULL,
    asked uuid NOT NULL,
    legs text NOT NULL,
    bank_leg integer NOT NULL,
    limited boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('asked', 'paid', 'declined')),
    code text NOT NULL,
    asked_ns bigint NOT NULL,
    ended_ns bigint,
    PRIMARY KEY (trade, instruction),
    CHECK ((state = 'asked') = (ended_ns IS NULL))
);

ALTER TABLE payment_attempt ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON payment_attempt TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON payment_attempt FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY payer ON payment_attempt FOR SELECT TO karez_person
    USING (payer = nullif(current_setting('app.party', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE ON payment_attempt TO karez_bookkeeper;

GRANT SELECT ON payment_attempt TO karez_operator, karez_jobs, karez_person;
