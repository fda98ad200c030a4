# Deletions and roles that fail: refused ones make a sync partial and are done by the next one; those whose answers are lost are
# settled by the listing, or sent again. A row stays as long as its contact does.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(server => { request_timeout => '1200ms', max_removals => 100, retries => 0 });
my $sim = $db->sim;

my %rules = (
	'refused 403' => { status => 403 },
	'refused 409' => { status => 409 },
	'lost 503' => { status => 503 },
	'done 503' => { status => 503, act => 1 },
	'lost drop' => { drop => 'before' },
	'done drop' => { drop => 'after' },
	'lost hang' => { hang => 1, act => 0 },
	'done hang' => { hang => 'after' },
	'done cut' => { cut_body => 1, status => 200, body => '{}', act => 1 },
	'done 204' => { status => 204, act => 1 },
);
my @names = sort keys %rules;
my @refused = grep { $names[ $_ - 1 ] =~ /^refused/ } 1 .. @names;
my $settled = @names - @refused;

sub diagnostics_of { return [ sort map { "$_->{action} " . ($_->{http_status} // '') . ' ' . ($_->{flex_line_item_id} ? 'of a line' : '') } @{ $_[0]{diagnostics} } ] }

# Contacts whose technicians are no longer desired, and, as many again, contacts that no row names.
my $call = $db->make_call('element-1', 1 .. @names, 100);
is($db->sync($call)->{added}, @names + 1, 'a crew to remove');
my %line_of = map { substr($_->{technician_id}, -3) + 0 => $_->{flex_line_item_id} } $db->assignments($call);
foreach my $number (1 .. @names)
{
	my $rule = $rules{ $names[ $number - 1 ] };
	$sim->fault(kind => 'delete', path => $_, %$rule) foreach $line_of{$number}, $sim->add_row('element-1', "by hand $number");
}
$sim->fault(kind => 'delete', path => $line_of{100}, status => 404, act => 1);
$db->desire($call);
my $result = $db->sync($call);
is("@{$result}{qw(status removed pruned failed)}", join(' ', 'partial', $settled + 1, $settled, 2 * @refused), 'removals')
  or diag(explain($result->{message}));
is_deeply(diagnostics_of($result), [ map { my $action = $_; map { "$action $_ of a line" } 403, 409 } qw(prune remove) ],
	'each that was refused has a diagnostic');
is_deeply([ map { $_->{technician_id} } $db->assignments($call) ], [ map { technician($_) } @refused ],
	'the rows of those that were refused stay, the others go');
is(scalar $db->flex_contacts('element-1'), 2 * @refused, 'and so do their contacts');
$result = $db->sync($call);
is("@{$result}{qw(status removed pruned failed)}", 'ok ' . @refused . ' ' . @refused . ' 0', 'the next sync removes them');
$db->agrees('element-1', 'after the next sync');

# Roles: of contacts that are there, and of two who are added.
$call = $db->make_call('element-2', 1 .. @names);
is($db->sync($call)->{added}, scalar @names, 'a crew without roles');
$db->desire($call, map { { technician => $_, role => "role-$_" } } 1 .. @names);
# Each fails one request. libcurl may send again what was dropped; that must not meet a refusal meant for another.
$sim->fault(kind => 'role', %{ $rules{$_} }) foreach sort { ($a =~ /drop/) <=> ($b =~ /drop/) } @names;
$result = $db->sync($call);
is("@{$result}{qw(status kept roles_set failed)}", join(' ', 'partial', scalar @names, $settled, scalar @refused), 'roles') or diag(explain($result->{message}));
is_deeply(diagnostics_of($result), [ map { "set_role $_ of a line" } 403, 409 ], 'each that was refused has a diagnostic');
$sim->fault(kind => 'role', path => "/element-3/", status => $_) foreach 403, 503;
my $added = $db->make_call('element-3', map { { technician => $_, role => "role-$_" } } 1 .. 3);
$result = $db->sync($added);
is("@{$result}{qw(status added failed)} $result->{diagnostics}[0]{action}", 'partial 3 1 set_role', 'a role that is refused after its add')
  or diag(explain($result->{message}));
is("@{$_}{qw(status failed)}", 'ok 0', 'the next sync sets what was refused') foreach map { $db->sync($_) } $call, $added;
is_deeply([ sort map { "$_->{resource} $_->{role}" } map { $db->flex_contacts($_) } 'element-2', 'element-3' ],
	[ sort map { "resource-$_ role-$_" } 1 .. @names, 1 .. 3 ], 'every role is right');
is($sim->counts->{add}, 2 * @names + 1 + 3, 'nobody was called twice');
done_testing;
