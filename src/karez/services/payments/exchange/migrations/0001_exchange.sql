-- Which currencies may be paid for which, what banks grant and give, and what payers were quoted.

-- table: exchange_pair reference
CREATE TABLE exchange_pair (
    paid text NOT NULL,
    priced text NOT NULL,
    margin_bps integer NOT NULL CHECK (margin_bps >= 0),
    quote_s integer NOT NULL CHECK (quote_s > 0),
    changed_ns bigint NOT NULL,
    PRIMARY KEY (paid, priced)
);

-- table: exchange_limit reference
CREATE TABLE exchange_limit (
    bank integer NOT NULL,
    currency text NOT NULL,
    limit_minor bigint NOT NULL CHECK (limit_minor >= 0),
    changed_ns bigint NOT NULL,
    PRIMARY KEY (bank, currency)
);

-- Rates stay: a quote says by which one it was made.
-- table: exchange_rate sharded by id
CREATE TABLE exchange_rate (
    id uuid PRIMARY KEY,
    bank integer NOT NULL,
    base text NOT NULL,
    counter text NOT NULL,
    bid bigint NOT NULL CHECK (bid > 0),
    ask bigint NOT NULL CHECK (ask >= bid),
    scale smallint NOT NULL CHECK (scale BETWEEN 0 AND 12),
    valid_until_ns bigint NOT NULL,
    given_ns bigint NOT NULL
);

CREATE INDEX exchange_rate_by_pair ON exchange_rate (base, counter, bank, given_ns DESC);

-- table: exchange_quote sharded by id
CREATE TABLE exchange_quote (
    id uuid PRIMARY KEY,
    payer uuid NOT NULL,
    trade uuid NOT NULL,
    bank integer NOT NULL,
    rate uuid NOT NULL,
    priced text NOT NULL,
    price_minor bigint NOT NULL CHECK (price_minor > 0),
    paid text NOT NULL,
    bank_minor bigint NOT NULL CHECK (bank_minor > 0),
    margin_minor bigint NOT NULL CHECK (margin_minor >= 0),
    state text NOT NULL CHECK (state IN ('open', 'used')),
    expires_ns bigint NOT NULL,
    quoted_ns bigint NOT NULL
);

ALTER TABLE exchange_pair ENABLE ROW LEVEL SECURITY;

ALTER TABLE exchange_limit ENABLE ROW LEVEL SECURITY;

ALTER TABLE exchange_rate ENABLE ROW LEVEL SECURITY;

ALTER TABLE exchange_quote ENABLE ROW LEVEL SECURITY;

CREATE POLICY everybody_reads ON exchange_pair FOR SELECT USING (true);

CREATE POLICY book ON exchange_pair TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON exchange_limit TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON exchange_rate TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY book ON exchange_quote TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON exchange_limit FOR SELECT TO karez_operator USING (true);

CREATE POLICY reading ON exchange_rate FOR SELECT TO karez_operator USING (true);

CREATE POLICY reading ON exchange_quote FOR SELECT TO karez_operator USING (true);

CREATE POLICY bank ON exchange_limit FOR SELECT TO karez_institution
    USING (bank = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY bank ON exchange_rate FOR SELECT TO karez_institution
    USING (bank = nullif(current_setting('app.institution', true), '')::integer);

CREATE POLICY payer ON exchange_quote FOR SELECT TO karez_person
    USING (payer = nullif(current_setting('app.party', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE ON exchange_pair, exchange_limit, exchange_quote TO karez_bookkeeper;

GRANT SELECT, INSERT ON exchange_rate TO karez_bookkeeper;

GRANT SELECT ON exchange_pair, exchange_limit, exchange_rate, exchange_quote TO karez_operator;

GRANT SELECT ON exchange_pair, exchange_limit, exchange_rate TO karez_institution;

GRANT SELECT ON exchange_pair, exchange_quote TO karez_person;
