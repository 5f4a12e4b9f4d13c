-- The ledger's schema. Each section brings a ledger to that version; a released section is never edited.
-- Times are seconds since the epoch, for display only: order always comes from `seq`.
-- Lists and objects are JSON. Query by hand with: sqlite3 -readonly ledger.db

-- version: 1

CREATE TABLE runs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  workflow TEXT NOT NULL,              -- ship, loop, backlog, review, interview, todo, judge
  spec_id TEXT NOT NULL,
  spec_title TEXT NOT NULL,
  spec_path TEXT NOT NULL,
  todo_path TEXT,
  repo_url TEXT NOT NULL,              -- the project: a path or a URL
  repo_ref TEXT,                       -- what the user asked for
  git_sha TEXT NOT NULL,               -- the commit that the run starts from
  branch TEXT NOT NULL,
  workdir TEXT NOT NULL,               -- the run's own directory
  agent TEXT NOT NULL,
  model TEXT,
  sandbox TEXT NOT NULL,
  unchecked INTEGER NOT NULL CHECK (unchecked IN (0, 1)),
  started_at REAL NOT NULL,
  finished_at REAL,
  status TEXT NOT NULL CHECK (status IN
    ('running', 'waiting', 'shipped', 'done', 'rejected', 'blocked', 'exhausted', 'failed', 'cancelled')),
  exit_code INTEGER,                   -- of the command that follows the run, once there is a verdict
  failure_reason TEXT,
  step TEXT,                           -- the step that was started last
  progress TEXT NOT NULL DEFAULT '',
  candidate TEXT,
  cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
  fence INTEGER NOT NULL DEFAULT 0,    -- grows with every owner; an older owner cannot write
  owner_boot TEXT,                     -- boot id, pid and start time name one process for ever
  owner_pid INTEGER,
  owner_start INTEGER,
  cli_version TEXT NOT NULL,
  os TEXT NOT NULL,
  context TEXT NOT NULL                -- run-context.json; last, because it can be long
) STRICT;
CREATE INDEX runs_by_status ON runs (status, seq);

CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id TEXT NOT NULL REFERENCES runs (id),
  at REAL NOT NULL,
  kind TEXT NOT NULL,
  step TEXT,
  data TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_run ON events (run_id, seq);
CREATE INDEX events_by_kind ON events (run_id, kind, seq);

CREATE TABLE steps (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  run_id TEXT NOT NULL REFERENCES runs (id),
  key TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('started', 'finished', 'failed')),
  attempt INTEGER NOT NULL CHECK (attempt >= 1),
  inputs TEXT NOT NULL,
  inputs_changed INTEGER NOT NULL DEFAULT 0 CHECK (inputs_changed IN (0, 1)),  -- said once after it finished
  result TEXT,
  error TEXT,
  started_at REAL NOT NULL,
  finished_at REAL,
  UNIQUE (run_id, key),
  CHECK ((state = 'finished') = (result IS NOT NULL)),
  CHECK ((state = 'failed') = (error IS NOT NULL))
) STRICT;

CREATE TABLE model_calls (
  run_id TEXT NOT NULL REFERENCES runs (id),
  id INTEGER NOT NULL,
  step TEXT NOT NULL,
  protocol TEXT NOT NULL,
  model TEXT,
  status INTEGER NOT NULL DEFAULT 0,
  input_tokens INTEGER,                -- NULL is unknown, never 0
  cache_read_tokens INTEGER,
  cache_write_tokens INTEGER,
  output_tokens INTEGER,
  reasoning_tokens INTEGER,
  cost_usd REAL,
  calls INTEGER NOT NULL DEFAULT 1,
  price_table TEXT,
  attempts INTEGER NOT NULL DEFAULT 1,
  seconds REAL NOT NULL DEFAULT 0,
  outcome TEXT,                        -- NULL: under way, or its end was never seen
  retry_at REAL,
  started_at REAL NOT NULL,
  PRIMARY KEY (run_id, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE task_report (
  id INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL REFERENCES runs (id),
  step TEXT NOT NULL,
  task TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('done', 'pending', 'blocked', 'failed')),
  commit_sha TEXT,
  work TEXT NOT NULL,
  files TEXT NOT NULL,
  tests TEXT NOT NULL,
  issues TEXT NOT NULL,
  next TEXT NOT NULL,
  created_at REAL NOT NULL
) STRICT;
CREATE INDEX task_report_by_run ON task_report (run_id, id);

-- One reviewer's verdict on one commit, or why there is none.
CREATE TABLE review_report (
  id INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL REFERENCES runs (id),
  step TEXT NOT NULL,
  reviewer TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('light', 'full')),  -- of one task; of the candidate
  round INTEGER NOT NULL CHECK (round >= 1),
  commit_sha TEXT NOT NULL,            -- the verdict counts for this commit and no other
  status TEXT NOT NULL CHECK (status IN ('approved', 'changes_requested', 'no_verdict')),
  issues TEXT NOT NULL,                -- what is to be changed; of an approval: remarks
  next TEXT NOT NULL,
  reason TEXT NOT NULL,                -- why there is no verdict
  created_at REAL NOT NULL
) STRICT;
CREATE INDEX review_report_by_run ON review_report (run_id, id);

CREATE TABLE review_summary (
  id INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL REFERENCES runs (id),
  step TEXT NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('light', 'full')),
  round INTEGER NOT NULL CHECK (round >= 1),
  commit_sha TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('approved', 'changes_requested', 'no_verdict')),
  reviewers TEXT NOT NULL,             -- of everybody who was asked: reviewer, status, findings, reason
  created_at REAL NOT NULL
) STRICT;
CREATE INDEX review_summary_by_run ON review_summary (run_id, id);

CREATE TABLE human_gate (
  run_id TEXT NOT NULL REFERENCES runs (id),
  number INTEGER NOT NULL CHECK (number >= 1),
  candidate TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('open', 'approved', 'rejected')),
  reason TEXT NOT NULL,
  marks TEXT NOT NULL,                 -- what speaks against the candidate
  overriding INTEGER NOT NULL DEFAULT 0,  -- approved in spite of its marks
  opened_at REAL NOT NULL,
  decided_at REAL,
  decided_by TEXT,
  notes TEXT,
  PRIMARY KEY (run_id, number),
  CHECK (overriding = (state = 'approved' AND marks <> '[]'))
) STRICT;

CREATE TABLE human_feedback (
  id INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL REFERENCES runs (id),
  spec_path TEXT NOT NULL,
  gate INTEGER,                        -- the gate that it decided; NULL: said at another time
  decision TEXT NOT NULL CHECK (decision IN ('approved', 'rejected', 'noted')),
  overriding INTEGER NOT NULL DEFAULT 0 CHECK (overriding IN (0, 1)),
  decided_by TEXT NOT NULL,
  notes TEXT,
  used_by TEXT,                        -- the step in whose prompt a note was put first
  created_at REAL NOT NULL,
  CHECK (gate IS NOT NULL OR notes <> ''),
  CHECK (decision = 'noted' OR used_by IS NULL)
) STRICT;
CREATE INDEX human_feedback_by_run ON human_feedback (run_id, id);
CREATE INDEX human_feedback_by_spec ON human_feedback (spec_path, id) WHERE notes <> '';
