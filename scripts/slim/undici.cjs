/** What the bundle takes of undici: its index would bring fetch, WebSocket, caches, cookies and mocks, 40 kB of every download. */

const Dispatcher = require('../../node_modules/undici/lib/dispatcher/dispatcher.js');

// As undici's index does it.
Object.assign(Dispatcher.prototype, require('../../node_modules/undici/lib/api/index.js'));

exports.Agent = require('../../node_modules/undici/lib/dispatcher/agent.js');
exports.ProxyAgent = require('../../node_modules/undici/lib/dispatcher/proxy-agent.js');
