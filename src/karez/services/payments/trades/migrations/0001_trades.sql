-- What is bought. Of a trade that was paid, amount = held + released + returned.

-- table: trade sharded by id
CREATE TABLE trade (
    id uuid PRIMARY KEY,
    reference text NOT NULL,
    shop uuid NOT NULL,
    buyer uuid,
    title text NOT NULL,
    category text NOT NULL,
    mode text NOT NULL CHECK (mode IN ('escrow', 'direct')),
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    state text NOT NULL CHECK (
        state IN ('created', 'paying', 'paid', 'shipped', 'disputed', 'finished', 'returned', 'closed')
    ),
    held_minor bigint NOT NULL CHECK (held_minor >= 0),
    released_minor bigint NOT NULL CHECK (released_minor >= 0),
    returned_minor bigint NOT NULL CHECK (returned_minor >= 0),
    legs text NOT NULL,
    extended boolean NOT NULL,
    due_ns bigint,
    created_ns bigint NOT NULL,
    paid_ns bigint,
    finished_ns bigint,
    CHECK (state IN ('created', 'paying', 'closed') OR held_minor + released_minor + returned_minor = amount_minor)
);

CREATE INDEX trade_by_shop ON trade (shop, created_ns DESC);

CREATE INDEX trade_by_buyer ON trade (buyer, created_ns DESC) WHERE buyer IS NOT NULL;

CREATE INDEX trade_due ON trade (due_ns) WHERE due_ns IS NOT NULL;

-- What is held in escrow is summed over the few trades that are open.
CREATE INDEX trade_held ON trade (currency) INCLUDE (held_minor) WHERE held_minor > 0;

ALTER TABLE trade ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON trade TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON trade FOR SELECT TO karez_operator, karez_jobs USING (true);

-- An order that names no buyer is payable by whoever was given its id, which cannot be guessed.
CREATE POLICY parties_to_it ON trade FOR SELECT TO karez_person USING (
    nullif(current_setting('app.party', true), '')::uuid IN (shop, buyer)
    OR (buyer IS NULL AND nullif(current_setting('app.party', true), '') IS NOT NULL)
);

GRANT SELECT, INSERT, UPDATE ON trade TO karez_bookkeeper;

GRANT SELECT ON trade TO karez_operator, karez_jobs, karez_person;
