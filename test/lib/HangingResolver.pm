package HangingResolver;

# A resolver that never answers for hosts below "hangs.example": HangingResolver->build makes the library, to be preloaded
# into a server by setting LD_PRELOAD while it starts.

use strict;
use warnings;

use Carp;
use Cwd            qw(abs_path);
use File::Basename qw(dirname);
use IPC::Run;
use PostgreSQL::Test::Utils;

my $source = dirname(abs_path(__FILE__)) . '/hanging_resolver.c';

sub build
{
	my $library = PostgreSQL::Test::Utils::tempdir() . '/hanging_resolver.so';
	my $output = '';
	IPC::Run::run([ $ENV{CC} // 'cc', '-shared', '-fPIC', '-o', $library, $source, '-ldl' ],
		'<', \undef, '>', \$output, '2>', \$output)
	  or croak "could not build $source: $output";
	return $library;
}

1;
