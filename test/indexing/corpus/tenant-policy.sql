-- The tenant is compared by the policy alone, and comes first.
-- create: notes (tenant, topic)
create table notes (id int primary key, tenant int, topic int, body text);
insert into notes select i, i % 50, i * 7919 % 211, repeat('x', 40) from generate_series(1, 20000) i;
alter table notes enable row level security, force row level security;
create policy own on notes using (tenant = (select current_setting('app.tenant'))::int);
-- workload
-- role: app
select * from notes where topic = $1;
