-- The banks that Karez can instruct, and what it has instructed them to do with their customers' money.

-- The secret is sealed (see karez.core.sealing); only who talks to the bank, or knows it by its signature, reads it.
-- table: bank_link reference
CREATE TABLE bank_link (
    institution integer PRIMARY KEY REFERENCES institution (number),
    base_url text NOT NULL,
    notify_url text,
    sealed bytea NOT NULL,
    currencies text[] NOT NULL CHECK (cardinality(currencies) > 0),
    state text NOT NULL CHECK (state IN ('open', 'paused')),
    changed_ns bigint NOT NULL
);

-- account is the account of the book that is paid out of, or that the money goes to; reservation is the transfer that
-- holds a pay-out's money; reference is what the bank calls its customer's account or card. due_ns is when the bank is called next; while a worker is at it, until when that
-- worker has it to itself.
-- table: bank_instruction sharded by id
CREATE TABLE bank_instruction (
    id uuid PRIMARY KEY,
    bank integer NOT NULL REFERENCES institution (number),
    party uuid NOT NULL,
    direction text NOT NULL CHECK (direction IN ('collect', 'pay_out')),
    purpose text NOT NULL,
    subject uuid NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    account uuid NOT NULL,
    reservation uuid,
    reference text NOT NULL,
    remark text NOT NULL,
    return_url text,
    state text NOT NULL CHECK (
        state IN (
            'created', 'sent', 'unknown', 'processing', 'succeeded', 'declined', 'given_up', 'succeeded_late'
        )
    ),
    answer_code text NOT NULL,
    attempts integer NOT NULL,
    due_ns bigint,
    flagged_ns bigint,
    created_ns bigint NOT NULL,
    ended_ns bigint,
    CHECK ((reservation IS NULL) = (direction = 'collect')),
    CHECK ((ended_ns IS NULL) = (state IN ('created', 'sent', 'unknown', 'processing'))),
    CHECK (due_ns IS NOT NULL OR ended_ns IS NOT NULL),
    CHECK (due_ns IS NULL OR state NOT IN ('succeeded', 'succeeded_late'))
);

CREATE INDEX bank_instruction_due ON bank_instruction (bank, due_ns) WHERE due_ns IS NOT NULL;

CREATE INDEX bank_instruction_by_subject ON bank_instruction (subject, created_ns);

CREATE INDEX bank_instruction_flagged ON bank_instruction (flagged_ns) WHERE flagged_ns IS NOT NULL;

-- What waits for banks is summed over the few instructions that are open.
CREATE INDEX bank_instruction_open ON bank_instruction (bank, currency, direction) INCLUDE (amount_minor)
    WHERE ended_ns IS NULL;

ALTER TABLE bank_link ENABLE ROW LEVEL SECURITY;

ALTER TABLE bank_instruction ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON bank_link TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON bank_link FOR SELECT TO karez_operator, karez_jobs, karez_person, karez_entrance
    USING (true);

CREATE POLICY own ON bank_link FOR SELECT TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::int);

GRANT SELECT, INSERT, UPDATE ON bank_link TO karez_bookkeeper;

GRANT SELECT ON bank_link TO karez_jobs;

GRANT SELECT (institution, base_url, notify_url, currencies, state, changed_ns)
    ON bank_link TO karez_operator, karez_institution;

GRANT SELECT (institution, base_url, currencies, state) ON bank_link TO karez_person;

-- A bank's notice, and a browser that comes back from a bank, are known by the secret.
GRANT SELECT (institution, sealed) ON bank_link TO karez_entrance;

CREATE POLICY book ON bank_instruction TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON bank_instruction FOR SELECT TO karez_operator, karez_jobs USING (true);

-- Workers record how the asking goes on. That money has moved is said by the book alone.
CREATE POLICY asking ON bank_instruction FOR UPDATE TO karez_jobs
    USING (state NOT IN ('succeeded', 'succeeded_late')) WITH CHECK (state NOT IN ('succeeded', 'succeeded_late'));

CREATE POLICY holder ON bank_instruction FOR SELECT TO karez_person
    USING (party = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY bank ON bank_instruction FOR SELECT TO karez_institution
    USING (bank = nullif(current_setting('app.institution', true), '')::int);

GRANT SELECT, INSERT, UPDATE ON bank_instruction TO karez_bookkeeper;

GRANT SELECT, UPDATE (state, answer_code, attempts, due_ns, flagged_ns) ON bank_instruction TO karez_jobs;

GRANT SELECT ON bank_instruction TO karez_operator, karez_institution, karez_person;
