# A redirect is an answer: it is not followed, so that the token goes nowhere else.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
my $sim = $db->sim;
my $elsewhere = FlexSim->start(token => $sim->token);
my $call = $db->make_call('element-1', 1 .. 3);
$elsewhere->seed('element-1', []);

foreach my $status (301, 302, 303, 307, 308)
{
	$sim->clear_log;
	$sim->fault(kind => 'list', status => $status, headers => { Location => $elsewhere->url . '/line-item/element-1/row-data/' });
	my $result = $db->sync($call);
	is($result->{status}, 'failed', "a listing that is redirected with $status");
	is($result->{diagnostics}[0]{code}, 'redirect', "says so");
	like($result->{message}, qr/HTTP status $status, a redirect, which is not followed; the server's "url" may be wrong/, 'in words');
	is($sim->counts->{total}, 1, 'was asked for once');
}
$sim->fault(kind => 'add', redirect => $elsewhere->url . '/line-item/element-1/add-resource/resource-1', times => 3);
isnt($db->sync($call)->{status}, 'failed', 'adds that are redirected');
is($elsewhere->counts->{total}, 0, 'nobody else saw a request');
done_testing;
