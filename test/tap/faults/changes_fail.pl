# Deletions and roles that fail: refused ones make a sync partial and are done by the next one; those whose answers are lost are
# settled by the listing, or sent again. A row stays as long as its contact does.

use strict;
use warnings;

use FlexSync;
use Test::More;

my $db = FlexSync->start(server => { request_timeout => '1200ms', max_removals => 100, retries => 0 });
my $sim = $db->sim;

my %rules = (
	(map { ("refused $_" => { status => $_ }) } 400, 401, 403, 405, 409, 413, 415, 422),
	(map { ("lost $_" => { status => $_ }, "done $_" => { status => $_, act => 1 }) } 202, 408, 500, 502, 503, 504),
	'lost drop' => { drop => 'before' },
	'done drop' => { drop => 'after' },
	'lost hang' => { hang => 1, act => 0 },
	'done hang' => { hang => 'after' },
	'done cut' => { cut_body => 1, status => 200, body => '{}', act => 1 },
	'done 204' => { status => 204, act => 1 },
);
my @names = sort keys %rules;
my @refused = grep { $names[ $_ - 1 ] =~ /^refused/ } 1 .. @names;
my @settled = grep { $names[ $_ - 1 ] !~ /^refused/ } 1 .. @names;

sub diagnostics_of
{
	my ($result, $action) = @_;
	return [ sort map { "$_->{action} $_->{http_status} $_->{technician_id}" . ($_->{flex_line_item_id} ? '' : ' no line') }
		  @{ $result->{diagnostics} } ];
}

# What a refusal of each technician's change would be reported as.
sub expected_of
{
	my ($action) = @_;
	return [ sort map { "$action " . $names[ $_ - 1 ] =~ s/refused //r . ' ' . technician($_) } @refused ];
}

# Deletions of contacts whose technicians are no longer desired.
my $call = $db->make_call('element-1', 1 .. @names, 100);
is($db->sync($call)->{added}, @names + 1, 'a crew to remove');
my %line_of = map { substr($_->{technician_id}, -3) + 0 => $_->{flex_line_item_id} } $db->assignments($call);
$sim->fault(kind => 'delete', path => $line_of{$_}, %{ $rules{ $names[ $_ - 1 ] } }) foreach 1 .. @names;
$sim->fault(kind => 'delete', path => $line_of{100}, status => 404, act => 1);
$db->desire($call);
my $result = $db->sync($call);
is("@{$result}{qw(status removed failed)}", 'partial ' . (@settled + 1) . ' ' . @refused, 'removals') or diag(explain($result->{message}));
is_deeply(diagnostics_of($result), expected_of('remove'), 'each that was refused has a diagnostic');
is_deeply([ map { $_->{technician_id} } $db->assignments($call) ], [ map { technician($_) } @refused ],
	'the rows of those that were refused stay, the others go');
is(scalar $db->flex_contacts('element-1'), scalar @refused, 'and so do their contacts');
$result = $db->sync($call);
is("@{$result}{qw(status removed failed)}", 'ok ' . @refused . ' 0', 'the next sync removes them');
$db->agrees('element-1', 'after the next sync');

# Contacts that no row names.
$call = $db->make_call('element-2', 100);
my @lines = $sim->seed('element-2', [ map { resource($_) } 1 .. @names, 100 ]);
$sim->fault(kind => 'delete', path => $lines[ $_ - 1 ], %{ $rules{ $names[ $_ - 1 ] } }) foreach 1 .. @names;
$result = $db->sync($call);
is("@{$result}{qw(status adopted pruned failed)}", 'partial 1 ' . @settled . ' ' . @refused, 'contacts to prune')
  or diag(explain($result->{message}));
is(scalar $db->flex_contacts('element-2'), @refused + 1, 'those that were refused stay');
$result = $db->sync($call);
is("@{$result}{qw(status pruned failed)}", 'ok ' . @refused . ' 0', 'the next sync prunes them');
$db->agrees('element-2', 'after the next sync');

# Roles of contacts that are there.
$call = $db->make_call('element-3', 1 .. @names);
is($db->sync($call)->{added}, scalar @names, 'a crew without roles');
$db->desire($call, map { { technician => $_, role => "role-$_" } } 1 .. @names);
# Each fails one request. libcurl may send again what was dropped; that must not meet a refusal meant for another.
$sim->fault(kind => 'role', %{ $rules{$_} }) foreach sort { ($a =~ /drop/) <=> ($b =~ /drop/) } @names;
$result = $db->sync($call);
is("@{$result}{qw(status kept roles_set failed)}", join(' ', 'partial', scalar @names, scalar @settled, scalar @refused), 'roles') or diag(explain($result->{message}));
is_deeply([ map { $_->{action} } @{ $result->{diagnostics} } ], [ map { 'set_role' } @refused ], 'each has a diagnostic');
is(scalar(grep { defined $_->{role} } $db->flex_contacts('element-3')), scalar @settled, 'the others are set');
$result = $db->sync($call);
is("@{$result}{qw(status roles_set failed)}", 'ok ' . @refused . ' 0', 'the next sync sets them');
is_deeply(
	[ sort map { "$_->{resource} $_->{role}" } $db->flex_contacts('element-3') ],
	[ sort map { "resource-$_ role-$_" } 1 .. @names ], 'every role is right');

# With repetition, what is lost is sent again at once: one pass.
$db->set_server(retries => undef, max_parallel => undef);
$call = $db->make_call('element-5', 1 .. 4);
$db->sync($call);
$sim->fault(kind => $_, status => 503) foreach 'role', 'delete';
$sim->fault(kind => $_, drop => 'after') foreach 'role', 'delete';
$db->desire($call, map { { technician => $_, role => 'role-1' } } 1, 2);
$result = $db->sync($call);
is("@{$result}{qw(status passes removed roles_set failed)}", 'ok 1 2 2 0', 'repeated at once');
$db->agrees('element-5', 'after repetition');
$db->set_server(retries => 0);

# Roles that come with an add.
$sim->fault(kind => 'role', status => 403);
$sim->fault(kind => 'role', status => 503);
$call = $db->make_call('element-4', map { { technician => $_, role => "role-$_" } } 1 .. 3);
$result = $db->sync($call);
is("@{$result}{qw(status added failed)} $result->{diagnostics}[0]{action}", 'partial 3 1 set_role', 'a role that is refused after its add')
  or diag(explain($result->{message}));
$result = $db->sync($call);
is("@{$result}{qw(status kept roles_set)}", 'ok 3 1', 'is set by the next sync');
is($sim->counts->{add}, 2 * @names + 1 + 4 + 3, 'nobody was called twice');
done_testing;
