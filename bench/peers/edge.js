// The way of the edge function that flex_sync replaces: one step after the other, a query and a request each, and the
// difference taken against the rows as they were read at the beginning. Reads the id of a crew call from each line of its
// input, syncs it, and answers "ok" or what went wrong. It stays up between syncs and keeps its connections, as an edge
// function does at its best.
//
// Usage: node edge.js FLEX_URL TOKEN, with the database in the environment (PGHOST and so on) and "pg" in NODE_PATH.

const { Client } = require('pg');
const readline = require('readline');

const [flexUrl, token] = process.argv.slice(2);
const db = new Client();

async function flex(method, path, contentType, body) {
  const headers = { 'X-Auth-Token': token, 'X-Requested-With': 'XMLHttpRequest', Accept: '*/*' };
  if (contentType) headers['Content-Type'] = contentType;
  const response = await fetch(flexUrl + path, { method, headers, body });
  const text = await response.text();
  if (!response.ok && !(method === 'DELETE' && response.status === 404))
    throw new Error(`${method} ${path}: status ${response.status}`);
  return text ? JSON.parse(text) : null;
}

async function query(sql, ...values) {
  return (await db.query(sql, values)).rows;
}

async function addContact(callId, element, member) {
  const added = await flex('POST', `/line-item/${element}/add-resource/${member.flex_resource_id}`,
    'application/x-www-form-urlencoded; charset=UTF-8',
    'resourceParentId=&managedResourceLineItemType=contact&quantity=1&parentLineItemId=&nextSiblingId=');
  const line = added.addedResourceLineIds[0];
  if (member.business_role_id)
    await flex('POST', `/line-item/${element}/row-data/`, 'application/json',
      JSON.stringify({ lineItemId: line, fieldType: 'business-role', payloadValue: member.business_role_id }));
  await query('INSERT INTO flex_crew_assignments (crew_call_id, technician_id, flex_line_item_id) VALUES ($1, $2, $3)',
    callId, member.technician_id, line);
}

async function sync(callId) {
  const [{ flex_element_id: element }] =
    await query('SELECT flex_element_id FROM flex_crew_calls WHERE id = $1', callId);
  const desired = await query(
    'SELECT technician_id, flex_resource_id, business_role_id FROM flex_desired_crew WHERE crew_call_id = $1', callId);
  const rows = await query(
    'SELECT id, technician_id, flex_line_item_id FROM flex_crew_assignments WHERE crew_call_id = $1', callId);

  const listing = await flex('GET',
    `/line-item/${element}/row-data/?codeList=contact&codeList=business-role&node=root&_dc=${Date.now()}`);
  const contacts = listing.filter((line) => line.managedResourceLineItemType === 'contact');

  const present = new Set(contacts.map((contact) => contact.id));
  for (const row of rows)
    if (!present.has(row.flex_line_item_id))
      await query('DELETE FROM flex_crew_assignments WHERE id = $1', row.id);

  const known = new Set(rows.map((row) => row.technician_id));
  for (const member of desired)
    if (!known.has(member.technician_id)) await addContact(callId, element, member);

  const resources = new Set(desired.map((member) => member.flex_resource_id));
  for (const contact of contacts)
    if (!resources.has(contact.resourceId)) {
      await flex('DELETE', `/line-item/${contact.id}`);
      await query('DELETE FROM flex_crew_assignments WHERE crew_call_id = $1 AND flex_line_item_id = $2',
        callId, contact.id);
    }
}

async function main() {
  await db.connect();
  for await (const callId of readline.createInterface({ input: process.stdin })) {
    const answer = await sync(callId).then(() => 'ok', (error) => String(error.message).replace(/\s+/g, ' '));
    process.stdout.write(answer + '\n');
  }
  await db.end();
}

main();
