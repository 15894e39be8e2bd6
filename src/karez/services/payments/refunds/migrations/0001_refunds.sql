-- What shops have given back, in as many parts as they liked.

-- What can still be refunded of a finished trade is counted in an account of the book, which its first refund opens.
-- table: refund sharded by trade
CREATE TABLE refund (
    trade uuid NOT NULL,
    id uuid NOT NULL,
    reference text NOT NULL,
    shop uuid NOT NULL,
    buyer uuid NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    taken_from text NOT NULL CHECK (taken_from IN ('escrow', 'takings')),
    parts text NOT NULL,
    reason text NOT NULL,
    lines text NOT NULL,
    refunded_ns bigint NOT NULL,
    PRIMARY KEY (trade, id)
);

CREATE INDEX refund_by_moment ON refund (trade, refunded_ns DESC);

-- What a shop's next settlement is smaller by.
CREATE INDEX refund_by_shop ON refund (shop, refunded_ns) WHERE taken_from = 'takings';

ALTER TABLE refund ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON refund TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON refund FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY parties_to_it ON refund FOR SELECT TO karez_person
    USING (nullif(current_setting('app.party', true), '')::uuid IN (shop, buyer));

GRANT SELECT, INSERT ON refund TO karez_bookkeeper;

GRANT SELECT ON refund TO karez_operator, karez_jobs, karez_person;
