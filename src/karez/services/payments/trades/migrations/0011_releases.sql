-- Parts of a trade that the shop got while the rest stayed in escrow; what ended a trade is in the trade itself.
-- table: trade_release sharded by trade
CREATE TABLE trade_release (
    trade uuid NOT NULL,
    id uuid NOT NULL,
    shop uuid NOT NULL,
    currency text NOT NULL,
    amount_minor bigint NOT NULL CHECK (amount_minor > 0),
    before_minor bigint NOT NULL CHECK (before_minor >= 0),
    released_ns bigint NOT NULL,
    PRIMARY KEY (trade, id)
);

CREATE INDEX trade_release_of_shop ON trade_release (shop, released_ns);

ALTER TABLE trade_release ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON trade_release TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON trade_release FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY shop ON trade_release FOR SELECT TO karez_person
    USING (shop = nullif(current_setting('app.party', true), '')::uuid);

GRANT SELECT, INSERT ON trade_release TO karez_bookkeeper;

GRANT SELECT ON trade_release TO karez_operator, karez_jobs, karez_person;
