--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- Tuning: one row a trial of a setting, with its evidence. An open row is also the right to try: there is one at most, and it
-- names the way back before anything is changed.

create table platform.tuning_trials (
  trial_id uuid not null,
  knob text collate "C" not null,
  place text collate "C" not null,
  target jsonb not null,
  scope text not null,
  setting text collate "C" not null,
  old_value text,
  new_value text not null,
  apply_statement text not null,
  undo_statement text not null,
  reason text not null,
  metric text not null,
  guard text not null,
  window_ms integer not null,
  login text not null,
  holder text not null,
  token bigint not null,
  held_until timestamptz not null,
  state text collate "C" not null default 'measuring',
  started_at timestamptz not null,
  applied_at timestamptz,
  ended_at timestamptz,
  decision text collate "C",
  explanation text,
  windows jsonb not null default '[]'::jsonb,
  effect double precision,
  effect_low double precision,
  effect_high double precision,
  undone_at timestamptz,
  undone_by text,
  constraint tuning_trials_pkey primary key (trial_id),
  constraint tuning_trials_place_known check (place in ('server', 'pooler', 'process')),
  constraint tuning_trials_state_known check (state in ('measuring', 'applied', 'kept', 'rolled-back', 'undone')),
  constraint tuning_trials_decision_known check (decision in ('better', 'no-better', 'harmful', 'no-verdict', 'interrupted')),
  constraint tuning_trials_target_object check (jsonb_typeof(target) = 'object'),
  constraint tuning_trials_windows_array check (jsonb_typeof(windows) = 'array'),
  constraint tuning_trials_window_positive check (window_ms > 0),
  constraint tuning_trials_ended check ((state in ('measuring', 'applied')) = (ended_at is null)),
  constraint tuning_trials_decided check ((ended_at is null) = (decision is null)),
  constraint tuning_trials_kept_better check (state not in ('kept', 'undone') or decision = 'better'),
  constraint tuning_trials_undone check ((state = 'undone') = (undone_at is not null))
);
comment on table platform.tuning_trials is 'One row a trial of a setting: what was changed, where, by whom, what was measured before and after, and what was decided. An open one is the right to try, for one process at a time.';
comment on column platform.tuning_trials.place is 'Where the setting lies: server (a role or a table), pooler (until PgBouncer is started again), process (the one that tries).';
comment on column platform.tuning_trials.target is 'What it is set on, as the knob knows it; the way back is made of it and of old_value, never of the statements, which are for people.';
comment on column platform.tuning_trials.old_value is 'What was set there before; null: nothing, the default of a wider scope held.';
comment on column platform.tuning_trials.token is 'Grows when another process takes an open trial over; nothing is changed but under the present one.';
comment on column platform.tuning_trials.held_until is 'By the clock of this server; after it another process may roll an open trial back.';
comment on column platform.tuning_trials.state is 'measuring: nothing is changed; applied: it is, and is measured or about to be; kept, rolled-back: how it ended; undone: kept, and taken back by hand later.';
comment on column platform.tuning_trials.windows is 'What was measured, window by window: with the change or without, and its samples with calls, value and guards.';
comment on column platform.tuning_trials.effect is 'Median after by median before, below 1 is better; between effect_low and effect_high with the stated confidence.';
-- One at a time in the whole database.
create unique index tuning_trials_open on platform.tuning_trials ((true)) where ended_at is null;
create index tuning_trials_target on platform.tuning_trials (knob, scope, trial_id);

grant select on platform.tuning_trials to pgfleet_operator, pgfleet_monitor;
