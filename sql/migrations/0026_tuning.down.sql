--! data-loss: yes
do $$
begin
  if exists (select from platform.tuning_trials t where t.ended_at is null) then
    raise exception 'a trial is open: run pgfleet tune --once, which ends it or rolls it back, first';
  end if;
end
$$;
drop table platform.tuning_trials;
