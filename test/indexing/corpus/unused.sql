-- Nobody reads by it.
-- drop: people_note_idx
create table people (id int primary key, note text);
create index people_note_idx on people (note);
insert into people select i, 'note ' || i from generate_series(1, 20000) i;
-- workload
select * from people where id = $1;
