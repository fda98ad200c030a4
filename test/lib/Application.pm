package Application;

# A database as it was before flex_sync moved in: the tables of an application for crew planning, with the roles and default
# privileges of Supabase, and the sync that the application used to have. For tests of the move and of the way back.

=head1 SYNOPSIS

	my $app = Application->start;
	my $call = $app->make_call('sound', 1 .. 3);          # technicians 1 to 3 have a sound role in its job
	my $old = $app->old_sync($call);
	$old->read; $old->list; $old->drop_stale; $old->add; $old->prune;

=cut

use strict;
use warnings;

use Carp;
use FlexSync;
use HTTP::Tiny;
use JSON::PP;

=head1 METHODS

=over

=item Application->start(%options)

Starts what C<< FlexSync->start >> starts, with the application's tables in place of those of C<flex_sync_setup>, which
has not been called. Takes the same options. Superuser C<postgres> owns the tables.

=item $app->db

The L<FlexSync>.

=cut

sub start
{
	my ($class, %options) = @_;
	my $self = bless { db => FlexSync->start(%options, setup => ''), calls => 0 }, $class;
	$self->db->run(schema());
	return $self;
}

sub db { return $_[0]->{db} }

=item Application::schema

The application's tables as SQL.

=cut

sub schema
{
	return <<'SCHEMA';
CREATE ROLE anon NOLOGIN;
CREATE ROLE authenticated NOLOGIN;
CREATE ROLE service_role NOLOGIN BYPASSRLS;
CREATE ROLE plain LOGIN;
GRANT USAGE ON SCHEMA public TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON SEQUENCES TO anon, authenticated, service_role;
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO anon, authenticated, service_role;
CREATE SCHEMA auth;
GRANT USAGE ON SCHEMA auth TO anon, authenticated, service_role;
CREATE FUNCTION auth.uid() RETURNS uuid LANGUAGE sql STABLE
    AS $$ SELECT nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;

CREATE TYPE assignment_status AS ENUM ('invited', 'confirmed', 'declined');
CREATE TABLE profiles (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    first_name text,
    department text,
    flex_resource_id text
);
CREATE TABLE jobs (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    title text,
    start_time timestamptz,
    end_time timestamptz
);
CREATE TABLE job_assignments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    job_id uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    technician_id uuid NOT NULL REFERENCES profiles ON DELETE CASCADE,
    sound_role text,
    lights_role text,
    video_role text,
    production_role text,
    status assignment_status NOT NULL DEFAULT 'invited',
    assignment_date date
);
CREATE TABLE flex_crew_calls (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    job_id uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    department text NOT NULL CHECK (department IN ('sound', 'lights', 'video', 'production')),
    flex_element_id text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (job_id, department)
);
CREATE TABLE flex_crew_assignments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    crew_call_id uuid NOT NULL REFERENCES flex_crew_calls ON DELETE CASCADE,
    technician_id uuid NOT NULL REFERENCES profiles ON DELETE CASCADE,
    flex_line_item_id uuid NOT NULL,
    created_at timestamptz DEFAULT now()
);
CREATE FUNCTION set_updated_at() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;
CREATE TRIGGER set_updated_at BEFORE UPDATE ON flex_crew_calls FOR EACH ROW EXECUTE FUNCTION set_updated_at();

ALTER TABLE profiles ENABLE ROW LEVEL SECURITY;
ALTER TABLE job_assignments ENABLE ROW LEVEL SECURITY;
ALTER TABLE flex_crew_calls ENABLE ROW LEVEL SECURITY;
ALTER TABLE flex_crew_assignments ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON profiles TO authenticated USING (id = auth.uid());
CREATE POLICY own ON job_assignments TO authenticated USING (technician_id = auth.uid());
CREATE POLICY staff ON flex_crew_calls FOR ALL USING (current_user IN ('authenticated', 'service_role'));
CREATE POLICY staff ON flex_crew_assignments FOR ALL USING (current_user IN ('authenticated', 'service_role'));
SCHEMA
}

=item $app->make_call($department, @technicians)

Makes a job, its crew call of the department (whose element, empty in Flex, is the call's id), and an assignment of each of the
technicians, with the role C<FOH-R>; returns the call's id. The technicians get a profile if they have none.

=item $app->assign_to_job($call, @technicians), $app->withdraw($call, $technician)

=item $app->make_profile($number)

=cut

sub make_call
{
	my ($self, $department, @technicians) = @_;
	my $number = ++$self->{calls};
	my $job = sprintf '70b00000-0000-4000-8000-%012d', $number;
	my $call = sprintf 'ca110000-0000-4000-8000-%012d', $number;
	$self->db->run("INSERT INTO jobs VALUES ('$job', 'Job $number', now(), now() + interval '1 day');
		INSERT INTO flex_crew_calls (id, job_id, department, flex_element_id) VALUES ('$call', '$job', '$department', '$call')");
	$self->db->sim->seed($call, []);
	$self->assign_to_job($call, @technicians);
	return $call;
}

sub make_profile
{
	my ($self, $number) = @_;
	$self->db->run("INSERT INTO profiles VALUES ('" . technician($number) . "', 'Technician $number', NULL, '" . resource($number)
		  . "') ON CONFLICT DO NOTHING");
	return;
}

sub assign_to_job
{
	my ($self, $call, @technicians) = @_;
	foreach my $number (@technicians)
	{
		$self->make_profile($number);
		$self->db->run("INSERT INTO job_assignments (job_id, technician_id, sound_role, lights_role, video_role, production_role)
			SELECT job_id, '" . technician($number) . "', CASE department WHEN 'sound' THEN 'FOH-R' END,
				CASE department WHEN 'lights' THEN 'FOH-R' END, CASE department WHEN 'video' THEN 'FOH-R' END,
				CASE department WHEN 'production' THEN 'FOH-R' END
			FROM flex_crew_calls WHERE id = '$call'");
	}
	return;
}

sub withdraw
{
	my ($self, $call, $number) = @_;
	$self->db->run("DELETE FROM job_assignments WHERE technician_id = '" . technician($number) . "'
		AND job_id = (SELECT job_id FROM flex_crew_calls WHERE id = '$call')");
	return;
}

=item $app->old_sync($call)

The sync that the application had: an object whose methods are its steps, in this order.

	read          the technicians with a role, and the rows: once, for all that follows
	list          the contacts in Flex
	drop_stale    deletes the rows whose contact is gone
	add           adds whoever is not among the rows that were read, and inserts blindly
	prune         deletes the contacts that no row names by now
	run           all of them

The insert croaks where the database refuses it.

=back

=cut

sub old_sync
{
	my ($self, $call) = @_;
	return bless { db => $self->db, call => $call, session => $self->db->session, http => HTTP::Tiny->new(proxy => undef, http_proxy => undef) },
	  'Application::OldSync';
}

package Application::OldSync;

sub read
{
	my ($self) = @_;
	my $session = $self->{session};
	$self->{desired} = [ $session->rows("SELECT DISTINCT a.technician_id, p.flex_resource_id
		FROM flex_crew_calls AS c JOIN job_assignments AS a USING (job_id) JOIN profiles AS p ON p.id = a.technician_id
		WHERE c.id = '$self->{call}' AND coalesce(to_jsonb(a) ->> (c.department || '_role'), '') NOT IN ('', 'none')
		ORDER BY 1") ];
	$self->{rows} = [ $session->rows("SELECT id, technician_id, flex_line_item_id FROM flex_crew_assignments
		WHERE crew_call_id = '$self->{call}'") ];
	return $self;
}

sub list
{
	my ($self) = @_;
	$self->{listed} = { map { ($_->{id} => $_) } @{ $self->_ask('GET', "line-item/$self->{call}/row-data/") } };
	return $self;
}

sub drop_stale
{
	my ($self) = @_;
	foreach my $row (grep { !$self->{listed}{ $_->{flex_line_item_id} } } @{ $self->{rows} })
	{
		$self->{session}->run("DELETE FROM flex_crew_assignments WHERE id = '$row->{id}'");
	}
	return $self;
}

sub add
{
	my ($self) = @_;
	my %has_row = map { ($_->{technician_id} => 1) } @{ $self->{rows} };
	foreach my $member (grep { !$has_row{ $_->{technician_id} } } @{ $self->{desired} })
	{
		my $added = $self->_ask('POST', "line-item/$self->{call}/add-resource/$member->{flex_resource_id}");
		$self->{session}->run("INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
			VALUES ('$self->{call}', '$member->{technician_id}', '$added->{addedResourceLineIds}[0]')");
	}
	return $self;
}

sub prune
{
	my ($self) = @_;
	my %is_mapped = map { ($_->{flex_line_item_id} => 1) }
	  $self->{session}->rows("SELECT flex_line_item_id FROM flex_crew_assignments WHERE crew_call_id = '$self->{call}'");
	$self->_ask('DELETE', "line-item/$_") foreach grep { !$is_mapped{$_} } sort keys %{ $self->{listed} };
	return $self;
}

sub run { return $_[0]->read->list->drop_stale->add->prune }

sub _ask
{
	my ($self, $method, $path) = @_;
	my $sim = $self->{db}->sim;
	my $response = $self->{http}->request($method, $sim->url . "/$path", { headers => { 'X-Auth-Token' => $sim->token } });
	die "$method $path: $response->{status}\n" if !$response->{success};
	return $method eq 'DELETE' ? undef : JSON::PP::decode_json($response->{content});
}

1;
