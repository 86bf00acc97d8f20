-- One row in a hundred was deleted: only those are in the index.
-- create: documents (owner) where deleted is not null
create table documents (id int primary key, owner int, deleted timestamptz);
insert into documents select i, i * 7919 % 100, case when i % 20 = 0 then now() end from generate_series(1, 40000) i;
-- workload
select * from documents where deleted is not null and owner = $1;
