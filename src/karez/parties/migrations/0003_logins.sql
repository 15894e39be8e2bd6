-- How people and shops log in to the pages: a password, the browsers in which they are logged in, and how often
-- somebody has tried.

-- table: login sharded by party
CREATE TABLE login (
    party uuid PRIMARY KEY REFERENCES party (id),
    password_digest text NOT NULL,
    changed_ns bigint NOT NULL
);

-- table: web_session sharded by secret_hash
CREATE TABLE web_session (
    secret_hash bytea PRIMARY KEY CHECK (length(secret_hash) = 32),
    party uuid NOT NULL,
    browser text NOT NULL,
    created_ns bigint NOT NULL,
    seen_ns bigint NOT NULL,
    ended_ns bigint
);

CREATE INDEX web_session_by_party ON web_session (party, seen_ns DESC);

-- The subject is a keyed fingerprint of a login name, a network address or a browser.
-- table: login_throttle sharded by subject
CREATE TABLE login_throttle (
    subject bytea PRIMARY KEY,
    used_until_ns bigint NOT NULL
);

CREATE INDEX login_throttle_by_end ON login_throttle (used_until_ns);

ALTER TABLE login ENABLE ROW LEVEL SECURITY;

ALTER TABLE web_session ENABLE ROW LEVEL SECURITY;

ALTER TABLE login_throttle ENABLE ROW LEVEL SECURITY;

CREATE POLICY holder ON login TO karez_person
    USING (party = nullif(current_setting('app.party', true), '')::uuid)
    WITH CHECK (party = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY holder ON web_session TO karez_person
    USING (party = nullif(current_setting('app.party', true), '')::uuid)
    WITH CHECK (party = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY entrance ON login FOR SELECT TO karez_entrance USING (true);

CREATE POLICY entrance ON web_session TO karez_entrance USING (true) WITH CHECK (true);

CREATE POLICY entrance ON login_throttle TO karez_entrance USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE (password_digest, changed_ns) ON login TO karez_person;

GRANT SELECT, INSERT, UPDATE (ended_ns) ON web_session TO karez_person;

GRANT SELECT ON login TO karez_entrance;

GRANT SELECT, UPDATE (seen_ns) ON web_session TO karez_entrance;

GRANT SELECT, INSERT, UPDATE, DELETE ON login_throttle TO karez_entrance;
