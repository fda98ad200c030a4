# What is handed out: META.json is what PGXN takes, "make dist" puts the last commit into a zip file, and debian/ makes a package that
# holds all that CREATE EXTENSION needs.

use strict;
use warnings;

use Cwd qw(getcwd);
use FlexSync;
use IPC::Run;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

my ($version) = slurp_file('flex_sync.control') =~ /^default_version = '(.*)'/m;

# ---- META.json, by version 1.0.0 of PGXN's specification

my $meta = decode_json(scalar slurp_file('META.json'));
my $semantic = qr/^(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)\.(?:0|[1-9]\d*)(?:-?[A-Za-z][0-9A-Za-z-]*)?$/;
my $term = qr/^[^\s\/\\\x00-\x1F\x7F]{2,}$/;
my @licenses = qw(agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd gfdl_1_2 gfdl_1_3 gpl_1 gpl_2 gpl_3 lgpl_2_1 lgpl_3_0
  mit mozilla_1_0 mozilla_1_1 openssl perl_5 postgresql qpl_1_0 ssleay sun zlib open_source restricted unrestricted unknown);
my @known = qw(name version abstract maintainer license provides meta-spec description generated_by no_index prereqs release_status
  resources tags);

ok(length($meta->{$_} // ''), "META.json has \"$_\"") foreach qw(name version abstract maintainer license provides meta-spec);
is(join(' ', grep { my $key = $_; !/^x_/i && !grep { $_ eq $key } @known } sort keys %$meta), '', 'it has no key that PGXN does not know');
like($meta->{name}, $term, 'the name is a term');
like($meta->{version}, $semantic, 'the version is a semantic one');
like($meta->{version}, qr/^\Q$version\E\./, 'of the version of the control file');
is(join(' ', grep { my $one = $_; !grep { $_ eq $one } @licenses } ref $meta->{license} ? @{ $meta->{license} } : $meta->{license}), '',
	'the license has a name of the list');
is($meta->{'meta-spec'}{version}, '1.0.0', 'meta-spec');
like($meta->{'meta-spec'}{url} // 'https://pgxn.org/meta/spec.txt', qr{^https?://pgxn\.org/meta/spec\.txt$}, "its url");
like($meta->{release_status} // 'stable', qr/^(?:stable|testing|unstable)$/, 'release_status');
foreach my $name (sort keys %{ $meta->{provides} })
{
	my $extension = $meta->{provides}{$name};
	like($name, $term, "provides $name: a term");
	like($extension->{version}, $semantic, "provides $name: a version");
	is($extension->{version}, $meta->{version}, "provides $name: that of the distribution");
	ok(-f ($extension->{$_} // ''), "provides $name: its $_ exists") foreach 'file', grep { exists $extension->{$_} } 'docfile';
}
foreach my $phase (sort keys %{ $meta->{prereqs} // {} })
{
	like($phase, qr/^(?:configure|build|test|runtime|develop|x_.*)$/, "prereqs: $phase");
	foreach my $relation (sort keys %{ $meta->{prereqs}{$phase} })
	{
		my $needed = $meta->{prereqs}{$phase}{$relation};
		like($relation, qr/^(?:requires|recommends|suggests|conflicts|x_.*)$/, "prereqs: $phase $relation");
		like($needed->{$_}, qr/^(?:0|(?:[<>=!]=? ?)?\d+\.\d+\.\d+.*)$/, "prereqs: version of $_") foreach sort keys %$needed;
	}
}
is(join(' ', grep { !/^[^\/\\\x00-\x1F]{2,255}$/ } @{ $meta->{tags} // [] }), '', 'the tags are tags');

# ---- a copy, with a commit of its own

my $folder = PostgreSQL::Test::Utils::tempdir;
my $copy = "$folder/source";
mkdir $copy or die "could not make $copy: $!";
system_or_bail('sh', '-c', "tar -c --exclude-vcs --exclude='*.[od]' --exclude='*.so' --exclude=./build . | tar -x -C '$copy'");

sub run_in_copy
{
	my ($name, @command) = @_;
	my $here = getcwd;
	chdir $copy or die "could not enter $copy: $!";
	my $result = IPC::Run::run(\@command, '<', \undef, '>&', \my $output);
	chdir $here or die "could not go back to $here: $!";
	return ok($result, $name) || diag(substr($output, -3000));
}

SKIP:
{
	skip 'git is not installed', 1 if system('git --version >/dev/null 2>&1') != 0;
	local @ENV{qw(GIT_CONFIG_GLOBAL GIT_CONFIG_NOSYSTEM HOME)} = ('/dev/null', 1, $folder);
	my @as = qw(-c user.name=test -c user.email=test@localhost -c init.defaultBranch=main);
	run_in_copy('a repository of it', 'sh', '-c', "git @as init -q && git @as add -A && git @as commit -q -m 'A copy'");
	run_in_copy('make dist', 'make', 'dist');
	my $zip = "flex_sync-$meta->{version}.zip";
	ok(-s "$copy/$zip", "$zip is there");
	my $list = `git -C '$copy' ls-files`;
	open my $file, '<:raw', "$copy/$zip" or die "could not open $zip: $!";
	my $bytes = do { local $/; <$file> };
	# The names as the zip file's directory has them.
	my %is_packed;
	while ($bytes =~ /PK\x01\x02(.{42})/gs)
	{
		$is_packed{ substr $bytes, pos $bytes, unpack 'x24 v', $1 } = 1;
	}
	is(join(' ', grep { !$is_packed{"flex_sync-$meta->{version}/$_"} } split /\n/, $list), '', 'all files are in it, in one folder');
	system_or_bail('rm', '-rf', "$copy/.git", "$copy/$zip");
}

# ---- the package

my ($major) = `pg_config --version` =~ /(\d+)/;
SKIP:
{
	foreach my $tool (qw(dh dpkg-buildpackage pg_buildext))
	{
		skip "$tool is not installed", 1 if system("command -v $tool >/dev/null") != 0;
	}
	skip "there is no PostgreSQL $major of the distribution's", 1 if !-x "/usr/lib/postgresql/$major/bin/pg_config";

	like(scalar slurp_file('debian/changelog'), qr/^flex-sync \(\Q$meta->{version}\E-/, 'the package has the version of META.json');
	local $ENV{PG_SUPPORTED_VERSIONS} = $major;
	my $control = slurp_file("$copy/debian/control");
	run_in_copy('debian/control is made anew', 'pg_buildext', 'updatecontrol');
	is($control, scalar slurp_file("$copy/debian/control"), 'and was not stale') if $major == 15;

	# What it is compiled with is of no interest here, and that it is quick is.
	local $ENV{FLEX_SYNC_CXXFLAGS} = '-O0 -g0';
	local $ENV{DEB_BUILD_OPTIONS} = 'nocheck noautodbgsym parallel=' . (`nproc` =~ /(\d+)/)[0];
	delete local @ENV{qw(MAKEFLAGS MAKELEVEL PG_CONFIG DESTDIR)};
	local $ENV{HOME} = $folder;
	run_in_copy('dpkg-buildpackage', qw(dpkg-buildpackage --build=binary --unsigned-source --unsigned-changes --no-check-builddeps))
	  or last;
	my ($deb, @more) = glob "$folder/postgresql-$major-flex-sync_$meta->{version}-*.deb";
	is(scalar @more, 0, 'there is one package') && ok(defined $deb, 'it has the name that it should have') or last;

	my $root = "$folder/root";
	system_or_bail('dpkg', '-x', $deb, $root);
	my ($library, $share) = ("/usr/lib/postgresql/$major/lib", "/usr/share/postgresql/$major/extension");
	ok(-f "$root$_", "$_ is in it")
	  foreach "$library/flex_sync.so", "$share/flex_sync.control", map({ "$share/$_" } glob 'flex_sync--*.sql'),
	  "/usr/share/doc/postgresql-$major-flex-sync/copyright";
	is(`find '$root/usr/share/doc' -mindepth 1 -maxdepth 1 -printf '%f'`, "postgresql-$major-flex-sync",
		'its pages are in a folder of its own');
	like(`dpkg-deb --field '$deb' Depends`, qr/(?=.*\bpostgresql-$major\b)(?=.*\blibcurl4)(?=.*\blibstdc)/, 'it depends on what it needs');
	is(`find '$root' -type f -path '*bitcode*'`, '', 'no bitcode is in it');

	# A copy of the server that the test runs, with the package laid over it: it finds all else relative to itself.
	my $server = "$folder/server";
	my ($bin, $lib, $shared) = map { chomp; $_ } map { `pg_config --$_` } qw(bindir pkglibdir sharedir);
	my ($prefix) = $bin =~ m{^(.*?)/usr/lib/postgresql/\d+/bin$} or skip 'the server is not laid out as the package is', 1;
	foreach my $part ($lib, $shared)
	{
		my $there = $server . substr $part, length $prefix;
		system_or_bail('sh', '-c', "mkdir -p '$there' && cp -r --symbolic-link '$part/.' '$there'");
	}
	my $there = $server . substr $bin, length $prefix;
	system_or_bail('sh', '-c', "mkdir -p '$there' && cp '$bin'/* '$there' && find '$server' -name 'flex_sync*' -delete && cp -r '$root/.' '$server'");
	local $ENV{PATH} = "$there:$ENV{PATH}";
	my $db = FlexSync->start;
	is($db->run('SHOW data_directory') ne '' && $db->run("SELECT setting FROM pg_config WHERE name = 'PKGLIBDIR'"), "$server$library",
		'the server is the one with the package');
	my $call = $db->make_call('element-1', 1 .. 3);
	is($db->sync($call)->{status}, 'ok', 'CREATE EXTENSION works from the package, and a sync');
}
done_testing;
