# Server and user mapping change in the middle of a session: the next sync goes by what is there now.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(server => { retries => 0 });
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1 .. 3);
my $session = $db->session;
is($session->sync($call)->{added}, 3, 'a sync');

# ---- another URL

my $second = FlexSim->start(token => 'second-token');
$second->seed('element-1', []);
$sim->clear_log;
$db->set_server(url => $second->url);
my $result = $session->sync($call);
is($result->{diagnostics}[0]{code}, 'unauthorized', 'another URL with the old token');
is($sim->counts->{total}, 0, 'nothing goes to the old one');

# ---- another token

$db->run("ALTER USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (SET token 'second-token')");
$session->run("SET flex_sync.server = 'flex'");
$second->seed('element-1', $sim->dump('element-1'));
is($session->sync($call)->{kept}, 3, 'another token');
$db->run("DROP USER MAPPING FOR CURRENT_USER SERVER flex");
is($session->sqlstate_of("SELECT flex_sync_crew('$call')"), '42704', 'no user mapping');
$db->make_mapping('flex', 'PUBLIC', 'second-token');
is($session->sync($call)->{status}, 'ok', "PUBLIC's user mapping");

# ---- a token that Flex refreshed lasts as long as the sync

$second->fault(kind => 'list', refresh_token => 'third-token', only_new_token => 1);
$db->desire($call, 1 .. 4);
is($session->sync($call)->{added}, 1, 'a token that was refreshed serves the rest of the sync');
is($session->sync($call)->{status}, 'failed', 'and is not kept');
$db->run("ALTER USER MAPPING FOR PUBLIC SERVER flex OPTIONS (SET token 'third-token')");

# ---- other options

$db->set_server(prune => 'none');
$db->desire($call, 1 .. 4);
$second->add_row('element-1', 'by-hand');
$result = $session->sync($call);
is("$result->{status} $result->{pruned}", 'ok 0', 'another policy');
$db->set_server(prune => undef);
is($session->sync($call)->{pruned}, 1, 'and back');
$db->set_server(max_removals => '0');
$db->desire($call);
is($session->sync($call)->{status}, 'blocked', 'another limit');
$db->set_server(max_removals => undef);
$db->desire($call, 1 .. 4);

# ---- another name

$db->run('ALTER SERVER flex RENAME TO "The Flex"');
is($session->sqlstate_of("SELECT flex_sync_crew('$call')"), '42704', 'a server that was renamed is not found');
$session->run("SET flex_sync.server = 'The Flex'");
is($session->sync($call)->{status}, 'ok', 'but under its new name');
is($db->value('SELECT server FROM flex_sync_log ORDER BY run_id DESC LIMIT 1'), 'The Flex', 'which the log has');

# ---- dropped and made anew, and so is the extension

$db->run('DROP SERVER "The Flex" CASCADE');
is($session->sqlstate_of("SELECT flex_sync_crew('$call')"), '42704', 'a server that was dropped is not found');
$db->make_server('"The Flex"', url => $second->url);
$db->run(q(ALTER USER MAPPING FOR CURRENT_USER SERVER "The Flex" OPTIONS (SET token 'third-token')));
is($session->sync($call)->{status}, 'ok', 'one that was made anew is');
$db->run('DROP EXTENSION flex_sync CASCADE; CREATE EXTENSION flex_sync');
$db->make_server('"The Flex"', url => $second->url);
$db->run(q(ALTER USER MAPPING FOR CURRENT_USER SERVER "The Flex" OPTIONS (SET token 'third-token')));
$result = $session->sync($call);
is("$result->{status} $result->{kept}", 'ok 4', 'and so is the extension');
is($db->value('SELECT count(*) FROM flex_sync_log'), 1, 'with a log of its own');
done_testing;
