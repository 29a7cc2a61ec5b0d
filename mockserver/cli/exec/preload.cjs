// Loaded into every Node that a command starts: connections to vendors' names go to the proxy.
//
// Node reads proxy variables only since version 24, and only where nobody brings an agent of his
// own. This asks for less: a socket to such a name is opened to the proxy, which knows by the
// first bytes what is meant. Certificates are still checked against the name that was asked for.
'use strict';

const net = require('node:net');

const { MOCKSERVER_PROXY, MOCKSERVER_DOMAINS, MOCKSERVER_ONLY_VENDORS } = process.env;
const connect = net.Socket.prototype.connect;

function route(proxy, domains, onlyVendors) {
  net.Socket.prototype.connect = function (...args) {
    const [first, ...rest] = Array.isArray(args[0]) ? args[0] : args;
    const options = typeof first === 'object' ? first : { port: first, host: rest[0] };
    const { host, port, path } = options ?? {};
    if (typeof host !== 'string' || path) return connect.apply(this, args);
    const name = host.toLowerCase().replace(/\.$/, '');
    const ours = domains.some((domain) => name === domain || name.endsWith(`.${domain}`));
    const web = [80, 443].includes(Number(port)) && !net.isIP(name) && name !== 'localhost';
    if (!ours && onlyVendors && web) {
      const error = new Error(`${name} is no vendor's (--only-vendors)`);
      process.nextTick(() => this.destroy(Object.assign(error, { code: 'ECONNREFUSED' })));
      return this;
    }
    if (!ours) return connect.apply(this, args);
    const done = rest.filter((one) => typeof one === 'function');
    return connect.call(this, { ...options, host: proxy.hostname, port: Number(proxy.port) }, ...done);
  };
}

if (MOCKSERVER_PROXY && MOCKSERVER_DOMAINS) {
  route(new URL(MOCKSERVER_PROXY), MOCKSERVER_DOMAINS.split(','), MOCKSERVER_ONLY_VENDORS === '1');
}
