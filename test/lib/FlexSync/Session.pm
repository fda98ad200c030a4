package FlexSync::Session;

# One database session, by way of a psql that stays: statements can be started and waited for later, and an error ends
# neither the session nor the test. L<FlexSync> makes them.

=head1 SYNOPSIS

	my $session = $db->session;
	$session->run('BEGIN');
	is($session->sync($call)->{status}, 'ok');
	is($session->sqlstate_of('SELECT 1/0'), '22012');
	like($session->error, qr/division/);

	$session->start_sync($call);
	$session->wait_for_lock;
	... let go of the lock ...
	is($session->finish_sync->{status}, 'ok');

=cut

use strict;
use warnings;

use Carp;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Cluster;    # whose END comes after ours
use PostgreSQL::Test::Utils;
use Scalar::Util qw(weaken);
use Time::HiRes qw(sleep time);

my $json = JSON::PP->new->utf8->allow_nonref;
my %open;
my $end_mark = 'end of statement';

# Named arguments of flex_sync_crew as SQL.
my %argument_type =
  (prune => 'text', nowait => 'boolean', max_removals => 'integer');

sub new
{
	my ($class, $db, %options) = @_;
	my $self = bless { db => $db, in => '', out => '', err => '', error => '' }, $class;
	my $connection = $db->node->connstr($options{database} // 'postgres');
	$connection .= " user=$options{user}" if defined $options{user};
	$connection .= " application_name=$options{name}" if defined $options{name};
	$self->{timeout} = IPC::Run::timeout($PostgreSQL::Test::Utils::timeout_default);
	$self->{run} = IPC::Run::start(
		[ 'psql', '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $connection, '-f', '-' ],
		'<', \$self->{in},
		'>', \$self->{out},
		'2>', \$self->{err},
		$self->{timeout});
	$open{$self} = $self;
	weaken($open{$self});
	$self->{pid} = $self->run('SELECT pg_backend_pid()');
	return $self;
}

=head1 METHODS

=over

=item $session->run($sql)

Runs statements and returns what they print, without the last newline. Croaks at an error.

=item $session->value($sql), $session->rows($sql)

The value that a query returns; its rows, as hashes. Booleans and numbers come as Perl values, arrays and jsonb
as references, everything else as text.

=item $session->sqlstate_of($sql)

Runs statements of which the last one is expected to fail; returns the SQLSTATE of the first error, C<''> without one.

=item $session->error

All that the last statements wrote to stderr: messages with SQLSTATE, DETAIL and HINT, NOTICEs as well.

=cut

sub run
{
	my ($self, $sql) = @_;
	$self->start($sql);
	return $self->finish;
}

sub value
{
	my ($self, $sql) = @_;
	return (values %{ ($self->rows($sql))[0] })[0];
}

sub rows
{
	my ($self, $sql) = @_;
	return map { $json->decode($_) }
	  split /\n/, $self->run("SELECT pg_catalog.row_to_json(q) FROM ($sql) AS q");
}

sub sqlstate_of
{
	my ($self, $sql) = @_;
	$self->start($sql);
	return $self->_await;
}

sub error { return $_[0]->{error} }

=item $session->pid

Of its backend.

=item $session->sync($call, %arguments)

Syncs a crew call and returns the row of C<flex_sync_result> as a hash, with C<diagnostics> as an array of
hashes. The arguments are those of C<flex_sync_crew>.

=item $session->plan($call, $prune), $session->contacts($call)

The rows of C<flex_sync_plan> and C<flex_crew_contacts>, as hashes.

=cut

sub pid { return $_[0]->{pid} }

sub sync
{
	my ($self, $call, %arguments) = @_;
	$self->start_sync($call, %arguments);
	return $self->finish_sync;
}

sub plan
{
	my ($self, $call, $prune) = @_;
	my $argument = defined $prune ? ", prune => '$prune'" : '';
	return $self->rows("SELECT * FROM flex_sync_plan('$call'$argument)");
}

sub contacts
{
	my ($self, $call) = @_;
	return $self->rows("SELECT * FROM flex_crew_contacts('$call')");
}

=item $session->start($sql), $session->finish

The two halves of C<run>: what is started runs while the test goes on. A session runs one thing at a time.

=item $session->start_sync($call, %arguments), $session->finish_sync

The two halves of C<sync>.

=item $session->finish_sqlstate

Like C<finish>, for what is expected to fail: returns the SQLSTATE, C<''> if there was no error.

=item $session->is_running

True while what was started has not ended.

=cut

sub start
{
	my ($self, $sql) = @_;
	croak 'the session is busy' if $self->{is_started};
	$self->{out} = $self->{err} = '';
	$self->{is_started} = 1;
	$self->{timeout}->start;
	# Both streams tell the end: neither says when the other is complete.
	$self->{in} .= "$sql\n;\n\\echo '$end_mark'\n\\warn '$end_mark'\n";
	$self->{run}->pump_nb while length $self->{in} && $self->{run}->pumpable;
	return;
}

sub finish
{
	my ($self) = @_;
	my $sqlstate = $self->_await;
	croak $self->{error} if $sqlstate ne '';
	return $self->{output};
}

sub finish_sqlstate { return $_[0]->_await }

sub start_sync
{
	my ($self, $call, %arguments) = @_;
	my $list = "'$call'";
	foreach my $name (sort keys %arguments)
	{
		croak "flex_sync_crew has no argument $name" if !$argument_type{$name};
		my $value = defined $arguments{$name} ? "'$arguments{$name}'" : 'NULL';
		$list .= ", $name => $value\::$argument_type{$name}";
	}
	$self->start("SELECT row_to_json(r) FROM flex_sync_crew($list) AS r");
	return;
}

sub finish_sync { return $json->decode($_[0]->finish) }

sub is_running
{
	my ($self) = @_;
	return 0 if !$self->{is_started};
	$self->{run}->pump_nb if $self->{run}->pumpable;
	return !$self->_has_ended;
}

=item $session->wait_for_lock, $session->wait_for_network

Waits until the backend waits for a heavyweight lock, or for an answer of Flex. Croaks if it ends first.

=cut

sub wait_for_lock { return $_[0]->_wait_for('Lock') }
sub wait_for_network { return $_[0]->_wait_for('Extension') }

=item $session->cancel, $session->quit

Cancels what it runs; ends the session (as going out of scope does), and returns when its backend is gone.

=back

=cut

sub cancel
{
	my ($self) = @_;
	return $self->{db}->run("SELECT pg_cancel_backend($self->{pid})");
}

sub quit
{
	my ($self) = @_;
	$self->_close;
	$self->{db}
	  ->wait_until("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = $self->{pid})");
	return;
}

sub _wait_for
{
	my ($self, $type) = @_;
	my $is_waiting =
	  $self->{db}->wait_until("SELECT wait_event_type = '$type' FROM pg_stat_activity WHERE pid = $self->{pid}",
		sub { !$self->is_running });
	croak "the session does not wait ($type): $self->{out}$self->{err}" if !$is_waiting;
	return;
}

# Waits for the end and returns the SQLSTATE of the first error.
sub _await
{
	my ($self) = @_;
	croak 'nothing was started' if !$self->{is_started};
	while (!$self->_has_ended && $self->{run}->pumpable)
	{
		$self->{run}->pump;
	}
	$self->{is_started} = 0;
	$self->{output} = $self->{out} =~ s/\n?\Q$end_mark\E\n\z//r;
	$self->{error} = $self->{err} =~ s/\Q$end_mark\E\n\z//r =~ s/^psql:<stdin>:\d+: //mgr;
	return $1 if $self->{error} =~ /^(?:ERROR|FATAL|PANIC):  (\w{5}):/m;
	return $self->_has_ended ? '' : '08006';
}

sub _has_ended
{
	my ($self) = @_;
	return $self->{out} =~ /^\Q$end_mark\E\n\z/m && $self->{err} =~ /^\Q$end_mark\E\n\z/m;
}

sub _close
{
	my ($self) = @_;
	my $run = delete $self->{run} or return;
	delete $open{$self};
	local ($@, $?);
	eval {
		$self->{in} .= "\\q\n";
		my $deadline = time + ($self->{is_started} ? 0 : 5);
		while ($run->pumpable && time < $deadline)
		{
			$run->pump_nb;
			sleep 0.002;
		}
		$run->pumpable ? $run->kill_kill(grace => 1) : $run->finish;
	};
	return;
}

sub DESTROY { return $_[0]->_close }

# Before the servers are stopped, and before what IPC::Run needs is destroyed.
END
{
	$_->_close foreach grep { defined } values %open;
}

1;
