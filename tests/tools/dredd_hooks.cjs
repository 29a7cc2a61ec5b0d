// Dredd sends one request for each declared response, and has no state of its own: these hooks make it.
const hooks = require('hooks');

const JSON_BODY = { 'Content-Type': 'application/json' };
const DEMO = { ...JSON_BODY, Authorization: `Basic ${Buffer.from('demo:demo').toString('base64')}` };
let base;

async function send(method, path, headers, body) {
  const response = await fetch(base + path, { method, headers, body: body && JSON.stringify(body) });
  const text = await response.text();
  return text ? JSON.parse(text) : null;
}

// What the examples of the control API speak of: two calls, a changed record, a limit and a snapshot.
async function prepareControl(transaction) {
  const demo = '/_mock/sandboxes/demo';
  for (const made of ['spring', 'summer', 'demo/faults', 'demo/records/shoplazza/shops/closed']) {
    await send('DELETE', `/_mock/sandboxes/${made}`, {});
  }
  await send('GET', '/merchantpro/api/v2/inventory/id/10001', DEMO);
  await send('PATCH', '/merchantpro/api/v2/inventory/id/10001', DEMO, { stock: 3 });
  await send('PUT', `${demo}/limits`, JSON_BODY, { enabled: false, overrides: { highlevel: { daily: 10 } } });
  await send('PUT', `${demo}/snapshots/before`, JSON_BODY);
  const { requests } = await send('GET', '/_mock/requests?sandbox=demo', {});
  transaction.fullPath = transaction.fullPath.replace(/demo\.1$/, requests[requests.length - 1].id);
}

hooks.beforeEach(async (transaction, done) => {
  const control = transaction.fullPath.startsWith('/_mock');
  base = `${transaction.protocol}//${transaction.host}:${transaction.port}`;
  if (control && transaction.expected.statusCode >= '300') {
    transaction.skip = true; // the control API knows no Prefer
  } else if (control) {
    await prepareControl(transaction).catch((error) => { transaction.fail = String(error); });
  } else if (transaction.expected.statusCode >= '300') {
    transaction.request.headers.Prefer = `code=${transaction.expected.statusCode}`;
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
