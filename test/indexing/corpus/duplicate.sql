-- Of two that are the same the younger goes, and one stays.
-- drop: orders_twin
-- kept: orders_first
create table orders (id int primary key, customer int);
create index orders_first on orders (customer);
create index orders_twin on orders (customer);
insert into orders select i, i * 7919 % 2000 from generate_series(1, 20000) i;
-- workload
select * from orders where customer = $1;
