package Http2Front;

# nghttpx in front of a Flex simulator: TLS and HTTP/2 on its side of the network, as a load balancer has them.

=head1 SYNOPSIS

	use Http2Front;

	my $front = Http2Front->start($sim);
	$db->set_server(url => $front->url, ca_file => $sim->ca_file);
	... sync ...
	is(scalar keys %{ { map { $_->{port} => 1 } $front->log } }, 1);

=cut

use strict;
use warnings;

use Carp;
use File::Temp;
use IO::Socket::INET;
use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Scalar::Util qw(weaken);
use Time::HiRes qw(sleep time);

my %running;

=head1 METHODS

=over

=item Http2Front->start($sim)

Starts nghttpx with a certificate of the simulator's authority, and waits until it listens.

=item $front->url

The base URL of the API by way of it.

=item $front->start_again

After C<kill>: on the same port.

=cut

sub start
{
	my ($class, $sim) = @_;
	my $self = bless {
		sim => $sim,
		dir => File::Temp->newdir('nghttpx_XXXXXX', TMPDIR => 1),
		port => PostgreSQL::Test::Cluster::get_free_port(),
		pid => $$,
	}, $class;
	$self->start_again;
	$running{$self} = $self;
	weaken($running{$self});
	return $self;
}

sub url { return $_[0]{sim}->url =~ s{^http://127\.0\.0\.1:\d+}{https://127.0.0.1:$_[0]{port}}r }

sub start_again
{
	my ($self) = @_;
	my ($certificate, $key) = $self->{sim}->certificate;
	my ($dir, $output) = ("$self->{dir}", '');
	$self->{run} = IPC::Run::start(
		[
			'nghttpx', '--conf=/dev/null', '--single-process', '--workers=1', '--no-ocsp', '--log-level=WARN', "--errorlog-file=$dir/errors",
			"--accesslog-file=$dir/access", '--accesslog-format=$remote_port $alpn $status $body_bytes_sent $request',
			"--frontend=127.0.0.1,$self->{port}", '--backend=127.0.0.1,' . $self->{sim}->port, $key, $certificate
		],
		'<', \undef, '>', \$output, '2>', \$output);
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	until (IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{port}))
	{
		$self->{run}->pump_nb;
		croak "could not start nghttpx: $output" if !$self->{run}->pumpable || time > $deadline;
		sleep 0.01;
	}
	return;
}

=item $front->log

What it has answered, oldest first: hashes of C<port> (the client's, which tells its connections apart), C<protocol> (C<h2> or
C<http/1.1>, as it was agreed), C<status>, C<bytes> of the body as sent, C<method>, C<path>.

=item $front->clear_log

=item $front->kill

Ends it between two instructions: its connections are gone without another byte.

=item $front->stop

=back

=cut

sub log
{
	my ($self) = @_;
	my $log = -e "$self->{dir}/access" ? slurp_file("$self->{dir}/access") : '';
	return map {
		my %entry;
		@entry{qw(port protocol status bytes method path)} = split / /;
		\%entry
	} split /\n/, $log;
}

sub clear_log { return truncate("$_[0]{dir}/access", 0) }

sub kill
{
	my ($self) = @_;
	my $run = delete $self->{run} or return;
	local ($@, $?);
	$run->signal('KILL');
	eval { $run->finish };
	return;
}

sub stop { return $_[0]->kill }

sub DESTROY
{
	my ($self) = @_;
	delete $running{$self};
	$self->stop if $self->{pid} == $$;
	return;
}

END
{
	local $?;
	foreach my $front (grep { defined } values %running)
	{
		$front->stop if $front->{pid} == $$;
	}
}

1;
