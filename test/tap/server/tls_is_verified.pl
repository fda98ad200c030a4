# A server whose certificate is not right gets no request; its own authority makes it right.

use strict;
use warnings;

use File::Copy;
use FlexSync;
use POSIX ();
use PostgreSQL::Test::Utils;
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

# ---- the file of authorities

my $sim = speak_to('good', trusted => 1);
my $file = "$PostgreSQL::Test::Utils::tmp_check/ca.pem";
File::Copy::copy($sim->ca_file, $file);
$db->set_server(ca_file => $file);
my $session = $db->session;
is($session->sync($call)->{status}, 'ok', 'a file of authorities');
my $other = FlexSim->start(tls => 1);
File::Copy::copy($other->ca_file, $file);
is($session->sync($call)->{status}, 'failed', 'another in its place is noticed by the next sync, although a connection is open');
File::Copy::copy($sim->ca_file, $file);
is($session->sync($call)->{status}, 'ok', 'and so is the first one');

# One that is no regular file is waited for by nobody: the backend goes on, and hears what it is sent.
my $folder = $PostgreSQL::Test::Utils::tmp_check;
POSIX::mkfifo("$folder/fifo", 0600) or die "could not make a pipe: $!";
append_to_file("$folder/huge.pem", '#' x (5 << 20));
append_to_file("$folder/empty.pem", '');
append_to_file("$folder/text.pem", "no certificate\n");
foreach my $bad (
	[ '/nowhere/ca.pem', qr/"ca_file" could not be read: / ],
	[ "$folder/fifo", qr/"ca_file" is not a regular file/ ],
	[ $folder, qr/"ca_file" is not a regular file/ ],
	[ '/dev/zero', qr/"ca_file" is not a regular file/ ],
	(map { [ "/proc/self/fd/$_", qr/"ca_file" (is not a regular file|could not be read|is empty)|certificate/ ] } 0 .. 20),
	[ "$folder/huge.pem", qr/"ca_file" is larger than 4 MB/ ],
	[ "$folder/empty.pem", qr/"ca_file" is empty/ ],
	[ "$folder/text.pem", qr/certificate/ ])
{
	my ($name, $why) = @$bad;
	$db->set_server(ca_file => $name);
	$sim->clear_log;
	my $result = $session->sync($call);
	is($result->{status}, 'failed', "$name is no file of authorities");
	is($result->{diagnostics}[0]{code}, 'tls', "$name: which is a matter of TLS");
	like($result->{message}, $why, "$name: the message says why");
	is($sim->counts->{total}, 0, "$name: no request went out");
}
done_testing;
