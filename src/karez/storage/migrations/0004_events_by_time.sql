-- Every consumer reads all events in the order of time; an index by institution is paid for by each and asked by none.

DROP INDEX outbox_event_by_institution;
