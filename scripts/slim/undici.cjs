/** What the bundle takes of undici: its index would bring fetch, WebSocket, caches, cookies and mocks as well. */

const Dispatcher = require('../../node_modules/undici/lib/dispatcher/dispatcher.js');

// As undici's index does it.
Object.assign(Dispatcher.prototype, require('../../node_modules/undici/lib/api/index.js'));

exports.Agent = require('../../node_modules/undici/lib/dispatcher/agent.js');
exports.buildConnector = require('../../node_modules/undici/lib/core/connect.js');
exports.EnvHttpProxyAgent = require('../../node_modules/undici/lib/dispatcher/env-http-proxy-agent.js');
// For @actions/http-client.
exports.ProxyAgent = require('../../node_modules/undici/lib/dispatcher/proxy-agent.js');
