-- Gifts of money in shares. Each share that nobody has taken is an account of the book.

-- table: red_packet sharded by id
CREATE TABLE red_packet (
    id uuid PRIMARY KEY,
    sender uuid NOT NULL,
    recipients uuid[],
    greeting text,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor >= share_count),
    share_count integer NOT NULL CHECK (share_count BETWEEN 1 AND 100),
    split text NOT NULL CHECK (split IN ('equal', 'random')),
    seed text NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'ended')),
    returned_minor bigint NOT NULL CHECK (returned_minor BETWEEN 0 AND amount_minor),
    due_ns bigint,
    sent_ns bigint NOT NULL,
    ended_ns bigint,
    CHECK ((state = 'open') = (due_ns IS NOT NULL)),
    CHECK ((state = 'ended') = (ended_ns IS NOT NULL))
);

CREATE INDEX red_packet_by_sender ON red_packet (sender, sent_ns DESC);

CREATE INDEX red_packet_due ON red_packet (due_ns) WHERE due_ns IS NOT NULL;

-- table: red_packet_grab sharded by packet
CREATE TABLE red_packet_grab (
    packet uuid NOT NULL REFERENCES red_packet (id),
    party uuid NOT NULL,
    sender uuid NOT NULL,
    share integer NOT NULL CHECK (share >= 0),
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    grabbed_ns bigint NOT NULL,
    PRIMARY KEY (packet, party),
    UNIQUE (packet, share)
);

CREATE INDEX red_packet_grab_by_party ON red_packet_grab (party, grabbed_ns DESC);

ALTER TABLE red_packet ENABLE ROW LEVEL SECURITY;

ALTER TABLE red_packet_grab ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON red_packet TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON red_packet_grab TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON red_packet FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY reading ON red_packet_grab FOR SELECT TO karez_operator, karez_jobs USING (true);

-- A packet that names nobody is for whoever was given its id, which cannot be guessed.
CREATE POLICY parties_to_it ON red_packet FOR SELECT TO karez_person USING (
    nullif(current_setting('app.party', true), '')::uuid = sender
    OR nullif(current_setting('app.party', true), '')::uuid = ANY (recipients)
    OR (recipients IS NULL AND nullif(current_setting('app.party', true), '') IS NOT NULL)
);

CREATE POLICY parties_to_it ON red_packet_grab FOR SELECT TO karez_person
    USING (nullif(current_setting('app.party', true), '')::uuid IN (party, sender));

GRANT SELECT, INSERT, UPDATE ON red_packet TO karez_bookkeeper;

GRANT SELECT, INSERT ON red_packet_grab TO karez_bookkeeper;

GRANT SELECT ON red_packet, red_packet_grab TO karez_operator, karez_jobs, karez_person;
