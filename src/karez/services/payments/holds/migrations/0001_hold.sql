-- Money that is reserved for a shop. The reservation itself is a pending transfer of the book.

-- table: hold sharded by id
CREATE TABLE hold (
    id uuid PRIMARY KEY,
    payer uuid NOT NULL,
    shop uuid NOT NULL,
    reference text,
    title text NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    held_minor bigint NOT NULL CHECK (held_minor >= 0),
    captured_minor bigint NOT NULL CHECK (captured_minor >= 0),
    pending_id uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('held', 'captured', 'released', 'expired')),
    due_ns bigint,
    placed_ns bigint NOT NULL,
    ended_ns bigint,
    CHECK (held_minor + captured_minor <= amount_minor),
    CHECK ((state = 'held') = (held_minor > 0)),
    CHECK ((state = 'held') = (due_ns IS NOT NULL)),
    CHECK ((state = 'held') = (ended_ns IS NULL))
);

CREATE INDEX hold_by_payer ON hold (payer, placed_ns DESC);

CREATE INDEX hold_by_shop ON hold (shop, placed_ns DESC);

CREATE INDEX hold_due ON hold (due_ns) WHERE due_ns IS NOT NULL;

ALTER TABLE hold ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON hold TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON hold FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY parties_to_it ON hold FOR SELECT TO karez_person
    USING (nullif(current_setting('app.party', true), '')::uuid IN (payer, shop));

GRANT SELECT, INSERT, UPDATE ON hold TO karez_bookkeeper;

GRANT SELECT ON hold TO karez_operator, karez_jobs, karez_person;
