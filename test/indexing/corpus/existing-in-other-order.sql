-- Columns compared by = may stand in any order.
-- kept: orders_kind_customer_idx
create table orders (id int primary key, customer int, kind int);
create index on orders (kind, customer);
insert into orders select i, i * 7919 % 2000, i % 97 from generate_series(1, 20000) i;
-- workload
select * from orders where customer = $1 and kind = $2;
