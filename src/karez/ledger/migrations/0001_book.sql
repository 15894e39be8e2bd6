-- The book: accounts, transfers and what the bookkeeper needs to be exact and quick after a crash.
-- Nobody but the bookkeeper writes here, and of accounts and transfers it can only add, never change.

-- table: account sharded by id
CREATE TABLE account (
    id uuid PRIMARY KEY,
    slot integer NOT NULL,
    institution integer NOT NULL REFERENCES institution (number),
    party uuid,
    ledger integer NOT NULL REFERENCES unit (number),
    code integer NOT NULL CHECK (code BETWEEN 1 AND 65535),
    flags integer NOT NULL,
    user_data bigint NOT NULL,
    timestamp_ns bigint NOT NULL
);

CREATE INDEX account_by_institution ON account (institution, id);

CREATE INDEX account_by_party ON account (party, id) WHERE party IS NOT NULL;

-- table: transfer sharded by id
CREATE TABLE transfer (
    id uuid PRIMARY KEY,
    timestamp_ns bigint NOT NULL,
    debit_account uuid NOT NULL,
    credit_account uuid NOT NULL,
    amount bigint NOT NULL CHECK (amount >= 0),
    pending_id uuid,
    operation_id uuid,
    user_data bigint,
    ledger integer NOT NULL,
    code integer NOT NULL,
    flags integer NOT NULL,
    timeout_s integer,
    debit_institution integer NOT NULL,
    credit_institution integer NOT NULL
) PARTITION BY RANGE (id);

-- PostgreSQL refuses COPY into a table with row-level security, even for a role whose policy lets it write
-- everything. So the bookkeeper copies into the partition, to which it alone has a right; everybody else has
-- the parent, where the policies are.
-- table: transfer_rows sharded by id
CREATE TABLE transfer_rows PARTITION OF transfer DEFAULT;

-- Rows arrive in the order of time, so a block-range index finds "later than" at almost no cost a row.
CREATE INDEX transfer_by_time ON transfer USING brin (timestamp_ns)
    WITH (pages_per_range = 64, autosummarize = on);

-- The primary key makes a second settlement of one reservation impossible.
-- table: settlement sharded by pending_id
CREATE TABLE settlement (
    pending_id uuid PRIMARY KEY,
    transfer_id uuid NOT NULL,
    status smallint NOT NULL
);

-- table: pending_deadline sharded by pending_id
CREATE TABLE pending_deadline (
    pending_id uuid PRIMARY KEY,
    deadline_ns bigint NOT NULL
);

CREATE INDEX pending_deadline_by_time ON pending_deadline (deadline_ns);

-- table: spent_transfer_id sharded by id
CREATE TABLE spent_transfer_id (
    id uuid PRIMARY KEY,
    status smallint NOT NULL,
    timestamp_ns bigint NOT NULL
);

-- table: operation sharded by id
CREATE TABLE operation (
    id uuid PRIMARY KEY,
    institution integer NOT NULL,
    actor text NOT NULL,
    kind text NOT NULL,
    fingerprint bytea NOT NULL,
    reply text NOT NULL,
    timestamp_ns bigint NOT NULL
);

CREATE INDEX operation_by_institution ON operation (institution, timestamp_ns DESC);

-- Totals of 1,024 neighbouring accounts at one moment; later transfers bring them up to date.
-- table: balance_slice local
CREATE TABLE balance_slice (
    slice integer PRIMARY KEY,
    as_of_ns bigint NOT NULL,
    totals bytea NOT NULL
);

ALTER TABLE balance_slice ALTER COLUMN totals SET STORAGE EXTERNAL;

-- One row. Every commit of the bookkeeper updates it under its own epoch, so a writer that has been
-- replaced finds no row to update and cannot commit.
-- table: book_writer local
CREATE TABLE book_writer (
    id integer PRIMARY KEY CHECK (id = 1),
    epoch bigint NOT NULL,
    last_timestamp_ns bigint NOT NULL,
    replay_from_ns bigint NOT NULL,
    newest_id uuid NOT NULL
) WITH (fillfactor = 10);

INSERT INTO book_writer VALUES (1, 0, 0, 0, '00000000-0000-0000-0000-000000000000');

ALTER TABLE account ENABLE ROW LEVEL SECURITY;

ALTER TABLE transfer ENABLE ROW LEVEL SECURITY;

ALTER TABLE operation ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON account TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON transfer TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON operation TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON account FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON transfer FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON operation FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY tenant ON account FOR SELECT TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY tenant ON transfer FOR SELECT TO karez_institution
    USING (nullif(current_setting('app.institution', true), '')::integer IN (debit_institution, credit_institution));

CREATE POLICY tenant ON operation FOR SELECT TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY holder ON account FOR SELECT TO karez_person
    USING (party = nullif(current_setting('app.party', true), '')::uuid);

GRANT SELECT ON transfer TO karez_bookkeeper;

GRANT SELECT, INSERT ON transfer_rows TO karez_bookkeeper;

GRANT SELECT, INSERT ON account, settlement, spent_transfer_id, operation TO karez_bookkeeper;

GRANT SELECT, INSERT, DELETE ON pending_deadline TO karez_bookkeeper;

GRANT SELECT, INSERT, UPDATE ON balance_slice TO karez_bookkeeper;

GRANT SELECT, UPDATE ON book_writer TO karez_bookkeeper;

GRANT SELECT ON account, transfer, operation, settlement TO karez_operator, karez_jobs;

GRANT SELECT ON account, transfer, operation TO karez_institution;

GRANT SELECT ON account TO karez_person;

GRANT SELECT ON book_writer TO karez_operator, karez_jobs;
