# The proxy is the option's and no other: proxy variables of the server's environment are ignored.

use strict;
use warnings;

use FlexSync;
use Test::More;
use Time::HiRes qw(time);

# A simulator is no proxy, but it logs what it is asked.
my $proxy = FlexSim->start;
my $db;
{
	local @ENV{qw(http_proxy HTTP_PROXY https_proxy HTTPS_PROXY all_proxy ALL_PROXY)} = ('http://127.0.0.1:' . $proxy->port) x 6;
	$db = FlexSync->start(server => { retries => 0 });
}
my $call = $db->make_call('element-1', 1 .. 3);
is($db->sync($call)->{status}, 'ok', 'a sync where the environment names a proxy');
is($db->sim->counts->{total}, 5, 'Flex got all requests');

$db->set_server(url => 'https://127.0.0.1:1', connect_timeout => '2s');
is($db->sync($call)->{diagnostics}[0]{code}, 'unreachable', 'https goes past it, too');
is($proxy->counts->{total}, 0, 'the proxy of the environment got none');

$db->set_server(url => $db->sim->url, proxy => 'http://127.0.0.1:1');
is($db->sync($call)->{diagnostics}[0]{code}, 'unreachable', 'the proxy of the option is asked, even for a loopback host');
$db->set_server(proxy => 'http://127.0.0.1:' . $proxy->port);
is($db->sync($call)->{status}, 'failed', 'one that is no proxy');
is_deeply([ map { $_->{path} =~ m{^(http://[^/]+)} } $proxy->log ], [ 'http://127.0.0.1:' . $db->sim->port ],
	'got the request, with the whole URL');

# What goes in the clear does not leave the machine, by way of a proxy neither.
my $begun = time;
$db->set_server(proxy => 'http://192.0.2.1:3128');
is($db->sync($call)->{diagnostics}[0]{code}, 'unreachable', 'plain HTTP does not leave the machine');
cmp_ok(time - $begun, '<', 1, 'which shows at once');
done_testing;
