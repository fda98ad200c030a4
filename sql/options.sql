-- The options of servers and user mappings: what they take, and what a refusal says.
\pset format unaligned
\pset tuples_only on
CREATE EXTENSION flex_sync;

-- What a statement is refused with; it leaves nothing behind.
CREATE FUNCTION refusal(statement text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    code text;
    message text;
    detail text;
    hint text;
BEGIN
    EXECUTE statement;
    RAISE EXCEPTION 'undo' USING ERRCODE = 'ZZ000';
EXCEPTION WHEN OTHERS THEN
    GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL,
        hint = PG_EXCEPTION_HINT;
    RETURN CASE WHEN code = 'ZZ000' THEN 'taken'
           ELSE concat_ws(E'\n    ', code || ' ' || message, nullif(detail, ''), nullif(hint, '')) END;
END
$$;

CREATE FUNCTION with_server_option(name text, value text) RETURNS text LANGUAGE sql AS $$
    SELECT refusal(format('CREATE SERVER tried FOREIGN DATA WRAPPER flex_sync OPTIONS (%s%I %L)',
                          CASE WHEN name <> 'url' THEN 'url ''https://acme.example'', ' END, name, value))
$$;

CREATE TABLE tried (place serial, name text, value text);

-- ---- what each option takes

INSERT INTO tried (name, value) VALUES
    ('url', 'https://acme.flexrentalsolutions.com/f5/api'), ('url', 'https://acme.example:8443/'), ('url', 'HTTPS://ACME.EXAMPLE'),
    ('url', 'http://localhost:8080/f5/api'), ('url', 'http://127.0.0.1/'), ('url', 'http://[::1]:8080/f5/api'),
    ('crew_schema', 'public'), ('crew_schema', 'Not there "yet"'),
    ('connect_timeout', '5s'), ('connect_timeout', '1'), ('connect_timeout', '250ms'),
    ('request_timeout', '15s'), ('request_timeout', '2min'), ('request_timeout', '1.5s'),
    ('deadline', '30s'), ('deadline', '1h'), ('deadline', '1d'),
    ('max_parallel', '1'), ('max_parallel', '100'),
    ('retries', '0'), ('retries', '3'), ('retries', '20'),
    ('prune', 'all'), ('prune', 'owned'), ('prune', 'none'),
    ('journal', 'auto'), ('journal', 'required'), ('journal', 'off'),
    ('max_removals', '0'), ('max_removals', '5'), ('max_removals', '2147483647'),
    ('hourly_limit', '1'), ('hourly_limit', '2000'), ('daily_limit', '1'), ('daily_limit', '10000'),
    ('bulk_delete', 'off'), ('bulk_delete', 'lineItemIds'), ('bulk_delete', 'lineItemId'), ('bulk_delete', 'ids'),
    ('max_response_bytes', '1kB'), ('max_response_bytes', '16MB'), ('max_response_bytes', '1048576'),
    ('ca_file', '/etc/ssl/certs/ca-certificates.crt'),
    ('proxy', 'http://127.0.0.1:3128');
SELECT name, value, with_server_option(name, value) FROM tried ORDER BY place;

-- ---- what it does not take

CREATE TABLE taken AS TABLE tried;
TRUNCATE tried;
INSERT INTO tried (name, value) VALUES
    ('url', ''), ('url', 'acme.example'), ('url', 'https://'), ('url', 'ftp://acme.example/'), ('url', 'file:///etc/passwd'),
    ('url', 'http://acme.example/f5/api'), ('url', 'http://127.0.0.1.acme.example/'),
    ('url', 'https://somebody@acme.example/'), ('url', 'https://somebody:secret@acme.example/'),
    ('url', 'https://acme.example/f5/api?x=y'), ('url', 'https://acme.example/f5/api#x'),
    ('url', ' https://acme.example'), ('url', E'https://acme.example/\nX-Header: 1'), ('url', 'https://acme.example:port/'),
    ('crew_schema', ''), ('crew_schema', E'pub\nlic'),
    ('connect_timeout', '0'), ('connect_timeout', '-1s'), ('connect_timeout', 'soon'), ('connect_timeout', ''),
    ('request_timeout', '0ms'), ('request_timeout', '5 parsecs'), ('request_timeout', '15kB'),
    ('deadline', '0'), ('deadline', '25d'), ('deadline', '99999999999999999999'), ('deadline', 'infinity'),
    ('max_parallel', '0'), ('max_parallel', '101'), ('max_parallel', '-6'), ('max_parallel', 'six'), ('max_parallel', '6s'),
    ('retries', '-1'), ('retries', '21'), ('retries', 'often'), ('retries', ''),
    ('prune', ''), ('prune', 'ALL'), ('prune', 'some'), ('prune', 'all '),
    ('journal', 'on'), ('journal', 'Auto'),
    ('max_removals', '-1'), ('max_removals', 'many'), ('max_removals', '2147483648'),
    ('hourly_limit', '0'), ('hourly_limit', 'none'), ('daily_limit', '-1'), ('daily_limit', '10k'),
    ('bulk_delete', ''), ('bulk_delete', 'on'), ('bulk_delete', 'Ids'), ('bulk_delete', 'id'),
    ('max_response_bytes', '0'), ('max_response_bytes', '1023'), ('max_response_bytes', '4GB'), ('max_response_bytes', '16s'),
    ('ca_file', ''), ('proxy', ''), ('proxy', E'http://127.0.0.1\r\n'),
    ('no_such_option', '1'), ('URL', 'https://acme.example'), ('token', 'kept to itself'), ('vault', '1');
SELECT with_server_option(name, value) FROM tried ORDER BY place;

SELECT refusal('CREATE SERVER tried FOREIGN DATA WRAPPER flex_sync');
SELECT refusal($$CREATE SERVER tried FOREIGN DATA WRAPPER flex_sync OPTIONS (prune 'all')$$);
SELECT refusal($$CREATE SERVER tried FOREIGN DATA WRAPPER flex_sync OPTIONS (url 'https://a.example', url 'https://a.example')$$);

-- ---- ALTER takes and refuses the same

CREATE SERVER made FOREIGN DATA WRAPPER flex_sync OPTIONS (url 'https://acme.example');
SELECT refusal(format('ALTER SERVER made OPTIONS (%s %I %L)', CASE name WHEN 'url' THEN 'SET' ELSE 'ADD' END, name, value))
       = with_server_option(name, value) AS says_the_same, count(*)
FROM (TABLE taken UNION ALL TABLE tried) AS every GROUP BY 1;
SELECT refusal('ALTER SERVER made OPTIONS (DROP url)');
SELECT refusal($$ALTER SERVER made OPTIONS (ADD prune 'none', SET url 'https://other.example')$$);
ALTER SERVER made OPTIONS (ADD deadline '10s');
SELECT refusal($$ALTER SERVER made OPTIONS (SET deadline 'never')$$);
SELECT refusal($$ALTER SERVER made OPTIONS (DROP deadline)$$);
SELECT srvoptions FROM pg_foreign_server WHERE srvname = 'made';

-- ---- the user mapping: its message shows no value

SELECT refusal($$CREATE USER MAPPING FOR CURRENT_USER SERVER made OPTIONS (token 'kept to itself')$$);
SELECT refusal($$CREATE USER MAPPING FOR PUBLIC SERVER made OPTIONS (token 'kept to itself')$$);
SELECT refusal($$CREATE USER MAPPING FOR CURRENT_USER SERVER made OPTIONS (token '')$$);
SELECT refusal($$CREATE USER MAPPING FOR CURRENT_USER SERVER made OPTIONS (token E'kept to\nitself')$$);
SELECT refusal($$CREATE USER MAPPING FOR CURRENT_USER SERVER made OPTIONS (password 'kept to itself')$$);
SELECT refusal($$CREATE USER MAPPING FOR CURRENT_USER SERVER made OPTIONS (token 'kept to itself', prune 'all')$$);
SELECT refusal($$CREATE USER MAPPING FOR CURRENT_USER SERVER made$$);
SELECT refusal($$CREATE USER MAPPING FOR CURRENT_USER SERVER made OPTIONS (vault_secret 'flex token')$$);
SELECT refusal($$CREATE USER MAPPING FOR CURRENT_USER SERVER made OPTIONS (vault_secret '')$$);
SELECT refusal($$CREATE USER MAPPING FOR CURRENT_USER SERVER made OPTIONS (vault_secret 'flex token', token 'kept to itself')$$);
CREATE USER MAPPING FOR CURRENT_USER SERVER made OPTIONS (token 'kept to itself');
SELECT refusal($$ALTER USER MAPPING FOR CURRENT_USER SERVER made OPTIONS (SET token 'another')$$);
SELECT refusal($$ALTER USER MAPPING FOR CURRENT_USER SERVER made OPTIONS (SET token E'kept\tto itself')$$);
SELECT refusal($$ALTER USER MAPPING FOR CURRENT_USER SERVER made OPTIONS (DROP token)$$);
SELECT refusal($$ALTER USER MAPPING FOR CURRENT_USER SERVER made OPTIONS (ADD vault_secret 'flex token')$$);
SELECT refusal($$ALTER USER MAPPING FOR CURRENT_USER SERVER made OPTIONS (ADD vault_secret 'flex token', DROP token)$$);

-- ---- the wrapper and foreign tables have no options

SELECT refusal($$ALTER FOREIGN DATA WRAPPER flex_sync OPTIONS (ADD url 'https://acme.example')$$);
SELECT refusal($$CREATE FOREIGN TABLE t (a int) SERVER made OPTIONS (prune 'all')$$);

-- ---- the setting

SHOW flex_sync.server;
SELECT refusal('SET flex_sync.servers = 1');

DROP TABLE tried, taken;
DROP FUNCTION with_server_option, refusal;
DROP EXTENSION flex_sync CASCADE;
