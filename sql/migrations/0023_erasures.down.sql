--! data-loss: yes
-- Tombstones are lost. A tenant that is half erased or half imported would be an ordinary one again. The columns of the
-- tenants stay: all say the same then, older packages do not know them, and made again they would come back in another place.
do $$
begin
  if exists (select from platform.tenants t where t.state <> 'active') then
    raise exception 'a tenant is being erased or imported: let that end first';
  end if;
end
$$;
drop table platform.erasures;
