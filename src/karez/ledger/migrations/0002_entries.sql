-- The reading side of the book: what each transfer moves, and each account's statement with running totals.
-- Entries are made from committed transfers by a background worker; they can be thrown away and made again.

-- What a transfer does to the pending and the posted total of both its accounts: the debit totals of the one
-- and the credit totals of the other change alike. Flags: 2 reserves, 4 posts, 8 voids. A void's amount is the
-- whole reservation; a post may take less, and the rest is released too.
CREATE VIEW transfer_movement WITH (security_invoker = true) AS
SELECT
    t.id, t.timestamp_ns, t.debit_account, t.credit_account, t.debit_institution, t.credit_institution,
    nullif(t.operation_id, '00000000-0000-0000-0000-000000000000') AS operation_id,
    t.ledger, t.amount, t.flags, t.code,
    CASE
        WHEN t.flags & 8 <> 0 THEN -t.amount
        WHEN t.flags & 4 <> 0 THEN -coalesce(reservation.amount, 0)
        WHEN t.flags & 2 <> 0 THEN t.amount
        ELSE 0
    END AS pending_change,
    CASE WHEN t.flags & 10 <> 0 THEN 0 ELSE t.amount END AS posted_change
FROM transfer t
-- The bare equality: behind the tenant wall nothing else may use the index of the reservation's id.
LEFT JOIN transfer reservation ON reservation.id = t.pending_id;

-- The same by account: two legs a transfer. The side is 1 for the debit, -1 for the credit. The transfer's own
-- columns are there too, since a condition on them is met before the legs are laid out.
CREATE VIEW transfer_leg WITH (security_invoker = true) AS
SELECT
    leg.account, leg.institution, leg.counterparty, leg.side, m.timestamp_ns, m.id AS transfer_id, m.operation_id,
    m.debit_account, m.credit_account, m.ledger, m.amount, m.flags, m.code,
    leg.debits_pending, leg.debits_posted, leg.credits_pending, leg.credits_posted
FROM transfer_movement m
CROSS JOIN LATERAL (
    VALUES
        (
            m.debit_account, m.debit_institution, m.credit_account, 1::smallint,
            m.pending_change, m.posted_change, 0::bigint, 0::bigint
        ),
        (
            m.credit_account, m.credit_institution, m.debit_account, -1::smallint,
            0::bigint, 0::bigint, m.pending_change, m.posted_change
        )
) AS leg (
    account, institution, counterparty, side, debits_pending, debits_posted, credits_pending, credits_posted
);

-- One row for each leg: what it was, and the four totals of the account right after it.
-- table: account_entry sharded by account
CREATE TABLE account_entry (
    account uuid NOT NULL,
    timestamp_ns bigint NOT NULL,
    institution integer NOT NULL,
    party uuid,
    transfer_id uuid NOT NULL,
    operation_id uuid,
    counterparty uuid NOT NULL,
    side smallint NOT NULL CHECK (side IN (1, -1)),
    amount bigint NOT NULL,
    flags integer NOT NULL,
    code integer NOT NULL,
    debits_pending bigint NOT NULL,
    debits_posted bigint NOT NULL,
    credits_pending bigint NOT NULL,
    credits_posted bigint NOT NULL,
    PRIMARY KEY (account, timestamp_ns)
);

-- How far a projection has come: it contains every transfer up to this moment and none after it.
-- table: projection local
CREATE TABLE projection (
    name text PRIMARY KEY,
    watermark_ns bigint NOT NULL
);

INSERT INTO projection VALUES ('account_entry', 0);

ALTER TABLE account_entry ENABLE ROW LEVEL SECURITY;

ALTER TABLE projection ENABLE ROW LEVEL SECURITY;

CREATE POLICY projecting ON account_entry TO karez_jobs USING (true) WITH CHECK (true);

CREATE POLICY reading ON account_entry FOR SELECT TO karez_operator USING (true);

CREATE POLICY tenant ON account_entry FOR SELECT TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY holder ON account_entry FOR SELECT TO karez_person
    USING (party = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY everybody_reads ON projection FOR SELECT USING (true);

CREATE POLICY projecting ON projection TO karez_jobs USING (true) WITH CHECK (true);

-- A statement goes on where the entries end, so who may read the entries of an account reads its transfers.
CREATE POLICY holder ON transfer FOR SELECT TO karez_person
    USING (
        debit_account IN (
            SELECT id FROM account WHERE party = nullif(current_setting('app.party', true), '')::uuid
        )
        OR credit_account IN (
            SELECT id FROM account WHERE party = nullif(current_setting('app.party', true), '')::uuid
        )
    );

GRANT SELECT ON transfer TO karez_person;

GRANT SELECT ON transfer_movement, transfer_leg, account_entry, projection
    TO karez_institution, karez_person, karez_operator, karez_jobs;

GRANT INSERT ON account_entry TO karez_jobs;

GRANT UPDATE ON projection TO karez_jobs;

-- For the invariants, which are checked from the database alone.
GRANT SELECT ON balance_slice, pending_deadline, spent_transfer_id TO karez_operator, karez_jobs;
