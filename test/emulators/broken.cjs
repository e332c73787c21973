/** Loaded before the action (NODE_OPTIONS=--require): breaks one thing of Node, named by BROKEN, at its turn BROKEN_AT. */

const crypto = require('node:crypto');
const fs = require('node:fs');
const net = require('node:net');
const tls = require('node:tls');

const { BROKEN, BROKEN_AT = '1' } = process.env;
let left = Number(BROKEN_AT);
const isTurn = () => --left === 0;
const broken = () => new Error('broken by the test');
const connect = tls.connect;

const WAYS = {
  /** A promise that nobody awaits. */
  rejection() {
    tls.connect = (...args) => {
      if (isTurn()) setImmediate(() => Promise.reject(broken()));
      return connect(...args);
    };
  },
  /** A callback that nobody guards. */
  exception() {
    tls.connect = (...args) => {
      if (isTurn())
        setImmediate(() => {
          throw broken();
        });
      return connect(...args);
    };
  },
  connection() {
    tls.connect = (...args) => {
      if (isTurn()) throw broken();
      return connect(...args);
    };
  },
  /** A connection that neither opens nor fails, and keeps nothing alive. */
  silence() {
    tls.connect = (...args) => (isTurn() ? new net.Socket() : connect(...args));
  },
  key() {
    const generateKeyPair = crypto.generateKeyPair;
    crypto.generateKeyPair = (type, options, done) =>
      isTurn() ? setImmediate(done, broken()) : generateKeyPair(type, options, done);
  },
  summary() {
    fs.promises.access = () => Promise.reject(broken());
  },
};

WAYS[BROKEN]?.();
