# The real pg_cron runs CALL flex_sync_all(): over a connection, and in a background worker. When Flex breaks, the run is marked
# failed, with a message that says what happened; when it is mended, the next run succeeds. Minutes pass in seconds here.

use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use FlexSync;
use PostgreSQL::Test::Utils;
use QuickClock;
use Test::More;

# Preloaded where it is missing, the server would not start.
chomp(my $share = qx(pg_config --sharedir));
plan skip_all => 'this PostgreSQL has no pg_cron' unless -e "$share/extension/pg_cron.control";

my $db = FlexSync->start(conf => "shared_preload_libraries = 'pg_cron'\ncron.database_name = 'postgres'\n", server => { retries => 0 });
my $sim = $db->sim;
my @calls = map { $db->make_call("element-$_", 1 .. 3) } 1 .. 3;
my $node = $db->node;
$node->append_conf('postgresql.conf', "cron.host = '" . $node->host . "'\n");

# Waits for a run that began after what is there by now, and gives its row.
sub next_run
{
	my ($job) = @_;
	my $last = $db->value("SELECT coalesce(max(runid), 0) FROM cron.job_run_details");
	$db->wait_until("SELECT EXISTS (SELECT FROM cron.job_run_details WHERE jobid = $job AND runid > $last AND status IN ('succeeded', 'failed'))");
	return ($db->rows("SELECT * FROM cron.job_run_details WHERE jobid = $job AND runid > $last ORDER BY runid LIMIT 1"))[0];
}

sub watch_it_run
{
	my ($how) = @_;
	my $job = $db->value(q(SELECT cron.schedule('sync all crews', '* * * * *', 'CALL flex_sync_all()')));
	my $run = next_run($job);
	is($run->{status}, 'succeeded', "$how: a run by schedule succeeds") or diag($run->{return_message});
	$db->agrees("element-$_", $how) foreach 1 .. 3;

	$sim->fault(kind => 'list', element => 'element-2', status => 503, times => 0);
	$db->desire($_, 2 .. 4) foreach @calls;
	next_run($job);
	$run = next_run($job);
	is($run->{status}, 'failed', 'Flex is broken for one crew: the run is marked failed');
	like($run->{return_message}, qr/could not sync 1 of 3 crew calls in full/, 'with a message that says how much');
	like($run->{return_message}, qr/Crew call $calls[1]: failed\. .*HTTP status 503/, 'which, and why');
	like($run->{return_message}, qr/What was done is committed\./, 'and that the rest is done');
	$db->agrees("element-$_", 'which is so') foreach 1, 3;
	is($db->value(q(SELECT count(*) FROM flex_sync_alerts WHERE alert = 'failure_rate')), 1, 'flex_sync_alerts knows');

	$sim->clear_faults;
	next_run($job);
	$run = next_run($job);
	is($run->{status}, 'succeeded', 'Flex is mended: the next run succeeds');
	$db->agrees('element-2', 'by itself');
	$db->run(q(SELECT cron.unschedule('sync all crews')));
	return;
}

my $speed = 30;
QuickClock::run_fast($speed, sub { $db->restart('fast') });

# The SQL of docs/scheduling.md, with the simulator's token, and every minute.
my $token = $sim->token;
my @blocks = slurp_file(dirname(abs_path(__FILE__)) . '/../../../docs/scheduling.md') =~ /^```sql\n(.*?)^```$/msg;
cmp_ok(scalar @blocks, '>=', 4, 'the page has its blocks of SQL');
foreach my $block (@blocks)
{
	$block =~ s/'…'/'$token'/;
	$block =~ s{'\*/10 }{'* };
	my ($first) = $block =~ /^(.*)$/m;
	is($db->sqlstate_of($block), '', "docs/scheduling.md: $first") or diag($db->error);
}
$db->run('CREATE OR REPLACE VIEW flex_due_crew_calls AS SELECT id AS crew_call_id FROM flex_crew_calls');
my $page_run = next_run($db->value(q(SELECT jobid FROM cron.job WHERE jobname = 'sync all crews')));
is("$page_run->{status} $page_run->{username}", 'succeeded crew_cron', 'the job of the page runs') or diag($page_run->{return_message});
is($db->value('SELECT DISTINCT application_name FROM flex_sync_log'), 'pg_cron', 'the log tells whose run it was');
$db->run(q(SELECT cron.unschedule(jobid) FROM cron.job));
watch_it_run('over a connection');

# What else can be in a job.
my $job = $db->value(q(SELECT cron.schedule('two', '* * * * *', 'SET statement_timeout = 60000; CALL flex_sync_all()')));
my $run = next_run($job);
is($run->{status}, 'failed', 'a job of two statements fails');
like($run->{return_message}, qr/flex_sync_all cannot run inside a transaction block.*not in one string with other statements/s, 'and says why');
$db->run(q(SELECT cron.unschedule('two')));
$job = $db->value(q(SELECT cron.schedule('lenient', '* * * * *', 'CALL flex_sync_all(strict => false)')));
$sim->fault(kind => 'list', element => 'element-2', status => 503, times => 0);
is(next_run($job)->{status}, 'succeeded', 'not strict, a run succeeds whatever becomes of its crews');
$db->run(q(SELECT cron.unschedule('lenient')));
$sim->clear_faults;

$node->append_conf('postgresql.conf', "cron.use_background_workers = on\n");
QuickClock::run_fast($speed, sub { $db->restart('fast') });
$db->desire($_, 5 .. 6) foreach @calls;
watch_it_run('in a background worker');
done_testing;
