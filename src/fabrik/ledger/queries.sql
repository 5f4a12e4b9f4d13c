-- Every statement that fabrik runs against the ledger, by name.

-- name: run_insert
INSERT INTO runs (
  id, workflow, spec_id, spec_title, spec_path, todo_path, repo_url, repo_ref, git_sha, branch, workdir, agent, model,
  sandbox, unchecked, started_at, status, cli_version, os, context
) VALUES (
  :id, :workflow, :spec_id, :spec_title, :spec_path, :todo_path, :project, :repo_ref, :base_commit, :branch,
  :directory,
  :agent, :model, :sandbox, :unchecked, :at, 'running', :cli_version, :os, :context
);

-- name: run_list
-- A sum over calls is NULL as soon as one call's part is unknown; without calls it is 0.
SELECT
  r.seq, r.id, r.workflow, r.spec_id, r.spec_title, r.spec_path, r.todo_path, r.repo_url AS project, r.repo_ref,
  r.git_sha AS base_commit, r.branch, r.workdir AS directory, r.agent, r.model, r.sandbox, r.unchecked,
  r.started_at, r.finished_at, r.status, r.failure_reason, r.step, r.progress, r.candidate,
  r.cancel_requested, r.context,
  CASE WHEN count(c.id) = count(c.input_tokens) THEN ifnull(sum(c.input_tokens), 0) END AS input_tokens,
  CASE WHEN count(c.id) = count(c.cache_read_tokens) THEN ifnull(sum(c.cache_read_tokens), 0) END
    AS cache_read_tokens,
  CASE WHEN count(c.id) = count(c.cache_write_tokens) THEN ifnull(sum(c.cache_write_tokens), 0) END
    AS cache_write_tokens,
  CASE WHEN count(c.id) = count(c.output_tokens) THEN ifnull(sum(c.output_tokens), 0) END AS output_tokens,
  CASE WHEN count(c.id) = count(c.reasoning_tokens) THEN ifnull(sum(c.reasoning_tokens), 0) END
    AS reasoning_tokens,
  CASE WHEN count(c.id) = count(c.cost_usd) THEN total(c.cost_usd) END AS cost_usd,
  ifnull(sum(c.calls), 0) AS calls
FROM (
  SELECT * FROM runs
  WHERE (:id IS NULL OR id = :id) AND (:status IS NULL OR status = :status)
    AND (:workflow IS NULL OR workflow = :workflow) AND (:without IS NULL OR workflow <> :without)
  ORDER BY seq DESC LIMIT :limit
) AS r
LEFT JOIN model_calls AS c ON c.run_id = r.id
GROUP BY r.seq
ORDER BY r.seq DESC;

-- name: run_find
-- A range on the index for the beginning of an id; a scan for its end.
SELECT id, spec_id, status FROM runs
WHERE (id >= :ref AND id < :ref || '~') OR substr(id, -length(:ref)) = :ref
ORDER BY seq DESC;

-- name: run_last
-- A judge's run is over with its command, and there may be hundreds: "last" means one only where all are.
SELECT id FROM runs ORDER BY workflow = 'judge', seq DESC LIMIT 1;

-- name: run_state
SELECT status, fence, cancel_requested, progress, candidate, spec_path FROM runs WHERE id = :run;

-- name: run_owner
SELECT workdir, fence, owner_boot, owner_pid, owner_start FROM runs WHERE id = :run;

-- name: run_claim
UPDATE runs SET fence = fence + 1, owner_boot = :boot, owner_pid = :pid, owner_start = :start WHERE id = :run;

-- name: run_cancel_request
UPDATE runs SET cancel_requested = 1 WHERE id = :run;

-- name: run_progress
UPDATE runs SET progress = :text WHERE id = :run;

-- name: run_candidate
UPDATE runs SET candidate = :commit WHERE id = :run;

-- name: run_step
UPDATE runs SET step = :step WHERE id = :run;

-- name: run_wait
UPDATE runs SET status = 'waiting' WHERE id = :run;

-- name: run_finish
UPDATE runs SET status = :status, finished_at = :at, failure_reason = :reason, exit_code = :exit_code
WHERE id = :run;

-- name: run_reopen
UPDATE runs SET status = 'running', finished_at = NULL, failure_reason = NULL, exit_code = NULL,
  cancel_requested = 0
WHERE id = :run;

-- name: event_insert
INSERT INTO events (run_id, at, kind, step, data) VALUES (:run, :at, :kind, :step, :data);

-- name: event_list
SELECT seq, run_id, at, kind, step, data FROM events
WHERE run_id = :run AND seq > :after ORDER BY seq LIMIT :limit;

-- name: event_last
SELECT seq, run_id, at, kind, step, data FROM events WHERE run_id = :run ORDER BY seq DESC LIMIT 1;

-- name: event_last_of
-- One look at the index for each kind, however many events there are.
SELECT seq, run_id, at, kind, step, data FROM events
WHERE seq = (
  SELECT max((SELECT max(e.seq) FROM events AS e WHERE e.run_id = :run AND e.kind = k.value))
  FROM json_each(:kinds) AS k
);

-- name: step_get
SELECT key, state, attempt, inputs, inputs_changed, result, error, started_at, finished_at FROM steps
WHERE run_id = :run AND key = :key;

-- name: step_list
SELECT key, state, attempt, inputs, result, error, started_at, finished_at FROM steps
WHERE run_id = :run ORDER BY seq;

-- name: step_start
INSERT INTO steps (run_id, key, state, attempt, inputs, started_at)
VALUES (:run, :key, 'started', :attempt, :inputs, :at)
ON CONFLICT (run_id, key) DO UPDATE SET
  state = 'started', attempt = excluded.attempt, inputs = excluded.inputs, inputs_changed = 0, error = NULL,
  started_at = excluded.started_at, finished_at = NULL;

-- name: step_end
UPDATE steps SET state = :state, result = :result, error = :error, finished_at = :at
WHERE run_id = :run AND key = :key AND attempt = :attempt AND state = 'started';

-- name: step_inputs_changed
UPDATE steps SET inputs_changed = 1 WHERE run_id = :run AND key = :key;

-- name: task_report_insert
INSERT INTO task_report (
  run_id, step, task, status, commit_sha, work, files, tests, issues, next, created_at
) VALUES (:run, :step, :task, :status, :commit, :work, :files, :tests, :issues, :next, :at);

-- name: task_report_list
SELECT task, step, status, commit_sha, work, files, tests, issues, next FROM task_report
WHERE run_id = :run ORDER BY id;

-- name: review_report_insert
INSERT INTO review_report (
  run_id, step, reviewer, kind, round, commit_sha, status, issues, next, reason, created_at
) VALUES (:run, :step, :reviewer, :kind, :round, :commit, :status, :issues, :next, :reason, :at);

-- name: review_report_list
SELECT reviewer, step, kind, round, commit_sha, status, issues, next, reason FROM (
  SELECT * FROM review_report WHERE run_id = :run ORDER BY id DESC LIMIT :limit
) ORDER BY id;

-- name: review_summary_insert
INSERT INTO review_summary (run_id, step, kind, round, commit_sha, status, reviewers, created_at)
VALUES (:run, :step, :kind, :round, :commit, :status, :reviewers, :at);

-- name: review_summary_list
SELECT step, kind, round, commit_sha, status, reviewers FROM (
  SELECT * FROM review_summary WHERE run_id = :run ORDER BY id DESC LIMIT :limit
) ORDER BY id;

-- name: gate_get
SELECT number, candidate, state, reason, marks, overriding, opened_at, decided_at, decided_by, notes
FROM human_gate WHERE run_id = :run AND number = :number;

-- name: gate_list
SELECT number, candidate, state, reason, marks, overriding, opened_at, decided_at, decided_by, notes
FROM human_gate WHERE run_id = :run ORDER BY number;

-- name: gate_last
SELECT number, state FROM human_gate WHERE run_id = :run ORDER BY number DESC LIMIT 1;

-- name: gate_open
INSERT INTO human_gate (run_id, number, candidate, state, reason, marks, opened_at)
VALUES (:run, :number, :candidate, 'open', :reason, :marks, :at);

-- name: gate_mark
UPDATE human_gate SET reason = :reason, marks = :marks
WHERE run_id = :run AND number = :number AND state = 'open';

-- name: gate_decide
UPDATE human_gate
SET state = :state, overriding = :overriding, decided_at = :at, decided_by = :by, notes = :notes
WHERE run_id = :run AND number = :number AND state = 'open';

-- name: feedback_insert
INSERT INTO human_feedback (
  run_id, spec_path, gate, decision, overriding, decided_by, notes, created_at
) VALUES (:run, :spec_path, :gate, :decision, :overriding, :by, :notes, :at);

-- name: feedback_get
SELECT * FROM human_feedback WHERE id = :id;

-- name: feedback_list
SELECT * FROM human_feedback WHERE run_id = :run ORDER BY id;

-- name: feedback_on_spec
SELECT * FROM (
  SELECT * FROM human_feedback WHERE spec_path = :spec_path AND notes <> '' ORDER BY id DESC LIMIT :limit
) ORDER BY id;

-- name: feedback_unused
SELECT count(*) FROM human_feedback WHERE run_id = :run AND decision = 'noted' AND used_by IS NULL;

-- name: feedback_for_step
SELECT * FROM human_feedback
WHERE run_id = :run AND decision = 'noted' AND (used_by IS NULL OR used_by = :step) ORDER BY id;

-- name: feedback_use
UPDATE human_feedback SET used_by = :step WHERE run_id = :run AND decision = 'noted' AND used_by IS NULL;

-- name: call_start
INSERT INTO model_calls (run_id, id, step, protocol, model, started_at)
VALUES (:run, :id, :step, :protocol, :model, :at);

-- name: call_finish
INSERT INTO model_calls (
  run_id, id, step, protocol, model, status, input_tokens, cache_read_tokens, cache_write_tokens,
  output_tokens, reasoning_tokens, cost_usd, calls, price_table, attempts, seconds, outcome, retry_at,
  started_at
) VALUES (
  :run, :id, :step, :protocol, :model, :status, :input_tokens, :cache_read_tokens, :cache_write_tokens,
  :output_tokens, :reasoning_tokens, :cost_usd, :calls, :price_table, :attempts, :seconds, :outcome, :retry_at,
  :at - :seconds
)
ON CONFLICT (run_id, id) DO UPDATE SET
  step = excluded.step, protocol = excluded.protocol, model = excluded.model, status = excluded.status,
  input_tokens = excluded.input_tokens, cache_read_tokens = excluded.cache_read_tokens,
  cache_write_tokens = excluded.cache_write_tokens, output_tokens = excluded.output_tokens,
  reasoning_tokens = excluded.reasoning_tokens, cost_usd = excluded.cost_usd, calls = excluded.calls,
  price_table = excluded.price_table, attempts = excluded.attempts, seconds = excluded.seconds,
  outcome = excluded.outcome, retry_at = excluded.retry_at
WHERE model_calls.outcome IS NULL;

-- name: call_list
SELECT id, step, protocol, model, status, input_tokens, cache_read_tokens, cache_write_tokens, output_tokens,
  reasoning_tokens, cost_usd, calls, price_table, attempts, seconds, outcome, retry_at
FROM model_calls WHERE run_id = :run AND (:step IS NULL OR step = :step) ORDER BY id;

-- name: call_last
SELECT ifnull(max(id), 0) FROM model_calls WHERE run_id = :run;

-- name: check_steps
-- Each finished step was finished by one transaction, which also wrote one event.
SELECT s.run_id, s.key, count(e.seq) AS events FROM steps AS s
LEFT JOIN events AS e ON e.run_id = s.run_id AND e.step = s.key AND e.kind = 'step.finished'
WHERE s.state = 'finished' GROUP BY s.seq HAVING count(e.seq) <> 1;

-- name: check_verdicts
SELECT id, status FROM runs
WHERE status NOT IN ('running', 'waiting')
  AND NOT EXISTS (SELECT 1 FROM events WHERE run_id = runs.id AND kind = 'run.verdict');
