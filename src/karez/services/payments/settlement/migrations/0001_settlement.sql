-- What is agreed with shops, what they got on each day, and how it reached their banks.

-- Calendars of institutions; those that come with Karez are in karez.core.calendars.
-- table: business_calendar reference
CREATE TABLE business_calendar (
    name text PRIMARY KEY,
    zone text NOT NULL,
    exceptions text NOT NULL,
    changed_ns bigint NOT NULL
);

ALTER TABLE business_calendar ENABLE ROW LEVEL SECURITY;

CREATE POLICY everybody_reads ON business_calendar FOR SELECT USING (true);

CREATE POLICY book ON business_calendar TO karez_bookkeeper USING (true) WITH CHECK (true);

GRANT SELECT ON business_calendar TO karez_operator, karez_jobs, karez_institution, karez_person;

GRANT SELECT, INSERT, UPDATE ON business_calendar TO karez_bookkeeper;

-- A plan is never changed and never begins in the past: the lines of a batch are read by it for ever.
-- table: fee_plan sharded by shop
CREATE TABLE fee_plan (
    shop uuid NOT NULL,
    currency text NOT NULL,
    valid_from_ns bigint NOT NULL,
    terms text NOT NULL,
    refund_fee_policy text NOT NULL CHECK (refund_fee_policy IN ('keep', 'proportional')),
    agreed_ns bigint NOT NULL,
    PRIMARY KEY (shop, currency, valid_from_ns)
);

-- Where a shop stands in one currency: what happened before settled_until_ns is in its batches or in carried_minor.
-- table: settlement_account sharded by shop
CREATE TABLE settlement_account (
    shop uuid NOT NULL,
    currency text NOT NULL,
    calendar text NOT NULL,
    bank_account uuid,
    bank integer,
    day date NOT NULL,
    settled_until_ns bigint NOT NULL,
    carried_minor bigint NOT NULL CHECK (carried_minor <= 0),
    due_ns bigint NOT NULL,
    PRIMARY KEY (shop, currency),
    CHECK ((bank_account IS NULL) = (bank IS NULL))
);

CREATE INDEX settlement_account_due ON settlement_account (due_ns);

-- The lines of a batch are not stored: they are what happened to the shop's takings from from_ns up to until_ns.
-- table: settlement_batch sharded by id
CREATE TABLE settlement_batch (
    id uuid PRIMARY KEY,
    shop uuid NOT NULL,
    currency text NOT NULL,
    day date NOT NULL,
    from_ns bigint NOT NULL,
    until_ns bigint NOT NULL CHECK (until_ns > from_ns),
    payments bigint NOT NULL,
    gross_minor bigint NOT NULL CHECK (gross_minor >= 0),
    refunds bigint NOT NULL,
    refunded_minor bigint NOT NULL CHECK (refunded_minor >= 0),
    adjusted_minor bigint NOT NULL,
    fee_minor bigint NOT NULL,
    brought_minor bigint NOT NULL CHECK (brought_minor <= 0),
    paid_minor bigint NOT NULL CHECK (paid_minor >= 0),
    carried_minor bigint NOT NULL CHECK (carried_minor <= 0),
    payout uuid,
    settled_ns bigint NOT NULL,
    CHECK (brought_minor + gross_minor - refunded_minor + adjusted_minor - fee_minor = paid_minor + carried_minor)
);

CREATE INDEX settlement_batch_by_shop ON settlement_batch (shop, until_ns DESC);

-- The number of a bank account is sealed, and found again by its fingerprint: its id derives from that.
-- table: bank_account sharded by id
CREATE TABLE bank_account (
    id uuid PRIMARY KEY,
    shop uuid NOT NULL,
    bank integer NOT NULL,
    holder bytea NOT NULL,
    number bytea NOT NULL,
    number_end text NOT NULL,
    bic text NOT NULL,
    blind_index bytea NOT NULL,
    created_ns bigint NOT NULL
);

CREATE INDEX bank_account_by_shop ON bank_account (shop, created_ns DESC);

CREATE INDEX bank_account_by_number ON bank_account (blind_index);

-- Where Karez has an account from which payouts are made, and when the next file with payouts is made.
-- table: payout_bank reference
CREATE TABLE payout_bank (
    bank integer NOT NULL,
    currency text NOT NULL,
    calendar text NOT NULL,
    holder text NOT NULL,
    account text NOT NULL,
    bic text NOT NULL,
    day date NOT NULL,
    number integer NOT NULL,
    due_ns bigint NOT NULL,
    PRIMARY KEY (bank, currency)
);

-- table: payout_file sharded by id
CREATE TABLE payout_file (
    id uuid PRIMARY KEY,
    bank integer NOT NULL,
    currency text NOT NULL,
    day date NOT NULL,
    number integer NOT NULL,
    payouts integer NOT NULL CHECK (payouts > 0),
    total_minor bigint NOT NULL CHECK (total_minor > 0),
    made_ns bigint NOT NULL
);

CREATE INDEX payout_file_by_bank ON payout_file (bank, currency, day DESC, number DESC);

-- table: payout sharded by id
CREATE TABLE payout (
    id uuid PRIMARY KEY,
    shop uuid NOT NULL,
    batch uuid NOT NULL,
    bank integer NOT NULL,
    bank_account uuid NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    state text NOT NULL CHECK (state IN ('waiting', 'in_file', 'paid', 'returned')),
    file uuid,
    reason text,
    created_ns bigint NOT NULL,
    changed_ns bigint NOT NULL,
    CHECK ((state = 'waiting') = (file IS NULL))
);

CREATE INDEX payout_by_shop ON payout (shop, created_ns DESC);

CREATE INDEX payout_by_file ON payout (file, id) WHERE file IS NOT NULL;

CREATE INDEX payout_waiting ON payout (bank, currency, created_ns, id) WHERE state = 'waiting';

-- The lines of a batch are looked up by what they are.
CREATE INDEX refund_of_takings ON refund (shop, refunded_ns) WHERE taken_from = 'takings';

ALTER TABLE fee_plan ENABLE ROW LEVEL SECURITY;

ALTER TABLE settlement_account ENABLE ROW LEVEL SECURITY;

ALTER TABLE settlement_batch ENABLE ROW LEVEL SECURITY;

ALTER TABLE bank_account ENABLE ROW LEVEL SECURITY;

ALTER TABLE payout_bank ENABLE ROW LEVEL SECURITY;

ALTER TABLE payout_file ENABLE ROW LEVEL SECURITY;

ALTER TABLE payout ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON fee_plan TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON settlement_account TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON settlement_batch TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON bank_account TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON payout_bank TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON payout_file TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON payout TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON fee_plan FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON settlement_account FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON settlement_batch FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON bank_account FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON payout_bank FOR SELECT TO karez_operator, karez_jobs, karez_person USING (true);

CREATE POLICY reading ON payout_file FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON payout FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY shop ON fee_plan FOR SELECT TO karez_person
    USING (shop = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY shop ON settlement_account FOR SELECT TO karez_person
    USING (shop = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY shop ON settlement_batch FOR SELECT TO karez_person
    USING (shop = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY shop ON bank_account FOR SELECT TO karez_person
    USING (shop = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY shop ON payout FOR SELECT TO karez_person
    USING (shop = nullif(current_setting('app.party', true), '')::uuid);

-- A bank sees what it is told to pay.
CREATE POLICY bank ON payout FOR SELECT TO karez_institution
    USING (bank = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY bank ON payout_file FOR SELECT TO karez_institution
    USING (bank = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY bank ON payout_bank FOR SELECT TO karez_institution
    USING (bank = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY bank ON bank_account FOR SELECT TO karez_institution
    USING (bank = nullif(current_setting('app.institution', true), '')::integer);

GRANT SELECT, INSERT ON fee_plan, settlement_batch, bank_account, payout_file TO karez_bookkeeper;

GRANT SELECT, INSERT, UPDATE ON settlement_account, payout, payout_bank TO karez_bookkeeper;

GRANT SELECT ON fee_plan, settlement_account, settlement_batch, bank_account, payout_bank, payout_file, payout
    TO karez_operator, karez_jobs;

GRANT SELECT ON fee_plan, settlement_account, settlement_batch, bank_account, payout_bank, payout TO karez_person;

GRANT SELECT ON payout, payout_file, payout_bank, bank_account TO karez_institution;
