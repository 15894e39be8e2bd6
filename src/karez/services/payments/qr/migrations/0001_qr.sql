-- What shops show to payers, and what payers show to shops.

-- What a shop's codes tell about it.
-- table: shopfront sharded by shop
CREATE TABLE shopfront (
    shop uuid PRIMARY KEY,
    name text NOT NULL,
    city text NOT NULL,
    country text NOT NULL,
    category_code text NOT NULL,
    language text,
    local_name text,
    local_city text,
    changed_ns bigint NOT NULL
);

-- A sticker on which the payer types the amount. Its id is what the sticker says.
-- table: shop_qr sharded by id
CREATE TABLE shop_qr (
    id uuid PRIMARY KEY,
    shop uuid NOT NULL,
    currency text NOT NULL,
    label text NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'withdrawn')),
    made_ns bigint NOT NULL
);

CREATE INDEX shop_qr_by_shop ON shop_qr (shop, made_ns DESC);

-- A payer's one-time code, known by a keyed fingerprint only.
-- table: pay_code sharded by fingerprint
CREATE TABLE pay_code (
    fingerprint bytea PRIMARY KEY,
    payer uuid NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'used')),
    expires_ns bigint NOT NULL,
    trade uuid,
    CHECK ((state = 'used') = (trade IS NOT NULL))
);

-- Most codes are shown and never used.
CREATE INDEX pay_code_unused ON pay_code (expires_ns) WHERE state = 'open';

ALTER TABLE shopfront ENABLE ROW LEVEL SECURITY;

ALTER TABLE shop_qr ENABLE ROW LEVEL SECURITY;

ALTER TABLE pay_code ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON shopfront TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON shop_qr TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON pay_code TO karez_bookkeeper USING (true) WITH CHECK (true);

-- What hangs in a shop's window is everybody's to read.
CREATE POLICY reading ON shopfront FOR SELECT TO karez_operator, karez_jobs, karez_person USING (true);

CREATE POLICY reading ON shop_qr FOR SELECT TO karez_operator, karez_jobs, karez_person USING (true);

-- A shop that was shown a code does not read this table: Karez itself looks the code up for it.
CREATE POLICY reading ON pay_code FOR SELECT TO karez_operator USING (true);

CREATE POLICY payer ON pay_code FOR SELECT TO karez_person
    USING (payer = nullif(current_setting('app.party', true), '')::uuid);

CREATE POLICY forgetting ON pay_code TO karez_jobs USING (state = 'open');

GRANT SELECT, INSERT, UPDATE ON shopfront, shop_qr, pay_code TO karez_bookkeeper;

GRANT SELECT ON shopfront, shop_qr TO karez_operator, karez_jobs, karez_person;

GRANT SELECT ON pay_code TO karez_operator, karez_person;

GRANT SELECT, DELETE ON pay_code TO karez_jobs;
