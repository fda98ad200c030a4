# The dashboard in a headless Chromium: at the width of a phone and of a desk, in light and dark. It fits, can be read, and the
# console stays silent. The screenshots stay beside the test's log.

use strict;
use warnings;

use Browser;
use FlexSync;
use PostgreSQL::Test::Utils;
use Test::More;

my $db = FlexSync->start(server => { hourly_limit => 2000, daily_limit => 10000 });
my $sim = $db->sim;
my $browser = Browser->new;
my $dir = $PostgreSQL::Test::Utils::log_path;

my @departments = ('sound', 'lights', 'video', '<script>alert(document.domain)</script>', 'a-very-long-name-without-a-space-in-it-anywhere');
my @calls = map { $db->make_call("element-$_", 1 .. $_) } 1 .. 5;
$db->run("UPDATE flex_crew_calls SET department = '$departments[$_]' WHERE id = '$calls[$_]'") foreach 0 .. 4;

sub page { return $db->run('SELECT flex_sync_dashboard()') }

# Width and height of a PNG, from its header.
sub size_of { return unpack 'x8 x4 a4 N N', slurp_file($_[0]) }

sub look_at
{
	my ($name, $html, @widths) = @_;
	my $file = "$dir/$name.html";
	open my $handle, '>', $file or die "could not write $file: $!";
	print $handle $html;
	close $handle or die "could not write $file: $!";
	my %background;
	foreach my $width (@widths)
	{
		foreach my $scheme (qw(light dark))
		{
			my $view = "$name, $width pixels wide, $scheme";
			my $image = "$dir/$name-$width-$scheme.png";
			$browser->screenshot($file, $image, width => $width, height => 2400, scheme => $scheme);
			is(join(' ', size_of($image)), "IHDR $width 2400", "$view: a screenshot");
			cmp_ok(-s $image, '>', 30_000, 'with something on it');
			# With all that can be opened open.
			my $facts = $browser->examine($html =~ s/<details/<details open=""/gr, width => $width, scheme => $scheme);
			is($facts->{width}, $width, 'nothing has to be scrolled sideways');
			is_deeply($facts->{wide}, [], 'nothing reaches beyond the page');
			is_deeply([ @{$facts}{qw(scripts loaded handlers)} ], [ 0, 0, 0 ], 'nothing is run or loaded');
			cmp_ok($facts->{texts}, '>', 30, 'there are texts');
			is_deeply($facts->{faint}, [], 'all of them stand out from what is behind them');
			is_deeply($facts->{small}, [], 'and none is too small');
			$background{$scheme} = $facts->{background};
		}
	}
	isnt($background{light}, $background{dark}, 'light and dark differ');
	return;
}

look_at('empty', page(), 390);

$db->run('CALL flex_sync_all()');
$db->run(q(INSERT INTO flex_sync_log
	SELECT (jsonb_populate_record(l, jsonb_build_object('run_id', nextval('flex_sync_run_id_seq'), 'status', (ARRAY['ok','ok','ok','ok','failed','deferred'])[1 + (h * 7 + i) % 6],
		'duration_ms', 200 + 400 * ((h * 5 + i) % 17), 'started_at', now() - h * interval '55 minutes'))).*
	FROM flex_sync_log AS l, generate_series(0, 24) AS h, generate_series(1, 3) AS i WHERE h NOT BETWEEN 9 AND 11));
$db->desire($calls[2], 1 .. 4);
$sim->fault(kind => 'add', status => 400);
$db->sync($calls[2]);
look_at('full', page(), 390, 1280);

is_deeply([ $browser->complaints ], [], 'the console stays silent');
done_testing;
