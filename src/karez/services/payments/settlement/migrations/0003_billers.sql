-- Billers are paid as shops are: a bank account and a payout are a shop's or a biller's.
ALTER TABLE bank_account ALTER COLUMN shop DROP NOT NULL;

ALTER TABLE bank_account ADD COLUMN biller integer;

ALTER TABLE bank_account ADD CHECK (num_nonnulls(shop, biller) = 1);

ALTER TABLE payout ALTER COLUMN shop DROP NOT NULL;

ALTER TABLE payout ALTER COLUMN batch DROP NOT NULL;

ALTER TABLE payout ADD COLUMN biller integer;

ALTER TABLE payout ADD CHECK (num_nonnulls(shop, biller) = 1 AND num_nonnulls(batch, biller) = 1);

CREATE INDEX payout_by_biller ON payout (biller, created_ns DESC) WHERE biller IS NOT NULL;

CREATE INDEX payout_returned_to_biller ON payout (biller, currency, changed_ns)
    WHERE biller IS NOT NULL AND state = 'returned';

CREATE INDEX bill_payment_by_biller ON bill_payment (institution, currency, paid_ns);

CREATE INDEX bill_payment_returned ON bill_payment (institution, currency, returned_ns) WHERE state = 'returned';

-- Where a biller stands in one currency: what happened before settled_until_ns is in its payouts or in carried_minor.
-- table: biller_account reference
CREATE TABLE biller_account (
    biller integer NOT NULL REFERENCES institution (number),
    currency text NOT NULL,
    calendar text NOT NULL,
    bank_account uuid NOT NULL,
    bank integer NOT NULL,
    day date NOT NULL,
    settled_until_ns bigint NOT NULL,
    carried_minor bigint NOT NULL CHECK (carried_minor <= 0),
    due_ns bigint NOT NULL,
    PRIMARY KEY (biller, currency)
);

CREATE INDEX biller_account_due ON biller_account (due_ns);

ALTER TABLE biller_account ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON biller_account TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON biller_account FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY biller ON biller_account FOR SELECT TO karez_institution
    USING (biller = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY biller ON bank_account FOR SELECT TO karez_institution
    USING (biller = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY biller ON payout FOR SELECT TO karez_institution
    USING (biller = nullif(current_setting('app.institution', true), '')::integer);

GRANT SELECT, INSERT, UPDATE ON biller_account TO karez_bookkeeper;

GRANT SELECT ON biller_account TO karez_operator, karez_jobs, karez_institution;
