# Retry-After is honoured, in seconds and as a date, as long as the deadline allows; beyond it the sync is deferred when nothing was
# sent, and else partial. While one request has to wait, no other one is begun.

use strict;
use warnings;

use FlexSync;
use POSIX qw(strftime setlocale LC_TIME);
use Test::More;
use Time::HiRes qw(time);

my $db = FlexSync->start(server => { max_parallel => 2 });
my $sim = $db->sim;
my $number = 0;
setlocale(LC_TIME, 'C');

sub http_date { return strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime $_[0]) }

# Milliseconds between the answer to each request of a kind and the next such request.
sub gaps
{
	my ($kind) = @_;
	my @log = sort { $a->{started_ms} <=> $b->{started_ms} } $sim->log(kind => $kind);
	return map { $log[$_]{started_ms} - $log[ $_ - 1 ]{started_ms} - $log[ $_ - 1 ]{duration_ms} } 1 .. $#log;
}

sub make_crew
{
	my $element = 'element-' . ++$number;
	my $call = $db->make_call($element, @_);
	$sim->clear_log;
	return ($element, $call);
}

# ---- a listing

my ($element, $call) = make_crew(1);
$sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => '1' });
my $result = $db->sync($call);
is($result->{status}, 'ok', 'a second');
my ($gap) = gaps('list');
cmp_ok($gap, '>=', 1000, 'is waited for');
cmp_ok($gap, '<', 1500, 'and not more');

($element, $call) = make_crew(1);
my $date = int(time) + 3;
$sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => http_date($date) });
is($db->sync($call)->{status}, 'ok', 'a date');
my $second = ($sim->log(kind => 'list'))[1];
cmp_ok($second->{started_ms} / 1000, '>=', $date - 1, 'is waited for, to the second');
cmp_ok($second->{started_ms} / 1000, '<', $date + 1.5, 'and not more');

# ---- beyond the deadline

($element, $call) = make_crew(1, 2);
$sim->fault(kind => 'list', status => 429, headers => { 'Retry-After' => '120' }, times => 0);
my $begun = time;
$result = $db->sync($call);
is($result->{status}, 'deferred', 'a sync of which nothing was sent');
cmp_ok(time - $begun, '<', 1, 'does not wait for what will not come');
like($result->{message}, qr/^The contacts .* nothing was changed\. .*too many requests\. Try again in 1(1[5-9]|2[0-2]) s\.$/, 'says when')
  or diag($result->{message});
is($sim->counts->{total}, 1, 'after one listing');
is_deeply([ $db->assignments($call) ], [], 'no row');
$sim->clear_faults;

# ---- in the middle: the others wait with it

($element, $call) = make_crew(1 .. 6);
$sim->fault(kind => 'add', status => 429, headers => { 'Retry-After' => '1' });
$result = $db->sync($call);
is("@{$result}{qw(status added)}", 'ok 6', 'an add that has to wait');
my @adds = sort { $a->{started_ms} <=> $b->{started_ms} } $sim->log(kind => 'add');
my ($refused) = grep { $_->{status} == 429 } @adds;
is(scalar @adds, 7, 'is sent once more');
is(scalar(grep { $_->{started_ms} > $refused->{started_ms} + 100 && $_->{started_ms} < $refused->{started_ms} + 990 } @adds), 0,
	'and none is begun meanwhile');

($element, $call) = make_crew(1 .. 6);
$sim->fault(kind => 'add', status => 429, headers => { 'Retry-After' => '120' }, times => 0);
$begun = time;
$result = $db->sync($call);
is($result->{status}, 'partial', 'an add that would have to wait beyond the deadline');
cmp_ok(time - $begun, '<', 2, 'is not waited for');
cmp_ok($sim->counts->{add}, '<=', 2, 'and the others are not sent');
is(scalar @{ $result->{diagnostics} }, 6, 'each has a diagnostic');
$sim->clear_faults;
is($db->sync($call)->{status}, 'ok', 'the next sync does the rest');
$db->agrees($element, 'after it');

# A server that is down may say for how long as well.
($element, $call) = make_crew(1);
$sim->fault(kind => 'list', status => 503, headers => { 'Retry-After' => '1' });
is($db->sync($call)->{status}, 'ok', 'status 503 with a Retry-After');
cmp_ok((gaps('list'))[0], '>=', 1000, 'is waited for');
done_testing;
