-- The shorter one begins the longer one.
-- kept: orders_customer_made_idx
-- drop: orders_customer_idx
create table orders (id int primary key, customer int, made timestamptz);
create index orders_customer_idx on orders (customer);
create index orders_customer_made_idx on orders (customer, made);
insert into orders select i, i * 7919 % 2000, now() from generate_series(1, 20000) i;
-- workload
select * from orders where customer = $1;
select * from orders where customer = $1 order by made limit 5;
