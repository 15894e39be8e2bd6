-- Where events are sent to, what was sent, and what was answered.

-- An endpoint belongs to an institution, to a person or shop, or, without either, to the operator. Messages are sent
-- endpoint by endpoint: due_ns is when the earliest one is due, and until taken_until_ns a worker has them to itself.
-- announce_ns is when Karez disabled it, until that is announced.
-- table: webhook_endpoint sharded by id
CREATE TABLE webhook_endpoint (
    id uuid PRIMARY KEY,
    institution integer REFERENCES institution (number),
    party uuid,
    url text NOT NULL,
    topics text[] NOT NULL CHECK (cardinality(topics) > 0),
    description text NOT NULL,
    state text NOT NULL CHECK (state IN ('enabled', 'disabled', 'deleted')),
    disabled_because text CHECK (disabled_because IN ('owner', 'gone', 'failing')),
    created_ns bigint NOT NULL,
    failing_since_ns bigint,
    announce_ns bigint,
    due_ns bigint,
    taken_until_ns bigint NOT NULL DEFAULT 0,
    CHECK (num_nonnulls(institution, party) <= 1),
    CHECK ((disabled_because IS NOT NULL) = (state = 'disabled'))
);

CREATE INDEX webhook_endpoint_by_institution ON webhook_endpoint (institution, id) WHERE institution IS NOT NULL;

CREATE INDEX webhook_endpoint_by_party ON webhook_endpoint (party, id) WHERE party IS NOT NULL;

CREATE INDEX webhook_endpoint_of_operator ON webhook_endpoint (id) WHERE institution IS NULL AND party IS NULL;

CREATE INDEX webhook_endpoint_due ON webhook_endpoint (due_ns) WHERE due_ns IS NOT NULL;

CREATE INDEX webhook_endpoint_to_announce ON webhook_endpoint (announce_ns) WHERE announce_ns IS NOT NULL;

-- Sealed: see karez.core.sealing. Only the worker can read them.
-- table: webhook_secret sharded by endpoint
CREATE TABLE webhook_secret (
    endpoint uuid NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    id uuid NOT NULL,
    sealed bytea NOT NULL,
    created_ns bigint NOT NULL,
    expires_ns bigint,
    PRIMARY KEY (endpoint, id)
);

-- The body is kept as text, because what is signed is its bytes. A delivery that was sent again by hand has its
-- tries counted anew, its attempts never.
-- table: webhook_delivery sharded by endpoint
CREATE TABLE webhook_delivery (
    endpoint uuid NOT NULL REFERENCES webhook_endpoint (id) ON DELETE CASCADE,
    message uuid NOT NULL,
    topic text NOT NULL,
    body text NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'delivered', 'failed')),
    attempts integer NOT NULL DEFAULT 0,
    tries integer NOT NULL DEFAULT 0,
    due_ns bigint,
    created_ns bigint NOT NULL,
    PRIMARY KEY (endpoint, message),
    CHECK ((due_ns IS NOT NULL) = (state = 'waiting'))
);

CREATE INDEX webhook_delivery_due ON webhook_delivery (endpoint, due_ns) WHERE due_ns IS NOT NULL;

CREATE INDEX webhook_delivery_by_time ON webhook_delivery (endpoint, created_ns, message);

-- table: webhook_attempt sharded by endpoint
CREATE TABLE webhook_attempt (
    endpoint uuid NOT NULL,
    message uuid NOT NULL,
    number integer NOT NULL,
    at_ns bigint NOT NULL,
    duration_ms integer NOT NULL,
    status integer,
    error text,
    answer text NOT NULL,
    next_ns bigint,
    PRIMARY KEY (endpoint, message, number),
    FOREIGN KEY (endpoint, message) REFERENCES webhook_delivery (endpoint, message) ON DELETE CASCADE,
    CHECK (num_nonnulls(status, error) = 1)
);

ALTER TABLE webhook_endpoint ENABLE ROW LEVEL SECURITY;

ALTER TABLE webhook_secret ENABLE ROW LEVEL SECURITY;

ALTER TABLE webhook_delivery ENABLE ROW LEVEL SECURITY;

ALTER TABLE webhook_attempt ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant ON webhook_endpoint TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY holder ON webhook_endpoint TO karez_person
    USING (party = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY operator ON webhook_endpoint TO karez_operator USING (true);

CREATE POLICY inside ON webhook_endpoint TO karez_jobs, karez_bookkeeper USING (true);

-- Whoever sees an endpoint sees what belongs to it: the policies above hold inside these conditions too.

CREATE POLICY owner_of_endpoint ON webhook_secret TO karez_institution, karez_person, karez_operator
    USING (EXISTS (SELECT FROM webhook_endpoint e WHERE e.id = endpoint));

CREATE POLICY owner_of_endpoint ON webhook_delivery TO karez_institution, karez_person, karez_operator
    USING (EXISTS (SELECT FROM webhook_endpoint e WHERE e.id = endpoint));

CREATE POLICY owner_of_endpoint ON webhook_attempt FOR SELECT TO karez_institution, karez_person, karez_operator
    USING (EXISTS (SELECT FROM webhook_endpoint e WHERE e.id = endpoint));

CREATE POLICY worker ON webhook_secret TO karez_jobs USING (true);

CREATE POLICY worker ON webhook_delivery TO karez_jobs USING (true);

CREATE POLICY worker ON webhook_attempt TO karez_jobs USING (true);

GRANT SELECT, INSERT, UPDATE (url, topics, description, state, disabled_because, failing_since_ns, due_ns)
    ON webhook_endpoint TO karez_institution, karez_person, karez_operator;

GRANT SELECT (endpoint, id, created_ns, expires_ns), INSERT, UPDATE (expires_ns), DELETE
    ON webhook_secret TO karez_institution, karez_person, karez_operator;

GRANT SELECT, INSERT, UPDATE (state, tries, due_ns)
    ON webhook_delivery TO karez_institution, karez_person, karez_operator;

GRANT SELECT ON webhook_attempt TO karez_institution, karez_person, karez_operator;

GRANT SELECT, DELETE,
    UPDATE (state, disabled_because, failing_since_ns, announce_ns, due_ns, taken_until_ns)
    ON webhook_endpoint TO karez_jobs;

GRANT SELECT, DELETE ON webhook_secret TO karez_jobs;

GRANT SELECT, INSERT, UPDATE, DELETE ON webhook_delivery, webhook_attempt TO karez_jobs;

-- An endpoint that Karez has disabled is announced by an operation, which notes that in the same transaction.
GRANT SELECT (id, announce_ns), UPDATE (announce_ns) ON webhook_endpoint TO karez_bookkeeper;
