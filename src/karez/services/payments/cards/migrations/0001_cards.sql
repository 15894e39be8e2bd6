-- The cards that people pay with. Their numbers are in the vault, a table of its own; here they go by a token.

-- The vault. token is the card's id; number_index is a keyed fingerprint of the number, so that the same card of the
-- same person is found again without opening anything; sealed is NULL once the card is not bound any more.
-- table: card_number sharded by party
CREATE TABLE card_number (
    party uuid NOT NULL,
    number_index bytea NOT NULL,
    token uuid NOT NULL,
    sealed bytea,
    stored_ns bigint NOT NULL,
    PRIMARY KEY (party, number_index),
    UNIQUE (party, token)
);

ALTER TABLE card_number ENABLE ROW LEVEL SECURITY;

-- No other role has any right to it: not the bookkeeper, not the workers, not the operator.
CREATE POLICY holder ON card_number TO karez_vault
    USING (party = nullif(current_setting('app.party', true), '')::uuid)
    WITH CHECK (party = nullif(current_setting('app.party', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE (sealed, stored_ns) ON card_number TO karez_vault;

-- Who takes a number to its bank must be able to sign what it says.
CREATE POLICY vault ON bank_link FOR SELECT TO karez_vault USING (true);

GRANT SELECT (institution, base_url, notify_url, sealed, state) ON bank_link TO karez_vault;

-- id is the token; binding is what the bank calls its challenge; tries counts the codes that came for it; reference is
-- what the bank calls the card in orders. A card that was bound once has its limit account for ever.
-- table: card sharded by party
CREATE TABLE card (
    party uuid NOT NULL,
    id uuid NOT NULL,
    bank integer NOT NULL REFERENCES institution (number),
    currency text NOT NULL,
    scheme text NOT NULL,
    ending text NOT NULL CHECK (ending ~ '^[0-9]{4}$'),
    expiry text NOT NULL CHECK (expiry ~ '^20[0-9]{2}-[0-9]{2}$'),
    state text NOT NULL CHECK (state IN ('asked', 'bound', 'refused', 'unbound')),
    binding uuid NOT NULL,
    tries integer NOT NULL CHECK (tries >= 0),
    challenge_until_ns bigint NOT NULL,
    again_from_ns bigint NOT NULL,
    reference text NOT NULL,
    limit_account uuid NOT NULL,
    payment_max_minor bigint NOT NULL CHECK (payment_max_minor > 0),
    day_max_minor bigint NOT NULL CHECK (day_max_minor > 0),
    asked_ns bigint NOT NULL,
    first_bound_ns bigint,
    bound_ns bigint,
    ended_ns bigint,
    PRIMARY KEY (party, id),
    CHECK (state <> 'bound' OR (reference <> '' AND bound_ns IS NOT NULL AND ended_ns IS NULL)),
    CHECK (bound_ns IS NULL OR first_bound_ns IS NOT NULL)
);

ALTER TABLE card ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON card TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON card FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY holder ON card FOR SELECT TO karez_person
    USING (party = nullif(current_setting('app.party', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE ON card TO karez_bookkeeper;

-- The vault forgets the number of no card that is in use.
CREATE POLICY vault ON card FOR SELECT TO karez_vault
    USING (party = nullif(current_setting('app.party', true), '')::uuid);

GRANT SELECT (party, id, state) ON card TO karez_vault;

GRANT SELECT ON card TO karez_operator, karez_jobs, karez_person;
