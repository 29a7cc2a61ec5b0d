// Finds a price by the list of products, writes its stock and reads it back, for three days, with the official SDK.
// The dialect is the first argument. The SDK finds a stored token by the location; in calls with `altId`, only a
// header tells it the location.
const assert = require('node:assert');
const { HighLevel } = require('@gohighlevel/api-client');

const [dialect] = process.argv.slice(2);
const sandbox = `sdk-${dialect}`, secret = `sbx_${sandbox}`;
const clientId = '6578278e879ad2646715ba9c-lq2v8f3d', locationId = '6578278e879ad2646715ba9c';
const here = { headers: { 'x-location-id': locationId } };
const list = { altId: locationId, altType: 'location', limit: 0 };
const control = async (method, path, body) => {
  const url = `${process.env.MOCKSERVER_URL}/_mock/sandboxes${path}`;
  const answer = await fetch(url, { method, body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
};

async function install(sdk) {
  const tokens = await sdk.oauth.getAccessToken({
    client_id: clientId, client_secret: secret, grant_type: 'authorization_code', code: 'a code', user_type: 'Location',
  });
  await sdk.getSessionStorage().setSession(locationId, tokens);
}

async function sync({ products }, quantity) {
  const found = await products.listInvoices({ locationId, limit: 20, sortOrder: 'desc', expand: ['tax'] });
  assert.deepEqual(found.total, [{ total: 41 }]);
  const productId = found.products[0]._id;
  const { prices } = await products.listPricesForProduct({ productId, locationId });
  const priceId = prices.at(-1)._id;
  const items = [{ priceId, availableQuantity: quantity }];
  assert.equal((await products.updateInventory({ altId: locationId, altType: 'location', items }, here)).status, true);
  const price = await products.getPriceByIdForProduct({ productId, priceId, locationId });
  const { inventory, total } = await products.getListInventory(list, here);
  const item = inventory.find((one) => one._id === priceId);
  assert.deepEqual([price.availableQuantity, item.availableQuantity], [quantity, quantity]);
  assert.deepEqual(total, dialect === 'observed' ? [{ total: 100 }] : { total: 100 });
}

(async () => {
  await control('POST', '', { name: sandbox, dialect });
  const app = new HighLevel({ clientId, clientSecret: secret, logLevel: 'error' });
  await install(app);
  for (const day of [1, 2, 3]) {
    await sync(app, day);
    await control('PUT', `/${sandbox}/clock`, { action: 'advance', seconds: 86400 }); // the access token expires
  }
  await sync(new HighLevel({ privateIntegrationToken: secret }), 4);
})();
