# A row that cannot be written is found by a rehearsal, before anybody is called: that technician alone fails, with the server's message;
# the others go on, and the next sync sends nothing for them either. Once the reason is gone, the next sync is ok.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $session = $db->session;
my $number = 0;
my $bad = technician(2);

$db->run(q(
	CREATE TABLE technicians (id uuid PRIMARY KEY);
	CREATE TABLE noted (entry text);
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		RAISE EXCEPTION 'the technician is on leave' USING ERRCODE = TG_ARGV[0];
	END $$;
	CREATE FUNCTION suppress() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
));
$db->run('INSERT INTO technicians VALUES ' . join ', ', map { "('" . technician($_) . "')" } 1, 3 .. 9);

my $when = "FOR EACH ROW WHEN (NEW.technician_id = '$bad') EXECUTE FUNCTION";
my $when_old = "FOR EACH ROW WHEN (OLD.technician_id = '$bad') EXECUTE FUNCTION";
my $drop_trigger = 'DROP TRIGGER t ON flex_crew_assignments';
my $drop_constraint = 'ALTER TABLE flex_crew_assignments DROP CONSTRAINT c';
my $table = 'flex_crew_assignments';
my $own = 'FOREIGN KEY (technician_id) REFERENCES technicians';
my $on_leave = qr/the technician is on leave/;

# What each is called, what makes it, the code and message of the diagnostic, what takes it away.
my @obstacles = (
	[   'a BEFORE trigger', "CREATE TRIGGER t BEFORE INSERT ON $table $when refuse('P0001')",
		'P0001', $on_leave, $drop_trigger ],
	[   'an AFTER trigger', "CREATE TRIGGER t AFTER INSERT ON $table $when refuse('23514')",
		'23514', $on_leave, $drop_trigger ],
	[   'a trigger with a code of its own', "CREATE TRIGGER t AFTER INSERT ON $table $when refuse('ZX001')",
		'ZX001', $on_leave, $drop_trigger ],
	[   'a constraint trigger',
		"CREATE CONSTRAINT TRIGGER t AFTER INSERT ON $table DEFERRABLE INITIALLY DEFERRED $when refuse('P0001')",
		'P0001', $on_leave, $drop_trigger ],
	[   'a trigger that says nothing', "CREATE TRIGGER t BEFORE INSERT ON $table $when suppress()",
		'P0001', qr/a trigger kept the row from being written/, $drop_trigger ],
	[   'a foreign key', "ALTER TABLE $table ADD CONSTRAINT c $own",
		'23503', qr/violates foreign key constraint "c"/, $drop_constraint ],
	[   'a deferred foreign key', "ALTER TABLE $table ADD CONSTRAINT c $own DEFERRABLE INITIALLY DEFERRED",
		'23503', qr/violates foreign key constraint "c"/, $drop_constraint ],
	[   'a check', "ALTER TABLE $table ADD CONSTRAINT c CHECK (technician_id <> '$bad')",
		'23514', qr/violates check constraint "c"/, $drop_constraint ],
	[   'another unique index',
		"INSERT INTO $table (crew_call_id, technician_id, flex_line_item_id)
			SELECT id, '$bad', 'elsewhere' FROM flex_crew_calls ORDER BY id LIMIT 1;
			CREATE UNIQUE INDEX i ON $table (technician_id) WHERE technician_id = '$bad'",
		'23505', qr/violates unique constraint "i"/, "DROP INDEX i; DELETE FROM $table WHERE flex_line_item_id = 'elsewhere'" ],
);
$db->make_call('element-elsewhere');

foreach my $obstacle (@obstacles)
{
	my ($name, $put, $state, $message, $remove) = @$obstacle;
	my $element = 'element-' . ++$number;
	my $call = $db->make_call($element, 1 .. 3);
	$db->run($put);
	$sim->clear_log;
	foreach my $round ('the first sync', 'the next one')
	{
		my $result = $session->sync($call);
		is("@{$result}{qw(status failed)} " . ($result->{added} + $result->{kept}), 'partial 1 2', "$name: $round: two go on")
		  or diag(explain($result));
		my ($diagnostic) = @{ $result->{diagnostics} };
		is("@{$diagnostic}{qw(action code technician_id)}", "add $state $bad", "$name: $round: one fails");
		like($diagnostic->{message}, $message, "$name: $round: with the server's message");
	}
	is_deeply([ sort map { $_->{resource} } $sim->log(kind => 'add') ], [ 'resource-1', 'resource-3' ],
		"$name: who cannot be written is not called");
	is($sim->counts->{delete} // 0, 0, "$name: and nobody taken out again");
	$db->run($remove);
	is($session->sync($call)->{status}, 'ok', "$name: when it is gone");
	$db->agrees($element, $name);
	$db->run("DELETE FROM flex_crew_assignments");
}

# A deferred constraint of the caller's own rows is none of ours.
$db->run('CREATE TABLE own (x int UNIQUE DEFERRABLE INITIALLY DEFERRED)');
my $call = $db->make_call('element-own', 1, 3);
$session->run('BEGIN; INSERT INTO own VALUES (1), (1)');
is($session->sync($call)->{status}, 'ok', 'the caller has rows of their own that are not right yet');
$session->run('DELETE FROM own; COMMIT');
$db->agrees('element-own', 'after COMMIT');

# What a trigger does in a rehearsal is undone.
$db->run(q(CREATE FUNCTION note_it() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN INSERT INTO noted VALUES (NEW.flex_line_item_id); NOTIFY crew; RETURN NULL;
		END $$;
	CREATE TRIGGER n AFTER INSERT ON flex_crew_assignments FOR EACH ROW EXECUTE FUNCTION note_it()));
$call = $db->make_call('element-noted', 1, 3);
$session->sync($call);
is_deeply([ sort split /\n/, $db->run('SELECT entry FROM noted') ], [ sort map { $_->{flex_line_item_id} } $db->assignments($call) ],
	'a trigger has noted each row once');
$db->run('DROP TRIGGER n ON flex_crew_assignments');

# A row that names no line yet, and whose update is refused or suppressed.
foreach my $case (
	[ 'an UPDATE refused', "CREATE TRIGGER t BEFORE UPDATE ON flex_crew_assignments $when refuse('P0001')" ],
	[ 'an UPDATE suppressed', "CREATE TRIGGER t BEFORE UPDATE ON flex_crew_assignments $when suppress()" ])
{
	my ($name, $put) = @$case;
	my $element = 'element-' . ++$number;
	$call = $db->make_call($element, 1 .. 3);
	$db->run('ALTER TABLE flex_crew_assignments ALTER flex_line_item_id DROP NOT NULL');
	$db->assign($call, 2, undef);
	$db->run($put);
	$sim->clear_log;
	is($session->sync($call)->{status}, 'partial', "$name: $_") foreach 'the first sync', 'the next one';
	is_deeply([ sort map { $_->{resource} } $sim->log(kind => 'add') ], [ 'resource-1', 'resource-3' ],
		"$name: who cannot be written is not called");
	$db->run($drop_trigger);
	is($session->sync($call)->{status}, 'ok', "$name: when it is gone");
	$db->agrees($element, $name);
}

# ---- rows that cannot be deleted: their contacts stay

foreach my $obstacle (
	[ 'a BEFORE DELETE trigger', "CREATE TRIGGER t BEFORE DELETE ON $table $when_old refuse('P0001')", 'P0001', $drop_trigger ],
	[ 'an AFTER DELETE trigger', "CREATE TRIGGER t AFTER DELETE ON $table $when_old refuse('P0001')", 'P0001', $drop_trigger ],
	[ 'a DELETE suppressed', "CREATE TRIGGER t BEFORE DELETE ON $table $when_old suppress()", 'P0001', $drop_trigger ],
	[   'a foreign key onto it',
		"CREATE TABLE paid (assignment_id uuid REFERENCES $table (id));
			INSERT INTO paid SELECT id FROM $table
			WHERE technician_id = '$bad' AND crew_call_id = (SELECT max(id::text)::uuid FROM flex_crew_calls)",
		'23503', 'DROP TABLE paid' ])
{
	my ($name, $put, $state, $remove) = @$obstacle;
	my $element = 'element-' . ++$number;
	$call = $db->make_call($element, 1 .. 4);
	is($session->sync($call)->{status}, 'ok', "$name: a crew");
	$db->run($put);
	$db->desire($call, 4);
	$sim->clear_log;
	foreach my $round ('the first sync', 'the next one')
	{
		my $result = $session->sync($call);
		is("@{$result}{qw(status failed)}", 'partial 1', "$name: $round: one fails") or diag(explain($result));
		my ($diagnostic) = @{ $result->{diagnostics} };
		is("@{$diagnostic}{qw(action code technician_id)}", "remove $state $bad", "$name: $round: the diagnostic");
	}
	is($sim->counts->{delete}, 2, "$name: the others' contacts are deleted");
	is_deeply([ sort map { $_->{resource} } $db->flex_contacts($element) ], [ 'resource-2', 'resource-4' ], "$name: that of the row stays");
	$db->run($remove);
	is($session->sync($call)->{removed}, 1, "$name: when it is gone");
	$db->agrees($element, $name);
}
done_testing;
