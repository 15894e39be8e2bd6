-- Operations are found by their ids alone; an index that nobody asks is paid for by every one of them.

DROP INDEX operation_by_institution;
