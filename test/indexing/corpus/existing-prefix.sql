-- An index that begins with the column is there.
-- kept: orders_customer_made_idx
create table orders (id int primary key, customer int, made timestamptz);
create index on orders (customer, made);
insert into orders select i, i * 7919 % 2000, now() from generate_series(1, 20000) i;
-- workload
select * from orders where customer = $1;
