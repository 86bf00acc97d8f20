--! data-loss: yes
do $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid from pg_class c
    where c.relnamespace = 'memory'::regnamespace and c.relkind = 'r' and c.relname ~ '^vectors_\d+$'
  loop
    execute format('drop table %s', v_table);
  end loop;
end
$$;
drop table memory.vector_dimensions;
