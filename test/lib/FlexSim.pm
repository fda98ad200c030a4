package FlexSim;

# The Flex simulator for TAP tests: starts test/flexsim/flexsim and speaks its control interface.

=head1 SYNOPSIS

	use FlexSim;

	my $sim = FlexSim->start(token => 'secret');
	$sim->seed('element-1', [ 'resource-1', { resource => 'resource-2', role => 'role-1' } ]);
	$sim->fault(kind => 'add', status => 503, act => 1);
	... let something talk to $sim->url ...
	is($sim->counts->{add}, 1);
	is(scalar @{ $sim->dump('element-1') }, 3);

What goes in and comes out is described by C<flexsim --help>.

=cut

use strict;
use warnings;

use Carp;
use Cwd            qw(abs_path);
use File::Basename qw(dirname);
use File::Temp;
use HTTP::Tiny;
use IPC::Run;
use JSON::PP;
use Scalar::Util qw(weaken);
use Socket       qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(sleep time);

my $binary = dirname(abs_path(__FILE__)) . '/../flexsim/flexsim';
my $json = JSON::PP->new->utf8->allow_nonref->canonical;
my %running;

=head1 METHODS

=over

=item FlexSim->start(%options)

Starts a simulator and waits until it listens. Options: C<token>, C<base>, C<port>, C<threads> and
C<latency> as on the command line; C<< tls => 1 >> serves HTTPS with a certificate of a throwaway
authority, and C<< certificate => 'wrong_host', 'expired' or 'self_signed' >> with a bad one.

=cut

sub start
{
	my ($class, %options) = @_;
	my $self = bless {
		pid => $$,
		dir => File::Temp->newdir('flexsim_XXXXXX', TMPDIR => 1),
		base => $options{base} // '/f5/api',
		token => $options{token} // 'test-token',
		tls => $options{tls} || $options{certificate} ? 1 : 0,
		output => '',
	}, $class;

	my @command = ($binary, '--end-with-parent', '--port-file', $self->_port_file);
	foreach my $option (grep { defined $options{$_} } qw(token base port threads latency))
	{
		push @command, "--$option", $options{$option};
	}
	push @command, '--tls', $self->_make_certificate($options{certificate} // 'good')
	  if $self->{tls};

	$self->{run} =
	  IPC::Run::start(\@command, '<', \undef, '>', \$self->{output}, '2>', \$self->{output});
	$self->_wait_for_port;
	$self->{http} = HTTP::Tiny->new(timeout => 660, proxy => undef, http_proxy => undef);
	$running{$self} = $self;
	weaken($running{$self});
	return $self;
}

=item $sim->url, $sim->host_url($host), $sim->port, $sim->token, $sim->ca_file

The base URL of the API (C<host_url>: by another name of the machine, such as C<localhost>), the port,
the accepted token, and the file of the authority that signed the certificate (or, when it is
self-signed, that has nothing to do with it).

=cut

sub host_url
{
	my ($self, $host) = @_;
	return ($self->{tls} ? 'https' : 'http') . "://$host:$self->{port}$self->{base}";
}

sub url { return $_[0]->host_url('127.0.0.1') }
sub port { return $_[0]->{port} }
sub token { return $_[0]->{token} }
sub ca_file { return "$_[0]->{dir}/ca.pem" }

=item $sim->certificate

The files of a certificate for this machine and of its key, for another server in front of the simulator; C<ca_file> is its
authority.

=cut

sub certificate
{
	my ($self) = @_;
	$self->_make_certificate('good') if !-e "$self->{dir}/server.pem";
	return ("$self->{dir}/server.pem", "$self->{dir}/server.key");
}

=item $sim->stop

Ends the simulator, as going out of scope does. Returns its wait status: 0 when it ended cleanly.

=cut

sub stop
{
	my ($self) = @_;
	my $run = delete $self->{run} or return;
	delete $running{$self};
	delete $self->{http};
	local ($@, $?);
	$run->kill_kill(grace => 10);
	return $run->full_result(0);
}

=item $sim->reset

=item $sim->seed($element, \@rows, %options)

Makes or replaces an element; C<< shape => {...} >> is the only option. Returns the lines' ids.

=item $sim->add_row($element, $row), $sim->delete_line($id), $sim->set_line($id, %members)

What a person does by hand. C<add_row> returns the id.

=item $sim->dump, $sim->dump($element)

=cut

sub reset { return $_[0]->_post('reset', {}) }

sub seed
{
	my ($self, $element, $rows, %options) = @_;
	return @{ $self->_post('seed', { %options, element => $element, rows => $rows })->{ids} };
}

sub add_row
{
	my ($self, $element, $row) = @_;
	return $self->_post('add_row', { element => $element, row => $row })->{id};
}

sub delete_line
{
	my ($self, $id) = @_;
	return $self->_post('delete_line', { id => $id });
}

sub set_line
{
	my ($self, $id, %members) = @_;
	return $self->_post('set_line', { %members, id => $id });
}

sub dump
{
	my ($self, $element) = @_;
	return $self->_get('dump', defined $element ? (element => $element) : ());
}

=item $sim->log(%filter), $sim->counts, $sim->clear_log

The logged requests as a list, filtered by kind, method, element, status or since; numbers of them.

=cut

sub log
{
	my ($self, %filter) = @_;
	return @{ $self->_get('log', %filter) };
}

sub counts { return $_[0]->_get('counts') }
sub clear_log { return $_[0]->_post('clear_log', {}) }

=item $sim->configure(%settings)

Changes the settings named and returns all.

=item $sim->fault(%rule), $sim->faults, $sim->clear_faults

=cut

sub configure
{
	my ($self, %settings) = @_;
	return %settings ? $self->_post('config', \%settings) : $self->_get('config');
}

sub fault
{
	my ($self, %rule) = @_;
	return $self->_post('faults', \%rule);
}

sub faults { return @{ $_[0]->_get('faults') } }
sub clear_faults { return $_[0]->_post('clear_faults', {}) }

=item $sim->held($timeout, $count)

The requests that wait for C<release>, after waiting up to C<$timeout> seconds (default 10) for C<$count>
(default 1) of them: fewer come back when the time is over.

=item $sim->release, $sim->release($ordinal)

Lets all of them go, or one. Returns how many.

=cut

sub held
{
	my ($self, $timeout, $count) = @_;
	return @{ $self->_get('held',
			timeout_ms => int(1000 * ($timeout // 10)),
			count => $count // 1) };
}

sub release
{
	my ($self, $ordinal) = @_;
	return $self->_post('release', defined $ordinal ? { ordinal => $ordinal } : {})->{released};
}

=back

=cut

sub _port_file { return "$_[0]->{dir}/port" }

sub _wait_for_port
{
	my ($self) = @_;
	my $deadline = time + 30;
	until (-e $self->_port_file)
	{
		$self->{run}->pump_nb;
		if (!$self->{run}->pumpable || time > $deadline)
		{
			$self->{run}->kill_kill;
			croak "could not start $binary: $self->{output}";
		}
		sleep 0.005;
	}
	open my $file, '<', $self->_port_file or croak "could not read the port file: $!";
	chomp($self->{port} = <$file>);
	return;
}

sub _get
{
	my ($self, $call, %query) = @_;
	my $parameters = $self->{http}->www_form_urlencode(\%query);
	return $self->_control('GET', "$call?$parameters");
}

sub _post
{
	my ($self, $call, $body) = @_;
	return $self->_control('POST', $call, $json->encode($body));
}

sub _control
{
	my ($self, $method, $call, $body) = @_;
	croak 'the simulator has been stopped' if !$self->{run};
	my $url = ($self->{tls} ? 'https' : 'http') . "://127.0.0.1:$self->{port}/control/$call";
	my ($status, $content) =
	  $self->{tls}
	  ? _curl($method, $url, $body)
	  : $self->_request($method, $url, $body);
	croak "$method /control/$call: $status $content" if $status != 200;
	return $json->decode($content);
}

sub _request
{
	my ($self, $method, $url, $body) = @_;
	my $options =
	  defined $body ? { content => $body, headers => { 'Content-Type' => 'application/json' } } : {};
	my $response = $self->{http}->request($method, $url, $options);
	# Header and body are two writes: without this, the second one waits 40 ms for the first one's acknowledgement.
	my $kept = ($self->{http}{handle} // {})->{fh};
	setsockopt $kept, IPPROTO_TCP, TCP_NODELAY, 1 if $kept;
	return ($response->{status}, $response->{content});
}

# HTTP::Tiny speaks TLS only with modules that are not of Perl's core.
sub _curl
{
	my ($method, $url, $body) = @_;
	my @command = ('curl', '-sSk', '--noproxy', '*', '-X', $method, '-w', '\n%{http_code}', $url);
	push @command, '-H', 'Content-Type: application/json', '--data-binary', '@-' if defined $body;
	my ($output, $error) = ('', '');
	IPC::Run::run(\@command, '<', \($body // ''), '>', \$output, '2>', \$error)
	  or croak "curl $url: $error";
	my ($content, $status) = $output =~ /\A(.*)\n(\d+)\z/s;
	return ($status, $content);
}

# Makes the authority and one certificate; returns the certificate's file and its key's.
sub _make_certificate
{
	my ($self, $flaw) = @_;
	my $dir = $self->{dir};
	my $names =
	  $flaw eq 'wrong_host' ? 'DNS:wrong.example' : 'IP:127.0.0.1,DNS:localhost';
	my @validity =
	  $flaw eq 'expired'
	  ? ('-startdate', '20200101000000Z', '-enddate', '20200102000000Z')
	  : ('-days', '2');
	my @new_key = ('-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes');

	_openssl('req', '-x509', @new_key, '-days', '2', '-subj', '/CN=flexsim authority',
		'-keyout', "$dir/ca.key", '-out', "$dir/ca.pem");
	if ($flaw eq 'self_signed')
	{
		_openssl('req', '-x509', @new_key, '-days', '2', '-subj', '/CN=flexsim',
			'-addext', "subjectAltName=$names",
			'-keyout', "$dir/server.key", '-out', "$dir/server.pem");
		return ("$dir/server.pem", "$dir/server.key");
	}
	_openssl('req', @new_key, '-subj', '/CN=flexsim',
		'-keyout', "$dir/server.key", '-out', "$dir/server.csr");
	_write("$dir/ca.cnf", _authority_config($dir, $names));
	_write("$dir/index.txt", '');
	_write("$dir/serial", "01\n");
	_openssl('ca', '-batch', '-notext', '-config', "$dir/ca.cnf", @validity,
		'-in', "$dir/server.csr", '-out', "$dir/server.pem");
	return ("$dir/server.pem", "$dir/server.key");
}

sub _authority_config
{
	my ($dir, $names) = @_;
	return <<"CONFIG";
[ca]
default_ca = authority
[authority]
database = $dir/index.txt
serial = $dir/serial
new_certs_dir = $dir
certificate = $dir/ca.pem
private_key = $dir/ca.key
default_md = sha256
policy = policy
x509_extensions = extensions
[policy]
commonName = supplied
[extensions]
subjectAltName = $names
CONFIG
}

sub _write
{
	my ($name, $text) = @_;
	open my $file, '>', $name or croak "could not write $name: $!";
	print $file $text;
	close $file or croak "could not write $name: $!";
	return;
}

sub _openssl
{
	my (@arguments) = @_;
	my $output = '';
	IPC::Run::run([ 'openssl', @arguments ], '<', \undef, '>', \$output, '2>', \$output)
	  or croak "openssl @arguments: $output";
	return;
}

# Only the process that started it ends it: a forked child has a copy of the object.
sub DESTROY
{
	my ($self) = @_;
	$self->stop if $self->{run} && $self->{pid} == $$;
	return;
}

END
{
	local $?;
	foreach my $sim (grep { defined } values %running)
	{
		$sim->stop if $sim->{pid} == $$;
	}
}

1;
