-- What operations announce, kept in the transaction of the operation itself, and how far each consumer has read.

-- table: outbox_event sharded by id
CREATE TABLE outbox_event (
    id uuid PRIMARY KEY,
    topic text NOT NULL,
    institution integer NOT NULL,
    operation_id uuid NOT NULL,
    payload jsonb NOT NULL,
    created_ns bigint NOT NULL
);

CREATE INDEX outbox_event_by_time ON outbox_event (created_ns, id);

CREATE INDEX outbox_event_by_institution ON outbox_event (institution, created_ns, id);

-- The last event that a consumer has dealt with.
-- table: outbox_cursor local
CREATE TABLE outbox_cursor (
    consumer text PRIMARY KEY,
    created_ns bigint NOT NULL,
    id uuid NOT NULL
);

ALTER TABLE outbox_event ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON outbox_event TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY consuming ON outbox_event TO karez_jobs USING (true);

CREATE POLICY reading ON outbox_event FOR SELECT TO karez_operator USING (true);

CREATE POLICY tenant ON outbox_event FOR SELECT TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::integer);

GRANT SELECT, INSERT ON outbox_event TO karez_bookkeeper;

GRANT SELECT, DELETE ON outbox_event TO karez_jobs;

GRANT SELECT ON outbox_event TO karez_operator, karez_institution;

GRANT SELECT, INSERT, UPDATE, DELETE ON outbox_cursor TO karez_jobs;

GRANT SELECT ON outbox_cursor TO karez_operator;
