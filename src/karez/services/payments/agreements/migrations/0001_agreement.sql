-- What payers let shops deduct, and what became of each period.

-- table: agreement sharded by id
CREATE TABLE agreement (
    id uuid PRIMARY KEY,
    payer uuid NOT NULL,
    shop uuid NOT NULL,
    reference text,
    title text NOT NULL,
    currency text NOT NULL,
    amount_max_minor bigint NOT NULL CHECK (amount_max_minor > 0),
    fixed_minor bigint CHECK (fixed_minor BETWEEN 1 AND amount_max_minor),
    count_max integer CHECK (count_max > 0),
    sum_max_minor bigint CHECK (sum_max_minor > 0),
    period_unit text NOT NULL CHECK (period_unit IN ('day', 'week', 'month')),
    period_every integer NOT NULL CHECK (period_every > 0),
    period_day integer,
    zone text NOT NULL,
    first_day date NOT NULL,
    notice_days integer NOT NULL CHECK (notice_days >= 0),
    valid_until_ns bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'paused', 'unsigned', 'ended')),
    deducted_count integer NOT NULL CHECK (deducted_count >= 0),
    deducted_minor bigint NOT NULL CHECK (deducted_minor >= 0),
    last_period integer NOT NULL CHECK (last_period >= -1),
    attempt integer NOT NULL CHECK (attempt >= 0),
    due_ns bigint,
    notice_ns bigint,
    signed_ns bigint NOT NULL,
    ended_ns bigint,
    CHECK (deducted_count <= count_max),
    CHECK (deducted_minor <= sum_max_minor),
    CHECK (due_ns IS NULL OR (state = 'active' AND fixed_minor IS NOT NULL)),
    CHECK (notice_ns IS NULL OR due_ns IS NOT NULL),
    CHECK ((state IN ('unsigned', 'ended')) = (ended_ns IS NOT NULL))
);

CREATE INDEX agreement_by_payer ON agreement (payer, signed_ns DESC);

CREATE INDEX agreement_by_shop ON agreement (shop, signed_ns DESC);

CREATE INDEX agreement_due ON agreement (due_ns) WHERE due_ns IS NOT NULL;

CREATE INDEX agreement_notice ON agreement (notice_ns) WHERE notice_ns IS NOT NULL;

CREATE INDEX agreement_valid ON agreement (valid_until_ns) WHERE state IN ('active', 'paused');

-- table: agreement_deduction sharded by agreement
CREATE TABLE agreement_deduction (
    agreement uuid NOT NULL REFERENCES agreement (id),
    period integer NOT NULL CHECK (period >= 0),
    payer uuid NOT NULL,
    shop uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('paid', 'failed')),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    trade uuid,
    reason text,
    made_ns bigint NOT NULL,
    PRIMARY KEY (agreement, period),
    CHECK ((state = 'paid') = (trade IS NOT NULL)),
    CHECK ((state = 'failed') = (reason IS NOT NULL))
);

ALTER TABLE agreement ENABLE ROW LEVEL SECURITY;

ALTER TABLE agreement_deduction ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON agreement TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON agreement_deduction TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON agreement FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON agreement_deduction FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY parties_to_it ON agreement FOR SELECT TO karez_person
    USING (nullif(current_setting('app.party', true), '')::uuid IN (payer, shop));

CREATE POLICY parties_to_it ON agreement_deduction FOR SELECT TO karez_person
    USING (nullif(current_setting('app.party', true), '')::uuid IN (payer, shop));

GRANT SELECT, INSERT, UPDATE ON agreement TO karez_bookkeeper;

GRANT SELECT, INSERT ON agreement_deduction TO karez_bookkeeper;

GRANT SELECT ON agreement, agreement_deduction TO karez_operator, karez_jobs, karez_person;
