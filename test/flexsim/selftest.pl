# Checks the simulator: every call, shape, setting and fault, over real connections.

use strict;
use warnings;

use File::Basename qw(dirname);
use HTTP::Tiny;
use IO::Socket::INET;
use IPC::Run;
use JSON::PP;
use Test::More;
use Time::HiRes qw(sleep time);

use lib dirname(__FILE__) . '/../lib';
use FlexSim;

my $json = JSON::PP->new->utf8->allow_nonref;
my $sim = FlexSim->start;
my $http = HTTP::Tiny->new(max_redirect => 0, proxy => undef, http_proxy => undef);
my $add_form =
  'resourceParentId=&managedResourceLineItemType=contact&quantity=1&parentLineItemId=&nextSiblingId=';

# A request with the right token; returns HTTP::Tiny's response.
sub request
{
	my ($method, $path, $body, %headers) = @_;
	%headers = ('X-Auth-Token' => $sim->token, %headers);
	my %options = (headers => \%headers);
	$options{content} = $body if defined $body;
	return $http->request($method, $sim->url . $path, \%options);
}

sub list_of { return request('GET', "/line-item/$_[0]/row-data/?codeList=contact&node=root") }
sub rows_of { return $json->decode(list_of($_[0])->{content}) }

sub add_to
{
	my ($element, $resource) = @_;
	return request('POST', "/line-item/$element/add-resource/$resource",
		$add_form, 'Content-Type' => 'application/x-www-form-urlencoded; charset=UTF-8');
}

sub set_role
{
	my ($element, $line, $role) = @_;
	return request('POST', "/line-item/$element/row-data/",
		$json->encode({ lineItemId => $line, fieldType => 'business-role', payloadValue => $role }),
		'Content-Type' => 'application/json');
}

# curl with the right token, where arguments may be paths of the API; returns its exit code and output.
sub curl
{
	my @arguments = map { m{\A/line-item} ? $sim->url . $_ : $_ } @_;
	my ($output, $error);
	IPC::Run::run([ 'curl', '-sS', '--noproxy', '*', '-H', 'X-Auth-Token: ' . $sim->token, @arguments ],
		'<', \undef, '>', \$output, '2>', \$error);
	return ($? >> 8, $output);
}

# A request such as "GET /path" in the background; read its answer with finish().
sub begin
{
	my ($request, $connection) = @_;
	my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $sim->port) or die $!;
	send_request($socket, $request, $connection);
	return $socket;
}

sub send_request
{
	my ($socket, $request, $connection) = @_;
	my ($method, $path) = split / /, $request;
	print $socket join "\r\n", "$method /f5/api$path HTTP/1.1", 'Host: x',
	  'Connection: ' . ($connection // 'close'), 'X-Auth-Token: ' . $sim->token,
	  'Content-Length: 0', '', '';
	return;
}

sub finish
{
	my ($socket) = @_;
	local $/;
	return <$socket> // '';
}

sub wait_until
{
	my ($claim) = @_;
	my $deadline = time + 10;
	until ($claim->())
	{
		return 0 if time > $deadline;
		sleep 0.01;
	}
	return 1;
}

sub ids { return join ' ', map { $_->{id} } @_ }

my @uuids = map { sprintf '0000000%d-aaaa-4bbb-8ccc-dddddddddddd', $_ } 0 .. 9;

subtest 'calls' => sub {
	my ($first, $second) = $sim->seed('e/1', [ 'r1', { resource => 'r2', role => 'role-2', name => 'Two' } ]);
	is(list_of('nowhere')->{status}, 404, 'an element never seeded is not there');
	is(list_of('e/1')->{status}, 404, 'a slash in an id has to be encoded');
	is_deeply(rows_of('e%2F1'),
		[
			{ id => $first, resourceId => 'r1', managedResourceLineItemType => 'contact', 'business-role' => undef },
			{
				id => $second, name => 'Two', resourceId => 'r2',
				managedResourceLineItemType => 'contact', 'business-role' => 'role-2'
			},
		], 'a listing shows the rows');
	like(list_of('e%2F1')->{headers}{'content-type'}, qr{^application/json;charset=UTF-8$}i, 'content type');

	is(add_to('nowhere', 'r')->{status}, 404, 'no add to an unknown element');
	my $answer = $json->decode(add_to('e%2F1', 'r%203')->{content});
	my $third = $answer->{addedResourceLineIds}[0];
	like($third, qr/\A[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\z/, 'a new UUID');
	is_deeply([ sort keys %$answer ],
		[qw(addedNoteLineId addedResourceLineIds affectedRootLineIds nonRootClonedLineIds)], 'the usual answer');
	is(rows_of('e%2F1')->[2]{resourceId}, 'r 3', 'appended at the end');

	is(set_role('e%2F1', $third, 'role-3')->{status}, 200, 'set a role');
	is(rows_of('e%2F1')->[2]{'business-role'}, 'role-3', 'which is listed');
	is(set_role('e%2F1', 'nothing', 'role-3')->{status}, 404, 'no role of an unknown line');
	$sim->seed('e2', []);
	is(set_role('e2', $third, 'role-3')->{status}, 404, 'nor of another element\'s line');
	is(request('POST', '/line-item/e2/row-data/', '{"lineItemId":')->{status}, 400, 'malformed JSON');
	is(request('POST', '/line-item/e2/row-data/', '{"lineItemId":"x"}')->{status}, 400, 'a missing member');

	is(request('DELETE', "/line-item/$first")->{status}, 204, 'delete a line');
	is(request('DELETE', "/line-item/$first")->{status}, 404, 'which is then gone');
	is(request('DELETE', '/line-item', "lineItemIds=$second")->{status}, 405, 'no deletion in bulk');
	is(request('GET', '/other')->{status}, 404, 'no other call');
	is(request('GET', '/line-item/e2/row-data/', undef, 'X-Auth-Token' => 'x')->{status}, 401, 'wrong token');
	is($http->get($sim->url . '/line-item/e2/row-data/')->{status}, 401, 'no token');
	is(ids(@{ rows_of('e%2F1') }), "$second $third", 'what is left');
};

subtest 'shapes' => sub {
	my ($element, $line, $resource, $role) = map { $uuids[$_] } 0 .. 3;
	my $show = sub {
		$sim->seed($element, [ { id => $line, resource => $resource, role => $role } ], shape => {@_});
		return rows_of($element)->[0];
	};
	is_deeply($show->(row => 'nested'),
		{ id => $line, resource => { id => $resource }, type => 'contact', 'business-role' => $role }, 'nested');
	is_deeply($show->(row => 'resource_id_in_resource'),
		{ id => $line, resource => { resourceId => $resource }, type => 'contact', 'business-role' => $role },
		'resource_id_in_resource');
	is_deeply($show->(role => 'id')->{'business-role'}, { id => $role }, 'role in id');
	is_deeply($show->(role => 'data')->{'business-role'}, { data => $role }, 'role in data');
	ok(!exists $show->(role => 'hidden')->{'business-role'}, 'role never shown');
	is($show->(types => 'upper')->{managedResourceLineItemType}, 'CONTACT', 'types in upper case');

	my $upper = $show->(ids => 'upper');
	is_deeply([ @$upper{qw(id resourceId business-role)} ], [ map { uc } $line, $resource, $role ], 'ids in upper case');
	is(request('GET', '/line-item/' . uc($element) . '/row-data/')->{status}, 200, 'an element by its other spelling');
	is(set_role($element, uc $line, 'x')->{status}, 200, 'a role by it');
	is(request('DELETE', '/line-item/' . uc $line)->{status}, 204, 'and a deletion');

	foreach my $shape (qw(id lineItemId data.id data.lineItemId none))
	{
		$sim->configure(shape => { add => $shape });
		$sim->seed('e', []);
		my $answer = $json->decode(add_to('e', 'r')->{content});
		my $found = $answer;
		$found = ref $found ? $found->{$_} : undef foreach split /\./, $shape;
		is($found, $shape eq 'none' ? undef : $sim->dump('e')->[0]{id}, "the new line's id in $shape");
	}
	$sim->reset;
};

subtest 'rows of all kinds' => sub {
	my @ids = $sim->seed('e', [
		{ id => 'i', type => 'inventory-model', resource => 'm', children => [ { id => 'c', resource => 'r' } ] },
		{ id => 'u', type => undef, resource => 'r' },
		{ id => 'n', type => 'note' },
		{ raw => { id => 'w', odd => [ 1, undef ], resource => { id => 'a', resourceId => 'b' } } },
		{ raw => undef },
	]);
	is_deeply(\@ids, [ qw(i u n w), '' ], 'the ids of the seed');
	my $rows = rows_of('e');
	is($rows->[0]{managedResourceLineItemType}, 'inventory-model', 'another type');
	is($rows->[0]{children}[0]{resourceId}, 'r', 'a child');
	ok(!exists $rows->[1]{managedResourceLineItemType}, 'a line without a type');
	ok(!exists $rows->[2]{resourceId}, 'a line without a resource');
	is_deeply($rows->[3], { id => 'w', odd => [ 1, undef ], resource => { id => 'a', resourceId => 'b' } }, 'a raw row');
	is($rows->[4], undef, 'a raw null');
	is(request('DELETE', '/line-item/c')->{status}, 204, 'a child is deleted by its id');
	is(request('DELETE', '/line-item/w')->{status}, 204, 'a raw row too');
	is(ids(grep { $_ } @{ rows_of('e') }), 'i u n', 'what is left');

	$sim->seed('e', [ { id => 'twice' }, { id => 'twice' } ]);
	is(ids(@{ rows_of('e') }), 'twice twice', 'one id twice');
	is(request('DELETE', '/line-item/i')->{status}, 404, 'a seed replaces the lines there were');
};

subtest 'by hand' => sub {
	$sim->seed('e', [ { id => 'a' } ]);
	my $id = $sim->add_row('e', { resource => 'r', role => 'x' });
	$sim->set_line($id, role => 'y', resource => 's', name => 'N', type => undef);
	is_deeply($sim->dump('e')->[1], { id => $id, resource => 's', role => 'y', name => 'N', type => undef }, 'set_line');
	$sim->delete_line('a');
	is_deeply([ map { $_->{id} } @{ $sim->dump->{e} } ], [$id], 'dump of everything');
	is($sim->counts->{total}, scalar $sim->log, 'control is not logged');
	foreach my $bad (
		[ 404, sub { $sim->delete_line('a') } ],
		[ 404, sub { $sim->set_line('a', role => 'r') } ],
		[ 404, sub { $sim->add_row('nowhere', 'r') } ],
		[ 404, sub { $sim->dump('nowhere') } ],
		[ 400, sub { $sim->seed('e', 5) } ],
		[ 400, sub { $sim->seed('e', [ { colour => 'red' } ]) } ],
		[ 400, sub { $sim->configure(colour => 'red') } ],
		[ 400, sub { $sim->configure(bulk_delete => 'maybe') } ],
		[ 400, sub { $sim->fault(kind => 'dance') } ],
		[ 400, sub { $sim->fault(path => '(') } ],
		[ 400, sub { $sim->fault(status => 42) } ])
	{
		my ($status, $call) = @$bad;
		eval { $call->() };
		like($@, qr/: $status \{"error":/, "refused: $@");
	}
	is(ids(@{ rows_of('e') }), $id, 'a refused seed changes nothing');
	my $base = 'http://127.0.0.1:' . $sim->port . '/control';
	is((curl('-X', 'POST', '-d', '{"element":"c","rows":["' . 'x' x 20000 . '"]}', "$base/seed"))[0], 0, 'curl -d');
	is(length $sim->dump('c')->[0]{resource}, 20000, 'a body of any size, as a form');
	is($http->post("$base/dance")->{status}, 404, 'an unknown control call');
	$sim->reset;
	is_deeply($sim->dump, {}, 'reset forgets the elements');
};

subtest 'log' => sub {
	$sim->seed('e', [ { id => 'l' } ]);
	$sim->clear_log;
	list_of('e%41');
	list_of('e');
	add_to('e', 'r');
	set_role('e', 'l', 'x');
	request('DELETE', '/line-item/l');
	request('DELETE', '/line-item', 'ids=1');
	request('GET', '/x?y=%20', undef, 'X-Auth-Token' => 'wrong', 'X-Odd' => 'value');
	is_deeply([ map { $_->{kind} } $sim->log ], [qw(list list add role delete bulk_delete other)], 'kinds');
	is_deeply([ map { $_->{status} } $sim->log ], [ 404, 200, 200, 200, 204, 405, 401 ], 'statuses');
	is(join('', map { $_->{acted} ? 1 : 0 } $sim->log), '0111100', 'what was done');
	my $counts = $sim->counts;
	is_deeply($counts,
		{
			list => 2, add => 1, role => 1, delete => 1, bulk_delete => 1, other => 1,
			total => 7, in_flight => 0, max_in_flight => 1
		},
		'counts');

	my ($encoded, $list, $add, $role, $delete, $bulk, $other) = $sim->log;
	like($encoded->{path}, qr{/e%41/}, 'the path as received');
	is($encoded->{element}, 'eA', 'the element decoded');
	is($list->{query}, 'codeList=contact&node=root', 'query');
	is($add->{body}, $add_form, 'body');
	is($add->{resource}, 'r', 'resource');
	is($delete->{element}, 'e', 'the element of a line that is deleted');
	is($other->{headers}{'X-Odd'}, 'value', 'headers');
	ok($list->{token_ok} && !$other->{token_ok}, 'token');
	ok($add->{kept}, 'a kept connection');
	is($add->{connection}, $list->{connection}, 'the same one');
	cmp_ok(abs($list->{started_ms} / 1000 - time), '<', 10, 'start');
	is_deeply([ map { $_->{ordinal} - $encoded->{ordinal} } $sim->log ], [ 0 .. 6 ], 'ordinals');

	is(scalar(() = $sim->log(kind => 'add')), 1, 'by kind');
	is(scalar(() = $sim->log(method => 'DELETE')), 2, 'by method');
	is(scalar(() = $sim->log(element => 'e', status => 200)), 3, 'by element and status');
	is(scalar(() = $sim->log(since => $delete->{ordinal})), 2, 'since');
	$sim->clear_log;
	is(scalar(() = $sim->log), 0, 'clear_log');
	is($sim->counts->{total}, 0, 'counts too');
};

subtest 'settings' => sub {
	$sim->seed('e', [ map { { id => "l$_" } } 1 .. 4 ]);
	is(request('DELETE', '/line-item', 'lineItemIds=l1')->{status}, 405, 'bulk_delete refuse');
	$sim->configure(bulk_delete => 'ignore');
	is(request('DELETE', '/line-item', 'lineItemIds=l1')->{status}, 200, 'bulk_delete ignore');
	is(scalar @{ rows_of('e') }, 4, 'did nothing');
	$sim->configure(bulk_delete => 'act', bulk_delete_parameter => 'ids');
	request('DELETE', '/line-item', 'lineItemIds=l1');
	is(scalar @{ rows_of('e') }, 4, 'another parameter');
	request('DELETE', '/line-item', 'ids=l1&ids=l3');
	is(ids(@{ rows_of('e') }), 'l2 l4', 'bulk_delete act');

	$sim->configure(latency_ms => 100, latency_by_kind_ms => { add => 10 });
	my $start = time;
	add_to('e', 'r');
	cmp_ok(time - $start, '<', 0.09, 'latency of a kind');
	$start = time;
	list_of('e');
	cmp_ok(time - $start, '>=', 0.1, 'latency');
	cmp_ok(($sim->log(kind => 'list'))[-1]{duration_ms}, '>=', 100, 'in the log');
	$sim->clear_log;
	finish($_) foreach map { begin('GET /line-item/e/row-data/') } 1 .. 20;
	is($sim->counts->{max_in_flight}, 20, 'max_in_flight');
	$sim->reset;

	$sim->seed('e', [ { id => 'l' } ]);
	$sim->configure(listing_lag_ms => 300);
	my $added = $json->decode(add_to('e', 'r')->{content})->{addedResourceLineIds}[0];
	set_role('e', 'l', 'x');
	is_deeply([ map { $_->{'business-role'} } @{ rows_of('e') } ], [undef], 'a listing that lags');
	is(scalar @{ $sim->dump('e') }, 2, 'behind the state');
	ok(wait_until(sub { @{ rows_of('e') } == 2 }), 'catches up');
	request('DELETE', "/line-item/$added");
	is(scalar @{ rows_of('e') }, 2, 'a deletion lags too');
	$sim->configure(listing_lag_ms => 0, hide_adds => JSON::PP::true, listing_headers => { 'X-Next-Page' => '2' });
	add_to('e', 'r');
	is(scalar @{ rows_of('e') }, 1, 'an add that never shows');
	ok($sim->dump('e')->[1]{hidden}, 'is there');
	is(list_of('e')->{headers}{'x-next-page'}, 2, 'a marker of paging');
	is($sim->configure->{hide_adds}, JSON::PP::true, 'settings are shown');
	$sim->reset;
	is($sim->configure->{hide_adds}, JSON::PP::false, 'and reset');

	$sim->seed('e', [ map { "resource-$_" } 1 .. 1000 ]);
	$sim->configure(compress => 1);
	my ($exit, $packed) = curl('-H', 'Accept-Encoding: gzip', '/line-item/e/row-data/');
	is(unpack('H4', $packed), '1f8b', 'gzip');
	is(scalar @{ $json->decode((curl('--compressed', '/line-item/e/row-data/'))[1]) }, 1000, 'unpacks');
	$sim->reset;
};

subtest 'made-up answers' => sub {
	$sim->seed('e', [ map { { id => "l$_", resource => "r$_" } } 1 .. 5 ]);
	$sim->fault(kind => 'add', status => 503, headers => { 'Retry-After' => '7' });
	my $response = add_to('e', 'r');
	is($response->{status}, 503, 'status');
	is($response->{headers}{'retry-after'}, 7, 'with a header');
	is(scalar @{ $sim->dump('e') }, 5, 'without acting');
	$sim->fault(kind => 'add', status => 500, act => 1);
	is(add_to('e', 'r')->{status}, 500, 'status');
	is(scalar @{ $sim->dump('e') }, 6, 'after acting');
	ok(($sim->log)[-1]{acted}, 'in the log');
	$sim->fault(status => 202, act => 1);
	ok($json->decode(add_to('e', 'r')->{content})->{addedResourceLineIds}, '202 with the real body');
	$sim->delete_line($_->{id}) foreach @{ $sim->dump('e') }[ 5, 6 ];

	$sim->fault(kind => 'list', body => '[{"id":"l1"},{"id":"l1"}');
	is(list_of('e')->{content}, '[{"id":"l1"},{"id":"l1"}', 'body');
	$sim->fault(body_hex => 'ff00Fe', status => 418);
	is(list_of('e')->{content}, "\xff\x00\xfe", 'body_hex');
	$sim->fault(body => '<html>', headers => { 'Content-Type' => 'text/html' });
	is(list_of('e')->{headers}{'content-type'}, 'text/html', 'another content type');
	$sim->fault(huge_body => 300_000);
	my $huge = list_of('e')->{content};
	is(length $huge, 300_000, 'huge_body');
	cmp_ok(scalar @{ $json->decode($huge) }, '>', 2000, 'is a listing');
	$sim->fault(huge_body => 5_000_000, chunked => 1);
	is(length list_of('e')->{content}, 5_000_000, 'chunked');
	$sim->fault(deep_json => 1000);
	is(list_of('e')->{content}, '[' x 1000 . ']' x 1000, 'deep_json');
	$sim->fault(redirect => 'http://127.0.0.1:9/x');
	$response = list_of('e');
	is("$response->{status} $response->{headers}{location}", '302 http://127.0.0.1:9/x', 'redirect');
	$sim->fault(wrong_token => 1);
	is(list_of('e')->{status}, 401, 'wrong_token');
	$sim->fault(half_listing => 1);
	is(ids(@{ rows_of('e') }), 'l1 l3 l5', 'half_listing');
	$sim->fault(lost_row => 2);
	is(ids(@{ rows_of('e') }), 'l1 l3 l4 l5', 'lost_row');
	$sim->fault(relabel => 'person');
	is(rows_of('e')->[4]{managedResourceLineItemType}, 'person', 'relabel');
	$sim->fault(relabel => '');
	ok(!exists rows_of('e')->[0]{managedResourceLineItemType}, 'to no type');
	$sim->fault(kind => 'add', hide_add => 1);
	add_to('e', 'r');
	is(scalar @{ rows_of('e') }, 5, 'hide_add');
	is(scalar @{ $sim->dump('e') }, 6, 'is there');

	$sim->fault(refresh_token => 'new');
	is(list_of('e')->{headers}{'x-auth-token-refreshed'}, 'new', 'refresh_token');
	is(list_of('e')->{status}, 200, 'the old one is still good');
	is(request('GET', '/line-item/e/row-data/', undef, 'X-Auth-Token' => 'new')->{status}, 200, 'so is the new one');
	$sim->fault(refresh_token => 'newer', only_new_token => 1);
	is(list_of('e')->{status}, 200, 'only_new_token');
	is(list_of('e')->{status}, 401, 'now the old one is not');
	$sim->reset;
};

subtest 'which calls a rule applies to' => sub {
	$sim->seed($_, [ { id => "l$_" } ]) foreach qw(e f);
	my $statuses = sub { return join ' ', map { list_of($_)->{status} } @_ };
	$sim->fault(kind => [ 'list', 'add' ], element => 'f', skip => 1, times => 2, status => 500);
	is($statuses->(qw(f e f e f f)), '200 200 500 200 500 200', 'element, skip and times');
	is_deeply([ map { "$_->{matched} $_->{applied}" } $sim->faults ], ['3 2'], 'counted');
	$sim->clear_faults;
	$sim->fault(times => 0, method => 'DELETE', status => 500);
	is(request('DELETE', '/line-item/le')->{status}, 500, 'method') for 1 .. 3;
	is($statuses->('e'), 200, 'not another');
	$sim->clear_faults;
	$sim->fault(path => 'item/l[e-f]$', status => 500);
	is($statuses->('e'), 200, 'not another path');
	is(request('DELETE', '/line-item/lf')->{status}, 500, 'path');
	$sim->fault(kind => 'delete', element => 'f', status => 501);
	is(request('DELETE', '/line-item/le')->{status}, 204, 'element of a deletion');
	is(request('DELETE', '/line-item/lf')->{status}, 501, 'element of a deletion');
	$sim->fault(status => 500);
	$sim->fault(status => 501);
	is($statuses->(qw(e e e)), '500 501 200', 'rules one after another');

	$sim->fault(kept => 1, status => 500);
	my @list = ('-o', '/dev/null', '/line-item/e/row-data/');
	is((curl('-w', '%{http_code} ', @list, @list))[1], '200 500 ', 'only on a kept connection');
	$sim->fault(kind => 'add', status => 500, times => 10);
	my @answers = map { finish($_) } map { begin("POST /line-item/e/add-resource/r$_") } 1 .. 30;
	is(scalar(grep { m{\AHTTP/1.1 500} } @answers), 10, 'ten of thirty at once');
	is(scalar(grep { m{\AHTTP/1.1 200} } @answers), 20, 'the others pass');
	$sim->reset;
};

subtest 'broken connections' => sub {
	$sim->seed('e', ['r']);
	my @list = ('/line-item/e/row-data/');
	$sim->fault(drop => 1);
	is((curl(@list))[0], 52, 'drop: an empty reply');
	$sim->fault(kind => 'add', drop => 'before');
	is((curl('-X', 'POST', '/line-item/e/add-resource/x'))[0], 52, 'drop before');
	is(scalar @{ $sim->dump('e') }, 1, 'acting');
	$sim->fault(kind => 'add', drop => 'after');
	is((curl('-X', 'POST', '/line-item/e/add-resource/x'))[0], 52, 'drop after');
	is(scalar @{ $sim->dump('e') }, 2, 'acting');
	is(($sim->log)[-1]{status}, 'dropped', 'in the log');

	# libcurl sends again what a kept connection lost.
	$sim->clear_log;
	$sim->fault(kept => 1, drop => 'after');
	my @add = ('-o', '/dev/null', '-X', 'POST', '/line-item/e/add-resource/y');
	my @next = ('--next', '--noproxy', '*', '-H', 'X-Auth-Token: ' . $sim->token);
	is((curl('-o', '/dev/null', @list, @next, @add))[0], 0, 'drop on a kept connection');
	is(scalar(() = $sim->log(method => 'POST')), 2, 'two adds on the wire');
	is(scalar(grep { $_->{resource} eq 'y' } @{ $sim->dump('e') }), 2, 'both done');

	$sim->fault(cut_body => 1);
	my ($exit, $body) = curl(@list);
	is($exit, 18, 'cut_body');
	like($body, qr/\A\[\{/, 'half of it came');
	$sim->fault(body => '', cut_body => 1);
	is((curl(@list))[0], 18, 'cut_body of an empty one');
	$sim->fault(cut_body => 1, chunked => 1);
	is((curl(@list))[0], 18, 'cut_body of chunks');

	$sim->fault(slow_body => { bytes => 50, every_ms => 20 });
	my $start = time;
	is((curl(@list))[0], 0, 'slow_body');
	cmp_ok(time - $start, '>', 0.1, 'takes its time');
	$sim->fault(slow_body => { bytes => 1, every_ms => 200 });
	is((curl('-m', '0.5', @list))[0], 28, 'a client that does not wait');
	$sim->fault(delay_ms => 200);
	$start = time;
	curl(@list);
	cmp_ok(time - $start, '>=', 0.2, 'delay_ms');

	$sim->clear_log;
	$sim->fault(close_idle => JSON::PP::true);
	$http->get($sim->url);
	ok(wait_until(sub { list_of('e')->{status} == 200 }), 'close_idle');
	my ($first, $second) = $sim->log;
	isnt($second->{connection}, $first->{connection}, 'the next request takes another connection');
	$sim->clear_log;
	$sim->fault(close_idle => 300);
	my $socket = begin('GET /line-item/e/row-data/', 'keep-alive');
	ok(wait_until(sub { $sim->counts->{total} == 1 }), 'close_idle later');
	send_request($socket, 'GET /line-item/e/row-data/');
	my @answers = finish($socket) =~ m{HTTP/1.1 200 OK}g;
	is(scalar @answers, 1, 'a request on a connection that is about to be closed is lost');
	is($sim->counts->{total}, 1, 'unseen');
	$sim->reset;
};

subtest 'held and hanging requests' => sub {
	$sim->seed('e', []);
	is(scalar(() = $sim->held(0.05)), 0, 'none is held');
	$sim->fault(kind => 'add', hold => 1);
	my $add = begin('POST /line-item/e/add-resource/r');
	my ($held) = $sim->held;
	is("$held->{kind} $held->{element}", 'add e', 'held');
	is(($sim->log)[-1]{status}, 'held', 'in the log');
	is(list_of('e')->{status}, 200, 'others go on');
	is(scalar @{ $sim->dump('e') }, 0, 'before acting');
	is($sim->release, 1, 'release');
	like(finish($add), qr{\AHTTP/1.1 200 }, 'answered');
	is(scalar @{ $sim->dump('e') }, 1, 'acted');

	$sim->fault(kind => 'add', hold => 'after', times => 2);
	my @adds = map { begin("POST /line-item/e/add-resource/r$_") } 1 .. 2;
	my @both = $sim->held(10, 2);
	is(scalar @both, 2, 'two held');
	is(scalar @{ $sim->dump('e') }, 3, 'after acting');
	is($sim->release($both[0]{ordinal}), 1, 'one released');
	is(ids(map { { id => $_->{ordinal} } } $sim->held(0)), $both[1]{ordinal}, 'the other not');
	close $adds[1];
	sleep 0.1;
	is(scalar(() = $sim->held(0)), 1, 'a held request outlives its client');
	$sim->release;
	finish($adds[0]);

	$sim->fault(kind => 'add', hold => 1);
	my $late = begin('POST /line-item/e/add-resource/late');
	$sim->held;
	close $late;
	is(scalar @{ $sim->dump('e') }, 3, 'not done when its client leaves');
	$sim->release;
	ok(wait_until(sub { @{ $sim->dump('e') } == 4 }), 'done late');

	$sim->fault(hang => 1);
	is((curl('-m', '0.2', '/line-item/e/row-data/'))[0], 28, 'hang');
	ok(wait_until(sub { !$sim->held(0) }), 'given up when the client leaves');
	ok(wait_until(sub { ($sim->log)[-1]{status} eq 'hung' && $sim->counts->{in_flight} == 0 }), 'in the log');
	$sim->fault(kind => 'add', hang => 'after');
	my $hanging = begin('POST /line-item/e/add-resource/r');
	ok(($sim->held)[0]{hanging}, 'hang after');
	is(scalar @{ $sim->dump('e') }, 5, 'acting');
	$sim->release;
	like(finish($hanging), qr{\AHTTP/1.1 200 }, 'answered when released');

	$sim->fault(hang => 1, times => 2);
	my @hanging = map { begin('GET /line-item/e/row-data/') } 1 .. 2;
	$sim->held(10, 2);
	$sim->reset;
	is(finish($_), '', 'reset closes the connection') foreach @hanging;
};

subtest 'many connections' => sub {
	$sim->seed('e', []);
	my @idle = map { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $sim->port) } 1 .. 200;
	$sim->fault(hang => 1, times => 100);
	my @hanging = map { begin('GET /line-item/e/row-data/') } 1 .. 100;
	is(scalar(() = $sim->held(10, 100)), 100, 'a hundred hang');
	my $start = time;
	is(list_of('e')->{status}, 200, 'the next is answered');
	cmp_ok(time - $start, '<', 0.5, 'at once');
	is($sim->counts->{max_in_flight}, 101, 'max_in_flight');
	$start = time;
	is($sim->stop, 0, 'ends cleanly with all of them there');
	cmp_ok(time - $start, '<', 5, 'soon');
	$sim = FlexSim->start(token => 'other token', latency => 5, base => '/base');
	like($sim->url, qr{:\d+/base\z}, 'base');
	is(list_of('e')->{status}, 404, 'token');
	cmp_ok(($sim->log)[0]{duration_ms}, '>=', 5, 'latency');
	eval { FlexSim->start(port => $sim->port) };
	like($@, qr/could not listen on port/, 'a port that is taken');
};

subtest 'much at once' => sub {
	$sim = FlexSim->start;
	$sim->seed('e', [ map { "resource-$_" } 1 .. 10 ]);
	my $urls = $sim->url . '/line-item/e/row-data/?n=[1-2000]';
	is((curl('-o', '/dev/null', $urls))[0], 0, 'two thousand listings');
	my %connections = map { $_->{connection} => 1 } $sim->log;
	is(scalar keys %connections, 1, 'over one connection');

	$sim->seed('big', [ map { "resource-$_" } 1 .. 50_000 ]);
	is((curl('-o', '/dev/null', '/line-item/big/row-data/'))[0], 0, 'a listing of 50,000');
};

subtest 'tls' => sub {
	$sim = FlexSim->start(tls => 1);
	like($sim->url, qr{\Ahttps://127.0.0.1:\d+/f5/api\z}, 'url');
	$sim->seed('e', ['r']);
	my @ca = ('--cacert', $sim->ca_file);
	is((curl(@ca, '/line-item/e/row-data/'))[0], 0, 'a good certificate');
	is((curl(@ca, $sim->host_url('localhost') . '/line-item/e/row-data/'))[0], 0, 'of localhost too');
	is((curl('/line-item/e/row-data/'))[0], 60, 'of an authority that has to be named');
	$sim->fault(kind => 'add', drop => 'after');
	# "Empty reply", or an error of TLS: it depends on curl's version.
	like((curl(@ca, '-X', 'POST', '/line-item/e/add-resource/x'))[0], qr/^5[26]$/, 'drop');
	is(scalar @{ $sim->dump('e') }, 2, 'after acting');
	$sim->fault(cut_body => 1);
	isnt((curl(@ca, '/line-item/e/row-data/'))[0], 0, 'cut_body');
	$sim->fault(hang => 1);
	is((curl(@ca, '-m', '0.3', '/line-item/e/row-data/'))[0], 28, 'hang');
	ok(wait_until(sub { $sim->counts->{in_flight} == 0 }), 'given up when the client leaves');
	is(($sim->log)[-1]{status}, 'hung', 'in the log');
	is($sim->stop, 0, 'ends cleanly');

	foreach my $flaw (qw(wrong_host expired self_signed))
	{
		$sim = FlexSim->start(certificate => $flaw);
		is((curl('--cacert', $sim->ca_file, '/line-item/e/row-data/'))[0], 60, "certificate: $flaw");
		is((curl('-k', '-o', '/dev/null', '/line-item/e/row-data/'))[0], 0, 'but it works');
	}
};

undef $sim;
done_testing();
