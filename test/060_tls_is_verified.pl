# A server whose certificate is not right gets no request; its own authority makes it right.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(server => { retries => 0 });
my $call = $db->make_call('element-1', 1 .. 3);
my @simulators;

# Starts a simulator with such a certificate and points the server there.
sub speak_to
{
	my ($certificate, %options) = @_;
	my $sim = FlexSim->start(certificate => $certificate);
	push @simulators, $sim;
	$sim->seed('element-1', []);
	my $authority = delete $options{trusted} ? $sim->ca_file : undef;
	$db->set_server(url => $sim->host_url($options{host} // '127.0.0.1'), ca_file => $authority);
	return $sim;
}

sub is_refused
{
	my ($sim, $why) = @_;
	my $result = $db->sync($call);
	is($result->{status}, 'failed', $why);
	is($result->{diagnostics}[0]{code}, 'tls', "it says so: $why");
	like($result->{message}, qr/certificate/i, "in words: $why") or diag($result->{message});
	unlike($result->{message}, qr/after \d+ attempts/, "it is not tried again: $why");
	is($sim->counts->{total}, 0, "no request went out: $why");
	is($db->sqlstate_of("SELECT * FROM flex_sync_plan('$call')"), '08006', "nor does a plan: $why");
	like($db->error, qr/HINT:  .*"ca_file"/, "and the HINT names the option: $why");
	return;
}

is_refused(speak_to('good'), 'an authority that nobody knows');
is_refused(speak_to('wrong_host', trusted => 1), 'a certificate for another host');
is_refused(speak_to('expired', trusted => 1), 'a certificate that has expired');
is_refused(speak_to('self_signed', trusted => 1), 'a certificate that vouches for itself');
is_refused(speak_to('self_signed'), 'the same without an authority');

foreach my $host ('127.0.0.1', 'localhost')
{
	my $sim = speak_to('good', trusted => 1, host => $host);
	is($db->sync($call)->{status}, 'ok', "a certificate of the authority named, for $host");
	is(scalar @{ $sim->dump('element-1') }, 3, 'the contacts are there');
	# A connection that was opened with another trust is not taken.
	$db->set_server(ca_file => undef);
	is($db->sync($call)->{status}, 'failed', 'without the authority it fails, although a connection was open');
}

my $sim = speak_to('good');
$db->set_server(ca_file => '/nowhere/ca.pem');
my $result = $db->sync($call);
is($result->{status}, 'failed', 'a file of authorities that does not exist');
is($result->{diagnostics}[0]{code}, 'tls', 'is a matter of TLS');
is($sim->counts->{total}, 0, 'and no request went out');
done_testing;
