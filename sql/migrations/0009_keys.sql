--! breaking: no   lock: none (new objects only)   rewrite: none   time: instant
-- API keys of callers, as hashes; secrets of services, encrypted by the application.

create table memory.api_keys (
  tenant_id text collate "C" not null,
  key_id uuid not null,
  name text not null,
  secret_hash bytea not null,
  scopes text[] not null default '{}'::text[],
  metadata jsonb not null default '{}'::jsonb,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null default 'infinity'::timestamptz,
  revoked_at timestamptz,
  rotated_from uuid,
  usage_count bigint not null default 0,
  last_used_at timestamptz,
  constraint api_keys_pkey primary key (tenant_id, key_id),
  constraint api_keys_hash_length check (octet_length(secret_hash) = 32),
  constraint api_keys_name_length check (length(name) between 1 and 200),
  constraint api_keys_usage_positive check (usage_count >= 0)
) with (fillfactor = 80);
comment on table memory.api_keys is 'Keys by which callers are known. The key itself is shown once and kept nowhere: only the SHA-256 of its 256 random bits.';
comment on column memory.api_keys.usage_count is 'Counted by each process and added every few seconds.';

create table memory.data_keys (
  tenant_id text collate "C" not null,
  data_key_id uuid not null,
  master_key_id text not null,
  wrapped_key bytea not null,
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  wrapped_at timestamptz not null default now(),
  constraint data_keys_pkey primary key (tenant_id, data_key_id),
  constraint data_keys_wrapped_length check (octet_length(wrapped_key) between 32 and 8192)
);
comment on table memory.data_keys is 'Keys that encrypt a tenant''s secrets, each wrapped by a master key that the database never sees.';
create unique index data_keys_active on memory.data_keys (tenant_id) where is_active;

create table memory.secrets (
  tenant_id text collate "C" not null,
  secret_id uuid not null,
  service text collate "C" not null,
  version integer not null,
  is_active boolean not null,
  data_key_id uuid not null,
  ciphertext bytea not null,
  metadata jsonb not null default '{}'::jsonb,
  created_at timestamptz not null default now(),
  deactivated_at timestamptz,
  constraint secrets_pkey primary key (tenant_id, secret_id),
  constraint secrets_version_unique unique (tenant_id, service, version),
  constraint secrets_data_key_fkey foreign key (tenant_id, data_key_id) references memory.data_keys,
  constraint secrets_service_length check (length(service) between 1 and 200),
  constraint secrets_version_positive check (version >= 1)
);
comment on table memory.secrets is 'Secrets of services: any number of old versions, one active.';
comment on column memory.secrets.ciphertext is 'AES-256-GCM: 12 bytes of nonce, the ciphertext, 16 bytes of tag. Tenant, service and version are authenticated with it.';
create unique index secrets_active on memory.secrets (tenant_id, service) where is_active;

-- The setting is read in a sub-select: once a statement instead of once a row.
do $$
declare
  v_table regclass;
begin
  for v_table in
    select c.oid from pg_class c
    where c.relnamespace = 'memory'::regnamespace and c.relkind in ('r', 'p') and not c.relrowsecurity
  loop
    execute format('alter table %s enable row level security', v_table);
    execute format('alter table %s force row level security', v_table);
    execute format('create policy tenant_isolation on %s using (tenant_id = (select current_setting(''pgfleet.tenant'', true))) with check (tenant_id = (select current_setting(''pgfleet.tenant'', true)))', v_table);
    execute format('grant select, insert, update, delete on %s to pgfleet_app', v_table);
  end loop;
end
$$;
