-- Who takes part, who may act for whom, what they allowed, and who looked at what.
-- Fields named after personal data hold ciphertexts: see karez.core.sealing.

-- The institution is the one through which the party came; none for a party that came by itself.
-- table: party sharded by id
CREATE TABLE party (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('person', 'shop')),
    institution integer REFERENCES institution (number),
    state text NOT NULL CHECK (state IN ('active', 'suspended', 'closed')),
    name bytea,
    phone bytea,
    email bytea,
    document bytea,
    created_ns bigint NOT NULL
);

CREATE INDEX party_by_institution ON party (institution, id);

-- Finds a party by what it is known by, and keeps a phone, email or document from belonging to two.
-- table: party_directory sharded by blind_index
CREATE TABLE party_directory (
    blind_index bytea PRIMARY KEY,
    field text NOT NULL CHECK (field IN ('phone', 'email', 'document')),
    party uuid NOT NULL,
    institution integer REFERENCES institution (number)
);

-- table: staff sharded by institution
CREATE TABLE staff (
    institution integer NOT NULL REFERENCES institution (number),
    id uuid NOT NULL,
    login_name text NOT NULL,
    roles text[] NOT NULL,
    state text NOT NULL CHECK (state IN ('active', 'left')),
    created_ns bigint NOT NULL,
    PRIMARY KEY (institution, id),
    UNIQUE (institution, login_name)
);

-- The secret is 256 random bits, so a plain SHA-256 of it is as hard to invert as the secret is to guess.
-- table: credential sharded by id
CREATE TABLE credential (
    id uuid PRIMARY KEY,
    institution integer REFERENCES institution (number),
    party uuid,
    label text NOT NULL,
    scopes text[] NOT NULL,
    secret_hash bytea NOT NULL CHECK (length(secret_hash) = 32),
    created_ns bigint NOT NULL,
    expires_ns bigint NOT NULL,
    revoked_ns bigint,
    replaced_by uuid,
    CHECK (num_nonnulls(institution, party) = 1)
);

CREATE INDEX credential_by_institution ON credential (institution, id) WHERE institution IS NOT NULL;

CREATE INDEX credential_by_party ON credential (party, id) WHERE party IS NOT NULL;

-- table: consent sharded by party
CREATE TABLE consent (
    party uuid NOT NULL REFERENCES party (id),
    id uuid NOT NULL,
    institution integer NOT NULL REFERENCES institution (number),
    purpose text NOT NULL,
    scope text[] NOT NULL CHECK (cardinality(scope) > 0),
    evidence text NOT NULL,
    granted_ns bigint NOT NULL,
    PRIMARY KEY (party, id)
);

CREATE INDEX consent_by_institution ON consent (institution, party);

-- A row of its own, so that both tables only ever grow.
-- table: consent_withdrawal sharded by party
CREATE TABLE consent_withdrawal (
    party uuid NOT NULL,
    consent uuid NOT NULL,
    institution integer NOT NULL REFERENCES institution (number),
    evidence text NOT NULL,
    withdrawn_ns bigint NOT NULL,
    PRIMARY KEY (party, consent),
    FOREIGN KEY (party, consent) REFERENCES consent (party, id)
);

-- The institution is the one that read; none for the operator and for the party itself.
-- table: personal_data_access sharded by party
CREATE TABLE personal_data_access (
    party uuid NOT NULL REFERENCES party (id),
    id uuid NOT NULL,
    institution integer REFERENCES institution (number),
    reader text NOT NULL,
    fields text[] NOT NULL CHECK (cardinality(fields) > 0),
    purpose text NOT NULL,
    at_ns bigint NOT NULL,
    PRIMARY KEY (party, id)
);

CREATE INDEX personal_data_access_by_institution ON personal_data_access (institution, at_ns);

ALTER TABLE party ENABLE ROW LEVEL SECURITY;

ALTER TABLE party_directory ENABLE ROW LEVEL SECURITY;

ALTER TABLE staff ENABLE ROW LEVEL SECURITY;

ALTER TABLE credential ENABLE ROW LEVEL SECURITY;

ALTER TABLE consent ENABLE ROW LEVEL SECURITY;

ALTER TABLE consent_withdrawal ENABLE ROW LEVEL SECURITY;

ALTER TABLE personal_data_access ENABLE ROW LEVEL SECURITY;

-- The operator: every row.

CREATE POLICY operator ON party TO karez_operator USING (true) WITH CHECK (true);

CREATE POLICY operator ON party_directory TO karez_operator USING (true) WITH CHECK (true);

CREATE POLICY operator ON staff TO karez_operator USING (true) WITH CHECK (true);

CREATE POLICY operator ON credential TO karez_operator USING (true) WITH CHECK (true);

CREATE POLICY operator ON consent TO karez_operator USING (true) WITH CHECK (true);

CREATE POLICY operator ON consent_withdrawal TO karez_operator USING (true) WITH CHECK (true);

CREATE POLICY operator ON personal_data_access TO karez_operator USING (true) WITH CHECK (true);

GRANT SELECT, INSERT, UPDATE (state, name, phone, email, document) ON party TO karez_operator;

GRANT SELECT, INSERT, DELETE ON party_directory TO karez_operator;

GRANT SELECT, INSERT, UPDATE (roles, state) ON staff TO karez_operator;

GRANT SELECT, INSERT, UPDATE (expires_ns, revoked_ns, replaced_by) ON credential TO karez_operator;

GRANT SELECT, INSERT ON consent, consent_withdrawal, personal_data_access TO karez_operator;

-- An institution: its own rows. It can neither make an operator of its staff nor of its programs, and it cannot
-- consent in the name of a party.

CREATE POLICY tenant ON party TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY tenant ON party_directory TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY tenant ON staff TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::integer)
    WITH CHECK (
        institution = nullif(current_setting('app.institution', true), '')::integer
        AND NOT roles && ARRAY['operator']
    );

CREATE POLICY tenant ON credential TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::integer)
    WITH CHECK (
        institution = nullif(current_setting('app.institution', true), '')::integer
        AND NOT scopes && ARRAY['operator']
    );

CREATE POLICY tenant ON consent TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY tenant ON consent_withdrawal TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY tenant ON personal_data_access TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::integer);

GRANT SELECT, INSERT, UPDATE (state, name, phone, email, document) ON party TO karez_institution;

GRANT SELECT, INSERT, DELETE ON party_directory TO karez_institution;

GRANT SELECT, INSERT, UPDATE (roles, state) ON staff TO karez_institution;

GRANT SELECT, INSERT, UPDATE (expires_ns, revoked_ns, replaced_by) ON credential TO karez_institution;

GRANT SELECT ON consent, consent_withdrawal TO karez_institution;

GRANT SELECT, INSERT ON personal_data_access TO karez_institution;

-- A person or shop: its own rows. It may correct its phone and email; a name or document that somebody has
-- checked is not its to change.

CREATE POLICY holder ON party TO karez_person
    USING (id = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY comes_by_itself ON party AS RESTRICTIVE FOR INSERT TO karez_person
    WITH CHECK (institution IS NULL AND state = 'active');

CREATE POLICY holder ON party_directory TO karez_person
    USING (party = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY holder ON credential TO karez_person
    USING (party = nullif(current_setting('app.party', true), '')::uuid)
    WITH CHECK (
        party = nullif(current_setting('app.party', true), '')::uuid
        AND NOT scopes && ARRAY['operator']
    );

CREATE POLICY holder ON consent TO karez_person
    USING (party = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY holder ON consent_withdrawal TO karez_person
    USING (party = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY holder ON personal_data_access TO karez_person
    USING (party = nullif(current_setting('app.party', true), '')::uuid)
    WITH CHECK (party = nullif(current_setting('app.party', true), '')::uuid AND institution IS NULL);

GRANT SELECT, INSERT, UPDATE (phone, email) ON party TO karez_person;

GRANT SELECT, INSERT, DELETE ON party_directory TO karez_person;

GRANT SELECT, INSERT, UPDATE (expires_ns, revoked_ns, replaced_by) ON credential TO karez_person;

GRANT SELECT, INSERT ON consent, consent_withdrawal, personal_data_access TO karez_person;

-- The entrance, the bookkeeper and the background work: what they need to know, and no personal data.

CREATE POLICY entrance ON party FOR SELECT TO karez_entrance USING (true);

CREATE POLICY entrance ON party_directory FOR SELECT TO karez_entrance USING (true);

CREATE POLICY entrance ON staff FOR SELECT TO karez_entrance USING (true);

CREATE POLICY entrance ON credential FOR SELECT TO karez_entrance USING (true);

CREATE POLICY inside ON party FOR SELECT TO karez_bookkeeper, karez_jobs USING (true);

CREATE POLICY inside ON consent FOR SELECT TO karez_bookkeeper, karez_jobs USING (true);

CREATE POLICY inside ON consent_withdrawal FOR SELECT TO karez_bookkeeper, karez_jobs USING (true);

GRANT SELECT (id, kind, institution, state, created_ns) ON party
    TO karez_entrance, karez_bookkeeper, karez_jobs;

GRANT SELECT ON party_directory, staff, credential TO karez_entrance;

GRANT SELECT ON consent, consent_withdrawal TO karez_bookkeeper, karez_jobs;
