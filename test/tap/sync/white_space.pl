# White space of any script at the end of a resource's id, in the doctor's eyes and in a sync's.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start;
$db->sim->seed('element-1', []);
my $call = $db->make_call('element-1');
my $finding = sub { my $name = $_[0]; return (grep { $_->{check_name} eq $name } $db->rows('SELECT * FROM flex_sync_check()'))[0] };
my $none = $finding->('requests')->{detail};
foreach my $setting ('off', 'on')
{
	$db->run("SET standard_conforming_strings = $setting");
	foreach my $code (qw(0009 0020 0085 00a0 1680 2003 200b 2028 202f 205f 3000 feff))
	{
		$db->run("DELETE FROM flex_desired_crew; INSERT INTO flex_desired_crew VALUES ('$call', '@{[ technician(1) ]}', 'r' || chr(x'$code'::int))");
		is($db->sync($call)->{skipped}, 1, "U+$code: skipped");
		is($finding->('resource_white_space')->{status}, 'warning', "U+$code: the doctor warns");
		is($finding->('requests')->{detail}, $none, "U+$code: and counts no request for it");
	}
}
$db->run("UPDATE flex_desired_crew SET flex_resource_id = 'resource-1s'");
isnt($finding->('requests')->{detail}, $none, 'one without it counts');
is($db->sim->counts->{add}, 0, 'nobody was called');
done_testing;
