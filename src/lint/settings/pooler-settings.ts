const ANY = `
logfile pidfile listen_addr listen_port unix_socket_dir unix_socket_mode unix_socket_group user max_client_conn
default_pool_size min_pool_size reserve_pool_size reserve_pool_timeout max_db_connections max_db_client_connections
max_user_connections max_user_client_connections server_round_robin track_extra_parameters ignore_startup_parameters
peer_id disable_pqexec application_name_add_host conffile service_name job_name stats_period max_prepared_statements
scram_iterations auth_file auth_hba_file auth_ident_file auth_query auth_user auth_dbname auth_ldap_options
auth_ldap_parameter auth_pam_confdir
syslog syslog_ident syslog_facility log_connections log_disconnections log_pooler_errors log_stats verbose admin_users
stats_users server_reset_query server_reset_query_always server_check_delay server_check_query server_fast_close
server_lifetime server_idle_timeout server_connect_timeout server_login_retry client_login_timeout autodb_idle_timeout
dns_max_ttl dns_nxdomain_ttl dns_zone_check_period resolv_conf query_wait_notify login_notify_message
client_tls_key_file client_tls_cert_file client_tls_ca_file client_tls_protocols client_tls_ciphers
client_tls13_ciphers client_tls_ecdhcurve client_tls_dheparams server_tls_ca_file server_tls_key_file
server_tls_cert_file server_tls_protocols server_tls_ciphers server_tls13_ciphers query_timeout query_wait_timeout
cancel_wait_timeout client_idle_timeout idle_transaction_timeout transaction_timeout suspend_timeout pool_idle_timeout
pkt_buf max_packet_size listen_backlog sbuf_loopcnt so_reuseport tcp_defer_accept tcp_socket_buffer tcp_keepalive
tcp_keepcnt tcp_keepidle tcp_keepintvl tcp_user_timeout`

/** The settings of the section [pgbouncer], with the values of those that take words; others take anything. */
export const POOLER_SETTINGS: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...ANY.trim()
    .split(/\s+/)
    .map((name) => [name, []] as const),
  ['pool_mode', ['session', 'transaction', 'statement']],
  ['auth_type', ['any', 'trust', 'plain', 'md5', 'cert', 'hba', 'ldap', 'pam', 'scram-sha-256']],
  ['client_tls_sslmode', ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']],
  ['server_tls_sslmode', ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']],
])
