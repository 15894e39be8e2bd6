-- Disputes about what is in escrow, with what both sides say about them.

-- At most one dispute of a trade is open: the one in whose time the trade is in the state "disputed".
-- table: trade_dispute sharded by trade
CREATE TABLE trade_dispute (
    trade uuid NOT NULL,
    id uuid NOT NULL,
    number integer NOT NULL,
    shop uuid NOT NULL,
    buyer uuid NOT NULL,
    opened_by text NOT NULL CHECK (opened_by IN ('buyer', 'shop')),
    reason text NOT NULL,
    currency text NOT NULL,
    wanted_minor bigint NOT NULL CHECK (wanted_minor > 0),
    state text NOT NULL CHECK (state IN ('open', 'withdrawn', 'accepted', 'decided')),
    trade_state text NOT NULL CHECK (trade_state IN ('paid', 'shipped')),
    remaining_ns bigint NOT NULL CHECK (remaining_ns >= 0),
    buyer_evidence integer NOT NULL,
    shop_evidence integer NOT NULL,
    decision text CHECK (decision IN ('full', 'partial', 'refused')),
    decision_reason text,
    returned_minor bigint NOT NULL CHECK (returned_minor >= 0),
    opened_ns bigint NOT NULL,
    ended_ns bigint,
    PRIMARY KEY (trade, id),
    CHECK ((state = 'open') = (ended_ns IS NULL)),
    CHECK ((state = 'decided') = (decision IS NOT NULL))
);

CREATE INDEX trade_dispute_open ON trade_dispute (opened_ns) WHERE state = 'open';

ALTER TABLE trade_dispute ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON trade_dispute TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON trade_dispute FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY parties_to_it ON trade_dispute FOR SELECT TO karez_person
    USING (nullif(current_setting('app.party', true), '')::uuid IN (shop, buyer));

GRANT SELECT, INSERT, UPDATE ON trade_dispute TO karez_bookkeeper;

GRANT SELECT ON trade_dispute TO karez_operator, karez_jobs, karez_person;

-- What a side says, and the digest of a file that it keeps as proof. Nothing is changed or taken back.
-- table: trade_evidence sharded by trade
CREATE TABLE trade_evidence (
    trade uuid NOT NULL,
    dispute uuid NOT NULL,
    number integer NOT NULL,
    shop uuid NOT NULL,
    buyer uuid NOT NULL,
    given_by text NOT NULL CHECK (given_by IN ('buyer', 'shop')),
    content text NOT NULL,
    file_sha256 text,
    given_ns bigint NOT NULL,
    PRIMARY KEY (trade, dispute, number)
);

ALTER TABLE trade_evidence ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON trade_evidence TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON trade_evidence FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY parties_to_it ON trade_evidence FOR SELECT TO karez_person
    USING (nullif(current_setting('app.party', true), '')::uuid IN (shop, buyer));

GRANT SELECT, INSERT ON trade_evidence TO karez_bookkeeper;

GRANT SELECT ON trade_evidence TO karez_operator, karez_jobs, karez_person;
