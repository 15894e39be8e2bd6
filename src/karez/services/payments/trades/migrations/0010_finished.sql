-- What a shop has sold is settled by the moment at which it was finished.

CREATE INDEX trade_finished ON trade (shop, finished_ns) WHERE finished_ns IS NOT NULL;
