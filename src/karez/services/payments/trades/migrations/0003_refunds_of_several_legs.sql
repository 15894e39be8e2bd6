-- How a refund is split over several legs depends on what was refunded before: these refunds take turns by this.

ALTER TABLE trade ADD COLUMN legs_refunded_minor bigint NOT NULL DEFAULT 0 CHECK (legs_refunded_minor >= 0);
