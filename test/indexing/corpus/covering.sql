-- One more narrow column, and the table need not be read.
-- create: grants (grantee) include (role)
create table grants (id int primary key, grantee int, role int, note text);
insert into grants select i, i * 7919 % 100, i % 7, repeat('x', 100) from generate_series(1, 20000) i;
-- vacuum: grants
-- workload
select role from grants where grantee = $1;
