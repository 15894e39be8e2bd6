-- Coupons: campaigns that give money towards payments, and what people hold of them.

-- What may still be claimed is what is free in the campaign's budget account. Campaigns are offers to everybody.
-- table: coupon_campaign sharded by id
CREATE TABLE coupon_campaign (
    id uuid PRIMARY KEY,
    reference text NOT NULL,
    institution integer,
    shop uuid,
    title text NOT NULL,
    currency text NOT NULL,
    face_minor bigint NOT NULL CHECK (face_minor > 0),
    minimum_minor bigint NOT NULL CHECK (minimum_minor >= 0),
    count integer NOT NULL CHECK (count > 0),
    state text NOT NULL CHECK (state IN ('open', 'closed')),
    until_ns bigint NOT NULL,
    created_ns bigint NOT NULL,
    CHECK ((institution IS NULL) <> (shop IS NULL))
);

CREATE INDEX coupon_campaign_by_age ON coupon_campaign (created_ns DESC);

CREATE INDEX coupon_campaign_of_shop ON coupon_campaign (shop, created_ns DESC) WHERE shop IS NOT NULL;

CREATE INDEX coupon_campaign_of_institution ON coupon_campaign (institution, created_ns DESC)
    WHERE institution IS NOT NULL;

ALTER TABLE coupon_campaign ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON coupon_campaign TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON coupon_campaign FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY offered ON coupon_campaign FOR SELECT TO karez_person
    USING (nullif(current_setting('app.party', true), '') IS NOT NULL);

CREATE POLICY funder ON coupon_campaign FOR SELECT TO karez_institution
    USING (institution = nullif(current_setting('app.institution', true), '')::int);

GRANT SELECT, INSERT, UPDATE ON coupon_campaign TO karez_bookkeeper;

GRANT SELECT ON coupon_campaign TO karez_operator, karez_jobs, karez_person, karez_institution;

-- A person's coupon of a campaign; its id derives from both, so there is one for each person at most.
-- table: coupon sharded by id
CREATE TABLE coupon (
    id uuid PRIMARY KEY,
    campaign uuid NOT NULL,
    party uuid NOT NULL,
    shop uuid,
    currency text NOT NULL,
    worth_minor bigint NOT NULL CHECK (worth_minor > 0),
    minimum_minor bigint NOT NULL,
    state text NOT NULL CHECK (state IN ('claimed', 'used')),
    reservation uuid NOT NULL,
    trade uuid,
    until_ns bigint NOT NULL,
    claimed_ns bigint NOT NULL,
    used_ns bigint,
    CHECK ((state = 'used') = (trade IS NOT NULL))
);

CREATE INDEX coupon_by_party ON coupon (party, claimed_ns DESC);

ALTER TABLE coupon ENABLE ROW LEVEL SECURITY;

CREATE POLICY book ON coupon TO karez_bookkeeper USING (true) WITH CHECK (true);

CREATE POLICY reading ON coupon FOR SELECT TO karez_operator, karez_jobs USING (true);

CREATE POLICY holder ON coupon FOR SELECT TO karez_person
    USING (party = nullif(current_setting('app.party', true), '')::uuid);

GRANT SELECT, INSERT, UPDATE ON coupon TO karez_bookkeeper;

GRANT SELECT ON coupon TO karez_operator, karez_jobs, karez_person;
