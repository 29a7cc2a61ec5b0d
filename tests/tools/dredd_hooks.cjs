// Dredd sends one request for each declared response, and has no state of its own: these hooks make it.
const { readFileSync } = require('fs');
const hooks = require('hooks');

const FORM = 'application/x-www-form-urlencoded';
const JSON_BODY = { 'Content-Type': 'application/json' };
const DEMO = { ...JSON_BODY, Authorization: `Basic ${Buffer.from('demo:demo').toString('base64')}` };
let base;

async function send(method, path, headers, body) {
  const response = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

// What the examples of the control API speak of: calls, a changed record, a limit and two snapshots.
async function prepareControl(transaction) {
  const demo = '/_mock/sandboxes/demo';
  for (const made of ['spring', 'summer', 'demo/faults', 'demo/records/shoplazza/shops/closed']) {
    await send('DELETE', `/_mock/sandboxes/${made}`, {});
  }
  await send('GET', '/merchantpro/api/v2/inventory/id/10001', DEMO);
  await send('PATCH', '/merchantpro/api/v2/inventory/id/10001', DEMO, { stock: 3 });
  await send('PUT', `${demo}/limits`, JSON_BODY, { enabled: false, overrides: { highlevel: { daily: 10 } } });
  await send('PUT', `${demo}/snapshots/before`, JSON_BODY);
  await send('PUT', `${demo}/clock`, JSON_BODY, { action: 'freeze' });
  await send('PUT', `${demo}/dialect`, JSON_BODY, { dialect: 'observed' });
  await send('PUT', `${demo}/snapshots/later`, JSON_BODY);
  await send('POST', `${demo}/snapshots/before/restore`, JSON_BODY);
  const { requests } = await send('GET', '/_mock/requests?sandbox=demo', {});
  let path = transaction.fullPath.replace(/demo\.1\b/, requests[requests.length - 1].id);
  if (path.includes('/requests/totals')) {
    await send('GET', '/merchantpro/api/v2/inventory/id/1', DEMO); // the operation that comes first is refused once
  }
  if (transaction.expected.statusCode === '204' && path.endsWith('/inactive/revert')) {
    await send('POST', `${demo}/records/shoplazza/shops`, JSON_BODY, { shopdomain: 'closed', active: true });
    path = path.replace('inactive', 'closed'); // it was not there at the beginning
  }
  transaction.fullPath = path;
}

// The operations of a public demo are on a server of their own.
async function moveToDemo(transaction) {
  const { hostname, port } = new URL(process.env.MOCKSERVER_DEMO_URL);
  const headers = { ...JSON_BODY, Authorization: `Bearer ${process.env.MOCKSERVER_ADMIN_TOKEN}` };
  Object.assign(transaction, { host: hostname, port });
  Object.assign(transaction.request.headers, headers);
  base = `http://${hostname}:${port}`;
  await send('PATCH', '/_mock/demo', headers, { paused: false });
  await send('DELETE', '/_mock/demo/sandboxes', headers);
  const { credential } = await send('POST', '/_mock/demo/sandboxes', headers);
  const own = { Authorization: `Basic ${Buffer.from(`${credential}:`).toString('base64')}` };
  for (const _ of [1, 2]) await send('GET', '/merchantpro/api/v2/inventory/id/10001', own); // the second is refused
}

async function prepareVendor(transaction) {
  const { request, expected, origin } = transaction;
  await send('POST', '/_mock/sandboxes/demo/reset', {}); // what an earlier request deleted is there again
  if (expected.statusCode >= '300') request.headers.Prefer = `code=${expected.statusCode}`;
  // Dredd sends each parameter. This one leaves out fields that the example of the response has.
  if (request.method === 'POST') transaction.fullPath = transaction.fullPath.replace(/([?&])fields=[^&]*&?/, '$1');
  if (request.headers['Content-Type'] === FORM) { // Dredd leaves such bodies empty
    const { paths } = JSON.parse(readFileSync(origin.filename));
    request.body = new URLSearchParams(paths[request.uri].post.requestBody.content[FORM].example).toString();
  }
}

hooks.beforeEach(async (transaction, done) => {
  const control = transaction.fullPath.startsWith('/_mock');
  base = `${transaction.protocol}//${transaction.host}:${transaction.port}`;
  const prepare = !control ? prepareVendor : /^\/_mock\/demo\b/.test(transaction.fullPath) ? moveToDemo : prepareControl;
  if (control && transaction.expected.statusCode >= '300') {
    transaction.skip = true; // the control API knows no Prefer
  } else {
    await prepare(transaction).catch((error) => { transaction.fail = String(error); });
  }
  done();
});

// Dredd compares content types as text; a parameter such as charset does not change the type.
hooks.beforeEachValidation((transaction, done) => {
  const { expected, real } = transaction;
  const [type] = (real.headers['content-type'] || '').split(';');
  if (expected.headers['Content-Type'] === type) expected.headers['Content-Type'] = real.headers['content-type'];
  done();
});
