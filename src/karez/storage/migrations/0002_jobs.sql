-- Background work. A job is there once the transaction that asked for it has committed, and gone once the
-- transaction that did it has; in between it is the row lock, not a column, that says who is at it.

-- Busy tables that are nearly always nearly empty: vacuum by the number of dead rows, not by a share.
-- table: job local
CREATE TABLE job (
    id uuid PRIMARY KEY,
    queue text NOT NULL DEFAULT 'default',
    kind text NOT NULL,
    payload jsonb NOT NULL,
    priority smallint NOT NULL DEFAULT 0,
    run_at_ns bigint NOT NULL,
    attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    dedupe_key text,
    created_ns bigint NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

CREATE INDEX job_by_turn ON job (queue, priority, run_at_ns, id);

CREATE UNIQUE INDEX job_once_by_key ON job (queue, dedupe_key) WHERE dedupe_key IS NOT NULL;

-- Locks the jobs whose turn it is, and passes over those that others are at. The queue fills and empties faster
-- than statistics follow, and a planner that believes it small would sort all of it for each batch; so sorting is
-- ruled out, and the index gives the order.
CREATE FUNCTION lock_due_jobs(job_queue text, kinds text[], now_ns bigint, row_limit integer) RETURNS SETOF uuid
LANGUAGE plpgsql SET enable_sort = off SET enable_incremental_sort = off AS $$
BEGIN
    RETURN QUERY SELECT id FROM job WHERE queue = job_queue AND kind = ANY(kinds) AND run_at_ns <= now_ns
        ORDER BY priority, run_at_ns, id LIMIT row_limit FOR UPDATE SKIP LOCKED;
END
$$;

-- table: dead_job local
CREATE TABLE dead_job (
    id uuid PRIMARY KEY,
    queue text NOT NULL,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    priority smallint NOT NULL,
    attempts integer NOT NULL,
    dedupe_key text,
    created_ns bigint NOT NULL,
    died_ns bigint NOT NULL,
    error text NOT NULL
);

CREATE INDEX dead_job_by_time ON dead_job (died_ns, id);

-- table: schedule local
CREATE TABLE schedule (
    name text PRIMARY KEY,
    queue text NOT NULL,
    kind text NOT NULL,
    payload jsonb NOT NULL,
    every_s integer CHECK (every_s > 0),
    cron text,
    next_run_ns bigint NOT NULL,
    CHECK (num_nonnulls(every_s, cron) = 1)
);

CREATE INDEX schedule_by_turn ON schedule (next_run_ns, name);

-- Everyone may ask for work; what is asked for is seen by those who do it and by the operator. The bookkeeper
-- reads back the keys of the rows that it has written.
GRANT INSERT ON job TO karez_institution, karez_person, karez_operator, karez_entrance, karez_bookkeeper, karez_jobs;

GRANT SELECT (id) ON job TO karez_bookkeeper;

GRANT SELECT, UPDATE, DELETE ON job TO karez_jobs;

REVOKE EXECUTE ON FUNCTION lock_due_jobs FROM PUBLIC;

GRANT EXECUTE ON FUNCTION lock_due_jobs TO karez_jobs;

GRANT SELECT, INSERT, UPDATE, DELETE ON dead_job, schedule TO karez_jobs;

GRANT SELECT ON job, dead_job, schedule TO karez_operator;

GRANT DELETE ON dead_job TO karez_operator;
