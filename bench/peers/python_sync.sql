-- What flex_sync_crew does, written in PL/Python: the lock, both lists, the plan, stale rows first, a second listing to
-- confirm, a row in a log. One request after the other, over a connection that is kept between syncs.

CREATE EXTENSION plpython3u;

CREATE TABLE python_sync_log (
    crew_call_id uuid,
    at timestamptz DEFAULT now(),
    requests integer,
    added integer,
    removed integer,
    stale integer
);

CREATE FUNCTION python_sync(call_id uuid, url text, token text) RETURNS void LANGUAGE plpython3u AS $python$
import http.client
import json
import time
import urllib.parse

base = urllib.parse.urlsplit(url)
requests = 0


def query(sql, types, *values):
    if sql not in SD:
        SD[sql] = plpy.prepare(sql, types)
    return SD[sql].execute(list(values))


def flex(method, path, body=None, content_type=None):
    nonlocal requests
    requests += 1
    if 'flex' not in SD:
        SD['flex'] = http.client.HTTPConnection(base.hostname, base.port, timeout=15)
    headers = {'X-Auth-Token': token, 'X-Requested-With': 'XMLHttpRequest', 'Accept': '*/*'}
    if content_type:
        headers['Content-Type'] = content_type
    try:
        SD['flex'].request(method, base.path + path, body, headers)
        response = SD['flex'].getresponse()
        answer = response.read()
    except (OSError, http.client.HTTPException):
        SD.pop('flex').close()
        raise
    if response.status // 100 != 2 and (method, response.status) != ('DELETE', 404):
        plpy.error(f'{method} {path}: status {response.status}')
    return json.loads(answer) if answer else None


def list_contacts():
    lines = flex('GET', f'/line-item/{element}/row-data/?codeList=contact&codeList=business-role&node=root'
                        f'&_dc={int(time.time() * 1000)}')
    return {line['id']: line for line in lines if line['managedResourceLineItemType'] == 'contact'}


def read_rows():
    rows = query('SELECT technician_id, flex_line_item_id FROM flex_crew_assignments WHERE crew_call_id = $1',
                 ['uuid'], call_id)
    return {row['technician_id']: row['flex_line_item_id'] for row in rows}


def read_desired():
    rows = query('SELECT technician_id, flex_resource_id, business_role_id FROM flex_desired_crew WHERE crew_call_id = $1',
                 ['uuid'], call_id)
    return {row['technician_id']: row for row in rows}


def delete_rows(technicians):
    query('DELETE FROM flex_crew_assignments WHERE crew_call_id = $1 AND technician_id = ANY ($2)',
          ['uuid', 'uuid[]'], call_id, technicians)


def set_role(line, role):
    flex('POST', f'/line-item/{element}/row-data/',
         json.dumps({'lineItemId': line, 'fieldType': 'business-role', 'payloadValue': role}).encode(), 'application/json')


def add(member):
    answer = flex('POST', f'/line-item/{element}/add-resource/{member["flex_resource_id"]}',
                  b'resourceParentId=&managedResourceLineItemType=contact&quantity=1&parentLineItemId=&nextSiblingId=',
                  'application/x-www-form-urlencoded; charset=UTF-8')
    line = answer['addedResourceLineIds'][0]
    if member['business_role_id']:
        set_role(line, member['business_role_id'])
    return line


query('SELECT pg_advisory_xact_lock(flex_sync_lock_key($1))', ['uuid'], call_id)
element = query('SELECT flex_element_id FROM flex_crew_calls WHERE id = $1', ['uuid'], call_id)[0]['flex_element_id']
desired = read_desired()
rows = read_rows()
contacts = list_contacts()

stale = [technician for technician, line in rows.items() if line not in contacts]
if stale:
    delete_rows(stale)
    rows = read_rows()

lines_of = {contact['resourceId']: line for line, contact in contacts.items()}
resources = {member['flex_resource_id'] for member in desired.values()}
for line, contact in contacts.items():
    if contact['resourceId'] not in resources:
        flex('DELETE', f'/line-item/{line}')
removed = [technician for technician in rows if technician not in desired]
if removed:
    delete_rows(removed)

new = {}
added = 0
for technician, member in desired.items():
    line = lines_of.get(member['flex_resource_id'])
    role = member['business_role_id']
    if line is None:
        new[technician] = add(member)
        added += 1
        continue
    if rows.get(technician) != line:
        new[technician] = line
    if role and contacts[line].get('business-role') != role:
        set_role(line, role)
if new:
    query('''INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id)
             SELECT $1, technician, line FROM unnest($2, $3) AS _ (technician, line)
             ON CONFLICT (crew_call_id, technician_id) DO UPDATE SET flex_line_item_id = excluded.flex_line_item_id''',
          ['uuid', 'uuid[]', 'text[]'], call_id, list(new), list(new.values()))

if requests > 1:
    shown = {contact['resourceId'] for contact in list_contacts().values()}
    if shown != {member['flex_resource_id'] for member in read_desired().values()}:
        plpy.error('the crew is not in sync')
query('INSERT INTO python_sync_log (crew_call_id, requests, added, removed, stale) VALUES ($1, $2, $3, $4, $5)',
      ['uuid', 'int', 'int', 'int', 'int'], call_id, requests, added, len(removed), len(stale))
$python$;
