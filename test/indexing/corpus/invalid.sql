-- What a failed build has left behind.
-- invalid: orders_broken
create table orders (id int primary key, customer int);
create index orders_broken on orders (customer);
insert into orders select i, i from generate_series(1, 1000) i;
update pg_index set indisvalid = false where indexrelid = 'orders_broken'::regclass;
-- workload
select * from orders where id = $1;
