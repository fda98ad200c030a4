# A server error in the middle of a sync arrives as it was raised, and the backend goes on.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $call = $db->make_call('element-1', 1 .. 3);
my $session = $db->session;
is($session->sync($call)->{added}, 3, 'a crew is there');

my $raise = q{
	CREATE FUNCTION crew_of(technician uuid) RETURNS uuid LANGUAGE plpgsql AS $$
	BEGIN
		RAISE EXCEPTION 'the crew is not to be read' USING ERRCODE = 'ZX001', DETAIL = 'Row ' || technician,
			HINT = 'Leave it.', CONSTRAINT = 'keep', SCHEMA = 'some schema', TABLE = 'some table';
	END $$;
	ALTER TABLE flex_desired_crew RENAME TO desired_table;
	CREATE VIEW flex_desired_crew AS SELECT crew_call_id, crew_of(technician_id) AS technician_id, flex_resource_id, business_role_id
	FROM desired_table ORDER BY desired_table.technician_id;
};
my $stop_raising = 'DROP VIEW flex_desired_crew; ALTER TABLE desired_table RENAME TO flex_desired_crew';
$session->run($raise);

# Makes the row of technician 1 stale.
my ($row) = grep { $_->{technician_id} eq technician(1) } $db->assignments($call);
$sim->delete_line($row->{flex_line_item_id});
$sim->clear_log;

sub is_clean
{
	my ($after) = @_;
	is($db->value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, "no lock is held $after");
	is(scalar $db->assignments($call), 3, "the rows are as they were $after");
	is($sim->counts->{add}, 0, "nobody was called $after");
	return;
}

# ---- as it was raised

is($session->sqlstate_of("SELECT flex_sync_crew('$call')"), 'ZX001', "the trigger's SQLSTATE");
like($session->error, qr/^ERROR:  ZX001: the crew is not to be read$/m, 'its message');
like($session->error, qr/^DETAIL:  Row @{[ technician(1) ]}$/m, 'its DETAIL');
like($session->error, qr/^HINT:  Leave it\.$/m, 'its HINT');
like($session->error, qr/^CONTEXT:  PL\/pgSQL function (public\.)?crew_of\(uuid\) line 3 at RAISE\nSQL statement "/m, 'its CONTEXT');
like($session->error, qr/^SCHEMA NAME:  some schema$/m, "its object's schema");
like($session->error, qr/^CONSTRAINT NAME:  keep$/m, 'its constraint');
is_clean('after the error');
is($session->value('SELECT 1'), 1, 'the backend goes on');

# ---- PL/pgSQL works around it

$session->run('CREATE TABLE caught (place serial, state text, message text, detail text, hint text, constraint_name text)');
$session->run("CREATE FUNCTION sync_caught() RETURNS void LANGUAGE plpgsql AS \$\$
	DECLARE
		c caught;
	BEGIN
		PERFORM flex_sync_crew('$call');
		INSERT INTO caught (state) VALUES ('none');
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS c.message = MESSAGE_TEXT, c.detail = PG_EXCEPTION_DETAIL, c.hint = PG_EXCEPTION_HINT,
			c.constraint_name = CONSTRAINT_NAME;
		INSERT INTO caught (state, message, detail, hint, constraint_name)
		VALUES (SQLSTATE, c.message, c.detail, c.hint, c.constraint_name);
	END \$\$");
$session->run('BEGIN; SELECT sync_caught()');
is_deeply(
	[ $session->rows('SELECT state, message, detail, hint, constraint_name FROM caught') ],
	[   {
			state => 'ZX001',
			message => 'the crew is not to be read',
			detail => 'Row ' . technician(1),
			hint => 'Leave it.',
			constraint_name => 'keep'
		}
	],
	'an EXCEPTION block has all of it');
is($session->value("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"), 0, 'the block gave the lock back');
$session->run($stop_raising);
is($session->sync($call)->{status}, 'ok', 'the same transaction syncs, once the reason is gone');
$session->run('ROLLBACK');

# ---- many in a row: an error that stays on the server's error stack is a PANIC after the fifth

$session->run('DO $$ BEGIN FOR i IN 1 .. 20 LOOP PERFORM sync_caught(); END LOOP; END $$');
is($session->value("SELECT count(*) FROM caught WHERE state = 'ZX001'"), 20, '20 errors in a row in one transaction');
is($session->sqlstate_of("SELECT flex_sync_crew('$call')"), 'ZX001', 'and one after another') foreach 1 .. 20;

# ---- many in one sync: each row that a trigger refuses is undone and reported, and none stays on that stack either

$session->run($stop_raising);
$session->run(q{
	CREATE FUNCTION refuse_rows() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		RAISE EXCEPTION 'no room for %', NEW.technician_id USING ERRCODE = '23514';
	END $$;
	CREATE TRIGGER refuse_rows BEFORE INSERT ON flex_crew_assignments FOR EACH ROW EXECUTE FUNCTION refuse_rows();
});
my $crowded = $db->make_call('element-2', 1 .. 20);
$sim->clear_log;
my $result = $session->sync($crowded);
is($result->{status}, 'partial', 'a sync whose rows are refused');
is(scalar(grep { $_->{code} eq '23514' } @{ $result->{diagnostics} }), 20, 'tells of each');
is($sim->counts->{add}, 0, 'and calls nobody');
$session->run('DROP TRIGGER refuse_rows ON flex_crew_assignments');

# ---- the server's own errors

$session->run('ALTER TABLE flex_desired_crew RENAME TO desired_table');
$session->run('CREATE VIEW flex_desired_crew AS
	SELECT crew_call_id, technician_id, flex_resource_id, (1 / (length(flex_resource_id) - 10))::text AS business_role_id
	FROM desired_table');
is($session->sqlstate_of("SELECT flex_sync_crew('$call')"), '22012', "an error of the user's view");
like($session->error, qr/^ERROR:  22012: division by zero$/m, 'its message');
is($session->sqlstate_of("SELECT * FROM flex_sync_plan('$call')"), '22012', 'the same from flex_sync_plan');
is($session->sqlstate_of("SELECT * FROM flex_crew_contacts('$call')"), '22012', 'and from flex_crew_contacts');
$session->run('DROP VIEW flex_desired_crew; ALTER TABLE desired_table RENAME TO flex_desired_crew');

is($session->sync($call)->{status}, 'ok', 'the backend still syncs');
$db->agrees('element-1', 'after all of it');
unlike(PostgreSQL::Test::Utils::slurp_file($db->node->logfile), qr/PANIC|terminated by signal/, 'the server never faltered');
done_testing;
