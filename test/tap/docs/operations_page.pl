# docs/operations.md: its statements run as they stand there, one after the other, in one session, and do what the page says.

use strict;
use warnings;

use Application;
use FlexSync;
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;
use Test::More;

my $page = slurp_file(dirname(__FILE__) . '/../../../docs/operations.md');
my @blocks = $page =~ /^```sql\n(.*?)^```$/msg;
cmp_ok(scalar @blocks, '>', 15, 'statements on the page');

# A crew call with duplicates, and one of each trouble that the runbook is about.
my $app = Application->start(server => { retries => 0 });
my $db = $app->db;
my $call = '0d7c4a1e-5b0f-4c52-9a51-2f6f3f1f7a10';
my $made = $app->make_call('sound', 1 .. 3);
$db->run("UPDATE flex_crew_calls SET id = '$call', flex_element_id = '$call'");
$db->sim->seed($call, []);
foreach my $copy (1, 2)
{
	my $old = $app->old_sync($call)->read->list;
	$old->{rows} = [];
	$old->add;
}
$db->run('UPDATE flex_crew_assignments SET created_at = created_at + random() * interval \'1 minute\'');

my $directory = $db->node->basedir . '/page';
mkdir $directory or die "$directory: $!";
chdir $directory or die "$directory: $!";
my %seen;
foreach my $number (0 .. $#blocks)
{
	my $sql = $blocks[$number];
	my ($name) = $sql =~ /\A(.{1,70})/;
	# The runbook's row to delete by hand, and the token, must be there.
	$db->run("ALTER TABLE flex_crew_assignments DROP CONSTRAINT flex_crew_assignments_crew_call_technician_key;
		INSERT INTO flex_crew_assignments (id, crew_call_id, technician_id, flex_line_item_id) VALUES ('a5510000-0000-4000-8000-000000000001', '$call', '" . technician(1) . "', gen_random_uuid())")
	  if $sql =~ /WHERE id = 'a5510000/;
	my ($stdout, $stderr);
	my $status = $db->node->psql('postgres', $sql, stdout => \$stdout, stderr => \$stderr, on_error_stop => 1, extra_params => [ '-F', ' ' ]);
	is($status, 0, "runs: $name") or diag($stderr);
	$seen{$1} .= "$stdout\n" if $sql =~ /(flex_sync_\w+|flex_crew_contacts|INSERT INTO flex_crew_assignments|DROP EXTENSION|copy)/;
	$db->run('SELECT flex_sync_protect()') if $sql =~ /WHERE id = 'a5510000/;
	# The simulator takes the old token.
	$db->run("ALTER USER MAPPING FOR CURRENT_USER SERVER flex OPTIONS (SET token '" . $db->sim->token . "')") if $sql =~ /the-new-key/;
}

like($seen{flex_sync_setup}, qr/flex_crew_assignments_crew_call_technician_key blocked/, 'the constraint is blocked at first');
is(() = $seen{flex_sync_repair} =~ / delete$/mg, 6, 'three rows go, after a dry run');
is($db->value('SELECT count(*) FROM flex_sync_repair_log'), 3, 'and what is rolled back, was');
like($seen{flex_sync_protect}, qr/^flex_crew_assignments_crew_call_technician_key$/m, 'the constraint');
like($seen{flex_sync_plan}, qr/^\d+ prune .* is on the crew call more than once; another contact stays$/m, 'the rehearsal');
like($seen{flex_sync_crew}, qr/^ok 3 0 0 0 3 /m, 'the first sync removes surplus contacts under "owned"') or diag(explain(\%seen));
is(scalar(grep { -s "$directory/$_.copy" } qw(flex_sync_log flex_sync_contact flex_sync_repair_log)), 3, 'the export');
is($db->value('SELECT count(*) FROM flex_sync_duplicates()'), 0, 'the duplicate that was fixed by hand');
like($seen{flex_sync_check}, qr/^ok Flex takes the token/m, 'the probe');
is($db->sync($call)->{status}, 'ok', 'and in the end a sync');
$db->agrees($call, 'in the end');
chdir '/';
done_testing;
