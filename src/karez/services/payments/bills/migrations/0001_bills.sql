-- What billers send bills for, the bills, what was paid of them, and who has them paid by themselves.

-- table: biller_service sharded by id
CREATE TABLE biller_service (
    id uuid PRIMARY KEY,
    institution integer NOT NULL REFERENCES institution (number),
    code text NOT NULL,
    name_en text NOT NULL,
    name_zh text NOT NULL,
    category text NOT NULL,
    currency text NOT NULL,
    account_label_en text NOT NULL,
    account_label_zh text NOT NULL,
    account_form text NOT NULL,
    allows_parts boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'closed')),
    created_ns bigint NOT NULL
);

-- table: bill sharded by id
CREATE TABLE bill (
    id uuid PRIMARY KEY,
    service uuid NOT NULL,
    institution integer NOT NULL REFERENCES institution (number),
    reference text NOT NULL,
    account_number text NOT NULL,
    label text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    paid_minor bigint NOT NULL CHECK (paid_minor BETWEEN 0 AND amount_minor),
    allows_parts boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'paid', 'withdrawn')),
    due_ns bigint NOT NULL,
    auto_payer uuid,
    auto_due_ns bigint,
    auto_attempt integer NOT NULL CHECK (auto_attempt >= 0),
    created_ns bigint NOT NULL,
    CHECK ((state = 'paid') = (paid_minor = amount_minor)),
    CHECK (auto_due_ns IS NULL OR (auto_payer IS NOT NULL AND state = 'open'))
);

CREATE INDEX bill_by_account ON bill (service, account_number) WHERE state = 'open';

CREATE INDEX bill_auto_due ON bill (auto_due_ns) WHERE auto_due_ns IS NOT NULL;

-- table: bill_payment sharded by id
CREATE TABLE bill_payment (
    id uuid PRIMARY KEY,
    bill uuid NOT NULL,
    service uuid NOT NULL,
    institution integer NOT NULL REFERENCES institution (number),
    reference text NOT NULL,
    account_number text NOT NULL,
    label text NOT NULL,
    payer uuid NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    state text NOT NULL CHECK (state IN ('paid', 'returned')),
    reason text,
    paid_ns bigint NOT NULL,
    returned_ns bigint,
    CHECK ((state = 'returned') = (returned_ns IS NOT NULL))
);

CREATE INDEX bill_payment_by_bill ON bill_payment (bill);

CREATE INDEX bill_payment_by_payer ON bill_payment (payer, paid_ns DESC);

-- table: standing_order sharded by id
CREATE TABLE standing_order (
    id uuid PRIMARY KEY,
    payer uuid NOT NULL,
    service uuid NOT NULL,
    account_number text NOT NULL,
    amount_max_minor bigint NOT NULL CHECK (amount_max_minor > 0),
    state text NOT NULL CHECK (state IN ('active', 'stopped')),
    attach_ns bigint,
    ordered_ns bigint NOT NULL,
    CHECK (attach_ns IS NULL OR state = 'active')
);

CREATE INDEX standing_order_by_payer ON standing_order (payer, ordered_ns DESC);

CREATE INDEX standing_order_by_account ON standing_order (service, account_number) WHERE state = 'active';

CREATE INDEX standing_order_attach ON standing_order (attach_ns) WHERE attach_ns IS NOT NULL;

ALTER TABLE biller_service ENABLE ROW LEVEL SECURITY;

ALTER TABLE bill ENABLE ROW LEVEL SECURITY;

ALTER TABLE bill_payment ENABLE ROW LEVEL SECURITY;

ALTER TABLE standing_order ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON biller_service TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON bill TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON bill_payment TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON standing_order TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON bill FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON bill_payment FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON standing_order FOR SELECT TO karez_operator, karez_jobs USING (true);

-- The catalogue is for everybody.
CREATE POLICY catalogue ON biller_service FOR SELECT
    TO karez_operator, karez_jobs, karez_person, karez_institution USING (true);

CREATE POLICY biller ON bill FOR SELECT TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::int);

CREATE POLICY biller ON bill_payment FOR SELECT TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::int);

CREATE POLICY payer ON bill_payment FOR SELECT TO karez_person
    USING (payer = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY payer ON standing_order FOR SELECT TO karez_person
    USING (payer = nullif(current_setting('app.party', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE ON biller_service, bill, bill_payment, standing_order TO karez_bookkeeper;

GRANT SELECT ON biller_service, bill, bill_payment, standing_order TO karez_operator, karez_jobs;

GRANT SELECT ON biller_service, bill, bill_payment TO karez_institution;

GRANT SELECT ON biller_service, bill_payment, standing_order TO karez_person;
