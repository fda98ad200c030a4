package FlexSync;

# A database with flex_sync in it and a Flex simulator beside it, for TAP tests.

=head1 SYNOPSIS

	use FlexSync;
	use Test::More;

	my $db = FlexSync->start;
	my $call = $db->make_call('element-1', 1 .. 3);       # technicians 1 to 3 are desired

	my $result = $db->sync($call);
	is($result->{status}, 'ok');
	is($result->{added}, 3);
	$db->agrees('element-1', 'after the first sync');

	$db->desire($call, 2, { technician => 4, role => 'role-1' });
	$db->sim->fault(kind => 'add', status => 503, act => 1);
	is($db->sync($call)->{status}, 'ok');

	my @results = $db->sync_together(8, $call);

=head1 NAMES

Technician 7 is the UUID C<technician(7)>, and their resource in Flex C<resource(7)>, C<resource-7>. Crew calls are
numbered as they are made: C<ca110000-0000-4000-8000-000000000001> is the first. Elements are named by the test.

=cut

use strict;
use warnings;

use Carp;
use FlexSim;
use FlexSync::Session;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More import => [qw(is_deeply)];
use Time::HiRes qw(sleep time);

use Exporter qw(import);
our @EXPORT = qw(technician resource);

=head1 FUNCTIONS

=over

=item technician($number), resource($number)

=back

=cut

sub technician { return sprintf '7ec00000-0000-4000-8000-%012d', $_[0] }
sub resource { return "resource-$_[0]" }

=head1 METHODS

=over

=item FlexSync->start(%options)

Starts a simulator and a server, and in its database C<postgres> makes the extension, the foreign server C<flex>, a
user mapping for the superuser, and the crew relations. Options:

	sim       a FlexSim that runs already
	conf      text for postgresql.conf, such as "log_min_messages = debug1\n"
	server    { option => value }, options of the foreign server beside url
	setup     what makes the crew relations: SQL to run in place of flex_sync_setup(); '' for none

=cut

sub start
{
	my ($class, %options) = @_;
	my $self = bless { sim => $options{sim} // FlexSim->start, calls => 0 }, $class;
	my $node = $self->{node} = PostgreSQL::Test::Cluster->new('main');
	$node->init;
	$node->append_conf('postgresql.conf', "fsync = off\nmax_connections = 50\nlc_messages = 'C'\n");
	$node->append_conf('postgresql.conf', $options{conf}) if defined $options{conf};
	$node->start;
	$self->{session} = $self->session;
	$self->run('CREATE EXTENSION flex_sync');
	$self->make_server('flex', %{ $options{server} // {} });
	$self->run($options{setup} // 'SELECT FROM flex_sync_setup()');
	return $self;
}

=item $db->node, $db->sim

The L<PostgreSQL::Test::Cluster> and the L<FlexSim>.

=item $db->session(%options)

A new L<FlexSync::Session>. Options: C<user>, C<database>, C<name> (its application_name).

=item $db->run, value, rows, sqlstate_of, error, sync, plan, contacts

Those of L<FlexSync::Session>, on a session that C<$db> keeps for itself.

=cut

sub node { return $_[0]->{node} }
sub sim { return $_[0]->{sim} }

sub session
{
	my ($self, %options) = @_;
	return FlexSync::Session->new($self, %options);
}

foreach my $method (qw(run value rows sqlstate_of error sync plan contacts))
{
	no strict 'refs';
	*$method = sub { my $self = shift; return $self->{session}->$method(@_) };
}

=item $db->make_server($name, %options), $db->make_mapping($server, $user, $token)

A foreign server whose url is the simulator's (unless C<url> is among the options) and the user mapping of the
superuser; a user mapping for somebody else. The token is the simulator's unless given.

=item $db->set_server(%options)

Sets options of the foreign server C<flex>; C<undef> drops one.

=cut

sub make_server
{
	my ($self, $name, %options) = @_;
	%options = (url => $self->sim->url, %options);
	my $list = join ', ', map { "$_ '$options{$_}'" } sort keys %options;
	$self->run("CREATE SERVER $name FOREIGN DATA WRAPPER flex_sync OPTIONS ($list)");
	return $self->make_mapping($name, 'CURRENT_USER');
}

sub make_mapping
{
	my ($self, $server, $user, $token) = @_;
	$token //= $self->sim->token;
	return $self->run("CREATE USER MAPPING FOR $user SERVER $server OPTIONS (token '$token')");
}

sub set_server
{
	my ($self, %options) = @_;
	my %is_set = map { /^(\w+)=/ ? ($1 => 1) : () }
	  split /\n/, $self->run(q(SELECT unnest(srvoptions) FROM pg_foreign_server WHERE srvname = 'flex'));
	my @list;
	foreach my $name (sort keys %options)
	{
		next if !defined $options{$name} && !$is_set{$name};
		push @list,
		  !defined $options{$name} ? "DROP $name"
		  : ($is_set{$name} ? 'SET' : 'ADD') . " $name '$options{$name}'";
	}
	$self->run('ALTER SERVER flex OPTIONS (' . join(', ', @list) . ')') if @list;
	return;
}

=item $db->make_call($element, @desired)

Makes a crew call of an element (C<undef>: of none) and its desired crew; returns its id. In Flex the element is made as well,
empty, unless it is there.

=item $db->desire($call, @desired)

Replaces the desired crew of a call. Each is a technician's number, or a hash: C<technician>, a number, C<resource>
(an id; by default the technician's own; undef: not known in Flex) and C<role>.

=item $db->assign($call, $number, $line)

Writes a row of C<flex_crew_assignments> by hand.

=cut

sub make_call
{
	my ($self, $element, @desired) = @_;
	my $id = sprintf 'ca110000-0000-4000-8000-%012d', ++$self->{calls};
	$self->run(sprintf 'INSERT INTO flex_crew_calls (id, flex_element_id) VALUES (%s, %s)',
		_literal($id), _literal($element));
	$self->sim->seed($element, []) if defined $element && !exists $self->sim->dump->{$element};
	$self->desire($id, @desired);
	return $id;
}

sub desire
{
	my ($self, $call, @desired) = @_;
	my @values;
	foreach my $one (@desired)
	{
		my %member = ref $one ? %$one : (technician => $one);
		my $resource = exists $member{resource} ? $member{resource} : resource($member{technician});
		push @values,
		  '(' . join(', ', map { _literal($_) } $call, technician($member{technician}), $resource, $member{role}) . ')';
	}
	my $insert = @values ? 'INSERT INTO flex_desired_crew VALUES ' . join(', ', @values) : '';
	$self->run("BEGIN; DELETE FROM flex_desired_crew WHERE crew_call_id = '$call'; $insert; COMMIT");
	return;
}

sub assign
{
	my ($self, $call, $number, $line) = @_;
	my $values = join ', ', map { _literal($_) } $call, technician($number), $line;
	$self->run("INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id) VALUES ($values)");
	return;
}

=item $db->assignments($call)

The rows of a call (without a call: of all), in the order of their technicians:
C<technician_id>, C<flex_line_item_id>, and C<ctid> and C<xmin>, which tell whether a row was written again.

=item $db->log_of($run_id), $db->operations_of($run_id)

The row of C<flex_sync_log>, and the rows of C<flex_sync_log_operation>.

=cut

sub assignments
{
	my ($self, $call) = @_;
	my $where = defined $call ? "WHERE crew_call_id = '$call'" : '';
	return $self->rows("SELECT crew_call_id, technician_id, flex_line_item_id, ctid, xmin
		FROM flex_crew_assignments $where ORDER BY crew_call_id, technician_id, flex_line_item_id");
}

sub log_of { return ($_[0]->rows("SELECT * FROM flex_sync_log WHERE run_id = $_[1]"))[0] }

sub operations_of
{
	return $_[0]->rows("SELECT * FROM flex_sync_log_operation WHERE run_id = $_[1] ORDER BY ordinal");
}

=item $db->flex_contacts($element)

The contacts that Flex holds for an element, nested ones too: hashes of C<id>, C<resource>, C<role>, C<type>.

=item $db->differences($element)

What keeps Flex and the tables from agreeing about an element, in words: a desired technician without exactly one
contact, or without a row that names it; a row or a contact of nobody who is desired. Nothing if they agree.

=item $db->agrees($element, $name)

A test that there are no differences.

=cut

sub flex_contacts
{
	my ($self, $element) = @_;
	my @rows = @{ $self->sim->dump($element) };
	my @contacts;
	while (my $row = shift @rows)
	{
		unshift @rows, @{ $row->{children} // [] };
		push @contacts, $row if lc($row->{type} // '') eq 'contact';
	}
	return @contacts;
}

sub differences
{
	my ($self, $element) = @_;
	my (%lines_of, %is_wanted, %has_row, @differences);
	push @{ $lines_of{ lc($_->{resource} // '') } }, lc $_->{id} foreach $self->flex_contacts($element);
	my $of_element = 'JOIN flex_crew_calls AS c ON c.id = x.crew_call_id'
	  . ' WHERE lower(c.flex_element_id::text) = lower(' . _literal($element) . ')';
	my @rows = $self->rows("SELECT crew_call_id || '/' || technician_id AS member, lower(flex_line_item_id::text) AS line
		FROM flex_crew_assignments AS x $of_element ORDER BY 1, 2");
	my %desired = map { $_->{member} => $_ }
	  $self->rows("SELECT crew_call_id || '/' || technician_id AS member, lower(flex_resource_id) AS resource
		FROM flex_desired_crew AS x $of_element");

	foreach my $row (@rows)
	{
		push @differences, "$row->{member} has two rows" if $has_row{ $row->{member} };
		push @differences, "$row->{member} has a row and is not desired" if !$desired{ $row->{member} };
		$has_row{ $row->{member} } = $row;
	}
	foreach my $member (sort keys %desired)
	{
		my $resource = $desired{$member}{resource} // next;
		my @lines = @{ $lines_of{$resource} // [] };
		$is_wanted{$resource} = 1;
		push @differences, "$member has " . @lines . ' contacts in Flex' if @lines != 1;
		my $line = ($has_row{$member} // {})->{line} // 'nothing';
		push @differences, "$member has a row that names $line" if !grep { $_ eq $line } @lines;
	}
	push @differences, map { "nobody desires contact $_" } grep { !$is_wanted{$_} } sort keys %lines_of;
	return @differences;
}

sub agrees
{
	my ($self, $element, $name) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is_deeply([ $self->differences($element) ], [], "$element: Flex and the tables agree, $name");
}

=item $db->sessions($count)

So many sessions, which C<$db> keeps for the next time.

=item $db->together(\@sessions, $sql)

Starts a statement on all of the sessions at once: each is held at a barrier until all of them have come there. The
caller waits for each with C<finish>.

=item $db->sync_together($count, $call, %arguments)

Syncs a call in so many backends at once; returns their results. C<$call> can be an array, of a call for each.

=cut

sub sessions
{
	my ($self, $count) = @_;
	my $kept = $self->{sessions} //= [];
	push @$kept, $self->session while @$kept < $count;
	return @$kept[ 0 .. $count - 1 ];
}

sub together
{
	my ($self, $sessions, @sql) = @_;
	my $barrier = "8675309";
	$self->run("SELECT pg_advisory_lock($barrier)");
	foreach my $i (0 .. $#$sessions)
	{
		my $sql = $sql[ $i % @sql ];
		# In a transaction of its own, so that nothing of the barrier is in that of the statement.
		$sessions->[$i]->start(
			"DO \$\$ BEGIN PERFORM pg_advisory_xact_lock_shared($barrier); END \$\$;\n$sql");
	}
	my $pids = join ', ', map { $_->pid } @$sessions;
	$self->wait_until("SELECT count(*) = " . @$sessions . " FROM pg_locks
		WHERE pid IN ($pids) AND locktype = 'advisory' AND NOT granted AND objid = $barrier");
	$self->run("SELECT pg_advisory_unlock($barrier)");
	return;
}

sub sync_together
{
	my ($self, $count, $call, %arguments) = @_;
	my @sessions = $self->sessions($count);
	my $list = join '', map { ", $_ => '$arguments{$_}'" } sort keys %arguments;
	$self->together(\@sessions,
		map { "SELECT row_to_json(r) FROM flex_sync_crew('$_'$list) AS r" } ref $call ? @$call : $call);
	return map { $_->finish_sync } @sessions;
}

=item $db->wait_until($query, $give_up)

Waits until a query returns true; the optional function ends the waiting when it returns true. Returns whether the
query did. Croaks when it takes too long.

=cut

sub wait_until
{
	my ($self, $query, $give_up) = @_;
	my $deadline = time + $PostgreSQL::Test::Utils::timeout_default;
	until ($self->run($query) eq 't')
	{
		return 0 if $give_up && $give_up->();
		croak "waited too long for: $query" if time > $deadline;
		sleep 0.005;
	}
	return 1;
}

=item $db->restart($mode)

Stops the server (C<fast>, C<immediate>, which is a crash) and starts it again. Sessions that the test made are lost.

=item $db->stop

Ends the sessions that C<$db> keeps, the server and the simulator. Going out of scope does it, too.

=back

=cut

sub restart
{
	my ($self, $mode) = @_;
	delete @{$self}{qw(sessions session)};
	$self->node->stop($mode);
	$self->node->start;
	$self->{session} = $self->session;
	return;
}

sub stop
{
	my ($self) = @_;
	delete @{$self}{qw(sessions session)};
	$self->node->stop('fast');
	$self->sim->stop;
	return;
}

sub _literal
{
	my ($value) = @_;
	return 'NULL' if !defined $value;
	return q(') . $value =~ s/'/''/gr . q(');
}

1;
