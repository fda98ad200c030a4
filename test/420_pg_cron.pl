# The real pg_cron runs CALL flex_sync_all(): over a connection, and in a background worker. When Flex breaks, the run is marked
# failed, with a message that says what happened; when it is mended, the next run succeeds. Minutes pass in seconds here.

use strict;
use warnings;

use FlexSync;
use QuickClock;
use Test::More;

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
	is($db->value('SELECT application_name FROM flex_sync_log ORDER BY run_id DESC LIMIT 1'), $how eq 'in a background worker' ? 'pg_cron' : 'pg_cron',
		'the log tells whose run it was');

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

QuickClock::run_fast(20, sub { $db->restart('fast') });
$db->run('CREATE EXTENSION pg_cron');
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
QuickClock::run_fast(20, sub { $db->restart('fast') });
$db->desire($_, 5 .. 6) foreach @calls;
watch_it_run('in a background worker');
done_testing;
