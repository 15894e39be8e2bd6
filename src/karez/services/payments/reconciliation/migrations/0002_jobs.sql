-- What is to be taken in and compared, how far it is, and from which banks a statement is fetched when.

-- The content is the bank's file, packed and sealed; it is gone once the file is taken in or refused. due_ns is when a
-- worker looks at it next; while one is at it, until when it has it to itself.
-- table: reconciliation_job sharded by institution
CREATE TABLE reconciliation_job (
    institution integer NOT NULL REFERENCES institution (number),
    id uuid NOT NULL,
    kind text NOT NULL CHECK (kind IN ('import', 'run')),
    state text NOT NULL CHECK (state IN ('waiting', 'working', 'done', 'refused')),
    content bytea,
    done integer NOT NULL,
    total integer,
    code text,
    sentence text,
    asked_by text NOT NULL,
    asked_ns bigint NOT NULL,
    due_ns bigint,
    ended_ns bigint,
    PRIMARY KEY (institution, id),
    CHECK ((due_ns IS NULL) = (state IN ('done', 'refused'))),
    CHECK ((ended_ns IS NULL) = (due_ns IS NOT NULL)),
    CHECK (content IS NULL OR (kind = 'import' AND due_ns IS NOT NULL)),
    CHECK (num_nonnulls(code, sentence) = CASE state WHEN 'refused' THEN 2 ELSE 0 END)
);

CREATE INDEX reconciliation_job_due ON reconciliation_job (due_ns) WHERE due_ns IS NOT NULL;

CREATE INDEX reconciliation_job_latest ON reconciliation_job (institution, asked_ns DESC);

-- The day is the next one of which the statement is fetched, once it is over there.
-- table: statement_source reference
CREATE TABLE statement_source (
    institution integer NOT NULL REFERENCES institution (number),
    currency text NOT NULL,
    zone text NOT NULL,
    day date NOT NULL,
    due_ns bigint NOT NULL,
    trouble text,
    PRIMARY KEY (institution, currency)
);

ALTER TABLE reconciliation_job ENABLE ROW LEVEL SECURITY;

ALTER TABLE statement_source ENABLE ROW LEVEL SECURITY;

CREATE POLICY operator ON reconciliation_job TO karez_operator USING (true) WITH CHECK (true);

CREATE POLICY work ON reconciliation_job TO karez_jobs USING (true) WITH CHECK (true);

CREATE POLICY tenant ON reconciliation_job TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::integer)
    WITH CHECK (
        institution = nullif(current_setting('app.institution', true), '')::integer AND kind = 'import'
    );

CREATE POLICY book ON statement_source TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON statement_source FOR SELECT TO karez_operator USING (true);

CREATE POLICY work ON statement_source TO karez_jobs USING (true) WITH CHECK (true);

GRANT SELECT, INSERT ON reconciliation_job TO karez_operator, karez_institution;

GRANT SELECT, INSERT, UPDATE (state, content, done, total, code, sentence, due_ns, ended_ns)
    ON reconciliation_job TO karez_jobs;

GRANT SELECT, INSERT, UPDATE ON statement_source TO karez_bookkeeper;

GRANT SELECT ON statement_source TO karez_operator;

GRANT SELECT, UPDATE (day, due_ns, trouble) ON statement_source TO karez_jobs;
