# Where default privileges grant everything to everybody, as for Supabase's anon, nobody gets anything of flex_sync.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(setup => '');
my $sim = $db->sim;
$db->run('DROP EXTENSION flex_sync CASCADE; CREATE ROLE anon LOGIN; GRANT USAGE, CREATE ON SCHEMA public TO anon');
$db->run("ALTER DEFAULT PRIVILEGES GRANT ALL ON $_ TO anon; ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON $_ TO anon, PUBLIC")
  foreach 'TABLES', 'SEQUENCES', 'FUNCTIONS';
$db->run('CREATE EXTENSION flex_sync');
$db->make_server('flex');
$db->run('SELECT FROM flex_sync_setup()');
my $call = $db->make_call('element-1', 1 .. 3);
is($db->sync($call)->{status}, 'ok', 'the owner syncs');
$sim->clear_log;
my $anon = $db->session(user => 'anon');

# ---- every function, with arguments that fit

my %value = (uuid => "'$call'", text => 'NULL', boolean => 'true', integer => '1', interval => "'1 day'", 'text[]' => 'NULL', oid => '0');
# These can be executed: the validator only looks at its arguments, the others check for themselves.
my %open = map { $_ => 1 } 'flex_sync_validator', 'flex_sync_lock_key', 'flex_sync_crew_counts', 'flex_sync_running';
my @functions = $db->rows(
	"SELECT p.proname AS name, p.prokind AS kind, array(SELECT format_type(t, NULL) FROM unnest(p.proargtypes) AS t) AS types
	FROM pg_proc AS p JOIN pg_depend AS d ON d.objid = p.oid AND d.deptype = 'e' AND d.classid = 'pg_proc'::regclass
	JOIN pg_extension AS e ON e.oid = d.refobjid AND e.extname = 'flex_sync' ORDER BY p.proname");
cmp_ok(scalar @functions, '>', 5, 'there are functions');
foreach my $function (@functions)
{
	my $arguments = join ', ', map { ($value{$_} // die "a value of type $_") . "::$_" } @{ $function->{types} };
	my $name = $function->{name};
	my $state = $anon->sqlstate_of(($function->{kind} eq 'p' ? 'CALL' : 'SELECT') . " $name($arguments)");
	is($state, '42501', "$name tells anon nothing") if $name ne 'flex_sync_validator';
	like($anon->error, qr/permission denied for (function|procedure) $name/, 'for want of the privilege') if !$open{$name};
}

# ---- every table and view, of the extension and of what setup made

my @relations = $db->rows("SELECT c.oid::regclass AS name, c.relkind AS kind FROM pg_class AS c WHERE c.relname LIKE 'flex\\_%' AND c.relkind IN ('r', 'v')");
cmp_ok(scalar @relations, '>', 7, 'there are relations');
foreach my $relation (@relations)
{
	my $name = $relation->{name};
	is($anon->sqlstate_of("SELECT FROM $name"), '42501', "anon cannot read $name");
	is($anon->sqlstate_of("DELETE FROM $name"), '42501', "nor write it") if $relation->{kind} eq 'r';
}
is($anon->sqlstate_of("SELECT nextval('flex_sync_run_id_seq')"), '42501', 'anon cannot draw a run id');
is($anon->sqlstate_of("CREATE USER MAPPING FOR anon SERVER flex OPTIONS (token 'x')"), '42501', 'anon cannot make a user mapping');
is($sim->counts->{total}, 0, 'nothing reached Flex');

# ---- granted to one, it is granted to nobody else

$db->run('CREATE ROLE app LOGIN; GRANT EXECUTE ON FUNCTION flex_sync_crew TO app');
is($anon->sqlstate_of("SELECT flex_sync_crew('$call')"), '42501', 'what app is granted is not granted to anon');
done_testing;
