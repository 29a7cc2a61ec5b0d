// Loaded into every Node process of the command: redirects connections to vendors' hosts to the proxy.
//
// Node reads proxy variables only since version 24, and clients that have their own agent ignore them.
// This file works with all clients, because it connects the socket itself to the proxy. The proxy finds
// the vendor's host name in the first bytes. The client still checks that the certificate is valid for
// the host that it asked for.
'use strict';

const net = require('node:net');

const { MOCKSERVER_PROXY, MOCKSERVER_DOMAINS, MOCKSERVER_ONLY_VENDORS } = process.env;
const connect = net.Socket.prototype.connect;

function patchConnect(proxy, domains, onlyVendors) {
  net.Socket.prototype.connect = function (...args) {
    const [first, ...others] = Array.isArray(args[0]) ? args[0] : args;
    const options = typeof first === 'object' ? first : { port: first, host: others[0] };
    const { host, port, path } = options ?? {};
    if (typeof host !== 'string' || path) return connect.apply(this, args);
    const name = host.toLowerCase().replace(/\.$/, '');
    const onVendorDomain = domains.some((domain) => name === domain || name.endsWith(`.${domain}`));
    const isWebHost = [80, 443].includes(Number(port)) && !net.isIP(name) && name !== 'localhost';
    if (!onVendorDomain && onlyVendors && isWebHost) {
      const message = `${name} is not an emulated vendor's host: refused because of --only-vendors`;
      const error = Object.assign(new Error(message), { code: 'ECONNREFUSED' });
      process.nextTick(() => this.destroy(error));
      return this;
    }
    if (!onVendorDomain) return connect.apply(this, args);
    const callbacks = others.filter((argument) => typeof argument === 'function');
    return connect.call(this, { ...options, host: proxy.hostname, port: Number(proxy.port) }, ...callbacks);
  };
}

if (MOCKSERVER_PROXY && MOCKSERVER_DOMAINS) {
  patchConnect(new URL(MOCKSERVER_PROXY), MOCKSERVER_DOMAINS.split(','), MOCKSERVER_ONLY_VENDORS === '1');
}
