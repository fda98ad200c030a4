package BackendProcess;

# What Linux knows of a backend, for tests of what it holds on to.

=head1 SYNOPSIS

	use BackendProcess;

	my $backend = BackendProcess->new($session->pid);
	my $before = $backend->memory_kb;
	... much work ...
	cmp_ok($backend->memory_kb - $before, '<', 512);

=cut

use strict;
use warnings;

use Carp;

sub new
{
	my ($class, $pid) = @_;
	return bless { pid => $pid }, $class;
}

=head1 METHODS

=over

=item $backend->memory_kb

Its own memory: what is resident, less what it shares with others, such as the server's buffers.

=cut

sub memory_kb
{
	my ($self) = @_;
	my (undef, $resident, $shared) = split / /, $self->_read('statm');
	return ($resident - $shared) * 4;
}

=item $backend->descriptors

What its descriptors point at, sorted: C<socket:[4711]>, paths and the like. The data directory's files are left out:
the server opens and closes them as it likes.

=cut

sub descriptors
{
	my ($self) = @_;
	my $dir = "/proc/$self->{pid}/fd";
	opendir my $handle, $dir or croak "could not open $dir: $!";
	my @targets = sort grep { defined && !m{/(base|global|pg_\w+)/} } map { readlink "$dir/$_" } grep { /\d/ } readdir $handle;
	return @targets;
}

=item $backend->status($name, $thread)

A line of its status, such as C<SigBlk>; of a thread if one is named.

=item $backend->threads

The ids of its threads but the first.

=back

=cut

sub status
{
	my ($self, $name, $thread) = @_;
	my $text = $self->_read(defined $thread ? "task/$thread/status" : 'status');
	return $text =~ /^\Q$name\E:\s*(.*)$/m ? $1 : croak "no $name in the status of $self->{pid}";
}

sub threads
{
	my ($self) = @_;
	return grep { $_ ne $self->{pid} } map { m{/(\d+)\z} } glob "/proc/$self->{pid}/task/*";
}

sub _read
{
	my ($self, $name) = @_;
	open my $file, '<', "/proc/$self->{pid}/$name" or croak "could not read $name of $self->{pid}: $!";
	local $/;
	return <$file>;
}

1;
