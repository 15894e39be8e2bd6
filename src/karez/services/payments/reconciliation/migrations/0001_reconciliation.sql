-- What Karez expects at banks, what banks say, and where the two differ.
-- Whose account the other side is, and what was written to a payment, is personal: those fields hold ciphertexts.

-- table: bank_movement sharded by institution
CREATE TABLE bank_movement (
    institution integer NOT NULL REFERENCES institution (number),
    id uuid NOT NULL,
    reference text NOT NULL,
    batch text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    currency text NOT NULL,
    day date NOT NULL,
    counterparty bytea,
    expected_ns bigint NOT NULL,
    settled_by uuid,
    settled_rule text,
    settled_ns bigint,
    PRIMARY KEY (institution, id),
    CHECK (num_nonnulls(settled_by, settled_rule, settled_ns) IN (0, 3))
);

CREATE INDEX bank_movement_open ON bank_movement (institution, day) WHERE settled_by IS NULL;

CREATE INDEX bank_movement_by_reference ON bank_movement (institution, upper(reference));

CREATE INDEX bank_movement_by_batch ON bank_movement (institution, upper(batch)) WHERE batch <> '';

CREATE INDEX bank_movement_settled ON bank_movement (institution, settled_by) WHERE settled_by IS NOT NULL;

-- The id derives from the file and the statement's place in it, so a file that comes again is the same statement.
-- table: bank_statement sharded by institution
CREATE TABLE bank_statement (
    institution integer NOT NULL REFERENCES institution (number),
    id uuid NOT NULL,
    identification text NOT NULL,
    account text NOT NULL,
    until_day date,
    opening_minor bigint,
    closing_minor bigint,
    entries integer NOT NULL CHECK (entries >= 0),
    imported_ns bigint NOT NULL,
    PRIMARY KEY (institution, id)
);

CREATE INDEX bank_statement_by_account ON bank_statement (institution, account, until_day DESC);

-- The id derives from what the bank says of the entry, so an entry that comes in two files is one.
-- table: bank_entry sharded by institution
CREATE TABLE bank_entry (
    institution integer NOT NULL REFERENCES institution (number),
    id uuid NOT NULL,
    statement uuid NOT NULL,
    place integer NOT NULL,
    account text NOT NULL,
    booking_day date NOT NULL,
    value_day date NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor <> 0),
    currency text NOT NULL,
    names text[] NOT NULL,
    bank_reference text NOT NULL,
    details bytea NOT NULL,
    imported_ns bigint NOT NULL,
    settled_by uuid,
    settled_rule text,
    settled_ns bigint,
    PRIMARY KEY (institution, id),
    CHECK (num_nonnulls(settled_by, settled_rule, settled_ns) IN (0, 3))
);

CREATE INDEX bank_entry_open ON bank_entry (institution, booking_day) WHERE settled_by IS NULL;

CREATE INDEX bank_entry_by_statement ON bank_entry (institution, statement, place);

CREATE INDEX bank_entry_settled ON bank_entry (institution, settled_by) WHERE settled_by IS NOT NULL;

-- table: reconciliation_run sharded by institution
CREATE TABLE reconciliation_run (
    institution integer NOT NULL REFERENCES institution (number),
    id uuid NOT NULL,
    covered_until date NOT NULL,
    movements integer NOT NULL,
    entries integer NOT NULL,
    matches integer NOT NULL,
    breaks integer NOT NULL,
    waiting integer NOT NULL,
    finished_ns bigint NOT NULL,
    PRIMARY KEY (institution, id)
);

CREATE INDEX reconciliation_run_latest ON reconciliation_run (institution, finished_ns DESC);

-- The id derives from the kind and the items, so what several runs find is one break.
-- table: reconciliation_break sharded by institution
CREATE TABLE reconciliation_break (
    institution integer NOT NULL REFERENCES institution (number),
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN (
        'missing_at_bank', 'missing_in_book', 'amount_differs', 'fee_deducted', 'currency_differs',
        'duplicate_at_bank', 'date_differs', 'reference_unclear'
    )),
    state text NOT NULL CHECK (state IN ('open', 'proposed', 'queried', 'declined', 'approved', 'superseded')),
    reason text NOT NULL,
    offered text NOT NULL,
    action text,
    note text,
    proposed_by text,
    proposed_ns bigint,
    decided_by text,
    decided_ns bigint,
    run uuid NOT NULL,
    found_ns bigint NOT NULL,
    PRIMARY KEY (institution, id),
    CHECK (state IN ('open', 'superseded') OR num_nonnulls(action, proposed_by, proposed_ns) = 3),
    CHECK (state NOT IN ('queried', 'declined', 'approved') OR num_nonnulls(decided_by, decided_ns) = 2),
    CHECK (proposed_by <> decided_by)
);

CREATE INDEX reconciliation_break_queue ON reconciliation_break (institution, found_ns, id)
    WHERE state IN ('open', 'proposed', 'queried', 'declined');

-- table: reconciliation_break_item sharded by institution
CREATE TABLE reconciliation_break_item (
    institution integer NOT NULL REFERENCES institution (number),
    break uuid NOT NULL,
    item uuid NOT NULL,
    side text NOT NULL CHECK (side IN ('book', 'bank')),
    PRIMARY KEY (institution, break, item)
);

ALTER TABLE bank_movement ENABLE ROW LEVEL SECURITY;

ALTER TABLE bank_statement ENABLE ROW LEVEL SECURITY;

ALTER TABLE bank_entry ENABLE ROW LEVEL SECURITY;

ALTER TABLE reconciliation_run ENABLE ROW LEVEL SECURITY;

ALTER TABLE reconciliation_break ENABLE ROW LEVEL SECURITY;

ALTER TABLE reconciliation_break_item ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON bank_movement TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON bank_statement TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON bank_entry TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON reconciliation_run TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON reconciliation_break TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON reconciliation_break_item TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON bank_movement FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON bank_statement FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON bank_entry FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON reconciliation_run FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON reconciliation_break FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON reconciliation_break_item FOR SELECT TO karez_operator, karez_jobs USING (true);

-- A bank sees what it has said itself. What Karez expects of it, and makes of what it says, is Karez's own.
CREATE POLICY tenant ON bank_statement FOR SELECT TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY tenant ON bank_entry FOR SELECT TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::integer);

GRANT SELECT, INSERT ON bank_statement, reconciliation_run, reconciliation_break_item TO karez_bookkeeper;

GRANT SELECT, INSERT, UPDATE ON bank_movement, bank_entry, reconciliation_break TO karez_bookkeeper;

GRANT SELECT ON bank_movement, bank_statement, bank_entry, reconciliation_run, reconciliation_break,
    reconciliation_break_item TO karez_operator, karez_jobs;

GRANT SELECT ON bank_statement, bank_entry TO karez_institution;
