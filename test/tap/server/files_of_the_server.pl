# The file of the option ca_file is opened with the rights of the server: it is for those to name who may read the server's files.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
$db->run('CREATE ROLE planner LOGIN; CREATE ROLE reader LOGIN; GRANT pg_read_server_files TO reader; CREATE ROLE indirect LOGIN; GRANT reader TO indirect');
$db->run('GRANT USAGE ON FOREIGN DATA WRAPPER flex_sync TO planner, reader, indirect');
my $create = q(CREATE SERVER %s FOREIGN DATA WRAPPER flex_sync OPTIONS (url 'https://127.0.0.1'%s));
my $file = q(, ca_file '/etc/ssl/certs/ca-certificates.crt');
my $planner = $db->session(user => 'planner');
is($planner->sqlstate_of(sprintf $create, 'plain', ''), '', 'a plain role makes a server');
is($planner->sqlstate_of(sprintf $create, 'filed', $file), '42501', 'but none with a ca_file');
like($planner->error, qr/ca_file.*HINT:  .*pg_read_server_files/s, 'and is told who may');
unlike($planner->error, qr/certificates\.crt/, 'not what is there');
is($planner->sqlstate_of("ALTER SERVER plain OPTIONS (ADD ca_file '/proc/self/fd/3')"), '42501', 'nor does it give one a ca_file');
is($planner->sqlstate_of("ALTER SERVER plain OPTIONS (ADD retries '1')"), '', 'other options it may set');
is($db->session(user => 'reader')->sqlstate_of(sprintf $create, 'of_reader', $file), '', 'who may read files may');
is($db->session(user => 'indirect')->sqlstate_of(sprintf $create, 'of_indirect', $file), '', 'so may a member of a member');
is($db->sqlstate_of(sprintf $create, 'of_super', $file), '', 'and a superuser');
$db->run('ALTER SERVER plain OPTIONS (ADD ca_file $$/etc/ssl/certs/ca-certificates.crt$$)' =~ s/\$\$/'/gr);
is($planner->sqlstate_of("ALTER SERVER plain OPTIONS (SET ca_file '/etc/passwd')"), '42501', 'the owner may not change what a superuser set');
is($planner->sqlstate_of('ALTER SERVER plain OPTIONS (DROP ca_file)'), '', 'but drop it');
done_testing;
