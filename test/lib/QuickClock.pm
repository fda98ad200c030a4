package QuickClock;

# A server whose time of day runs faster: a minute passes in a few seconds, for whatever wakes up by the minute.

use strict;
use warnings;

use Carp;
use Cwd            qw(abs_path);
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils;

=head1 FUNCTIONS

=over

=item QuickClock::run_fast($factor, $start)

Calls C<$start>, in which a server is started, so that its clock runs as many times as fast as others.

=back

=cut

sub run_fast
{
	my ($factor, $start) = @_;
	my $source = dirname(abs_path(__FILE__)) . '/quick_clock.c';
	my $library = PostgreSQL::Test::Utils::tempdir_short() . '/quick_clock.so';
	system($ENV{CC} // 'cc', '-O1', '-shared', '-fPIC', '-o', $library, $source) == 0 or croak "could not compile $source";
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{QUICK_CLOCK} = time . " $factor";
	return $start->();
}

1;
