/** Programs for Node.js, as docs/recipes.md writes them, log in with the secrets that the action has delivered. */

import { beforeAll, describe, expect, it } from 'vitest';
import { createEdge } from '../emulators/edge.ts';
import { operate, secretClient, sharedWorld } from '../scenarios/operations.ts';
import { DAY, held, SCOPE } from '../scenarios/support.ts';
import {
  environment,
  expectToken,
  NODE,
  type Reader,
  run,
  snippet,
  temporaryFolder,
  write,
} from './recipe.ts';

const folder = temporaryFolder();
const shared = sharedWorld();

/** As the snippet leaves it, in its variable. */
const printing = (script: string, variable = 'token') => `${script}\nconsole.log(${variable});`;

describe('with the PEM', () => {
  let reader: Reader;
  beforeAll(async () => {
    const world = shared();
    // The second delivery: what a consumer reads after a rotation.
    expect((await operate(world, {})).exitCode).toBe(0);
    world.advance(8 * DAY);
    expect((await operate(world, { force: 'true' })).exitCode).toBe(0);
    reader = { clientId: world.clientId, pem: held(world) };
  });

  const env = () => ({ ...environment(shared(), folder, reader), ISSUER: `${shared().tenantUrl}/` });

  it.each([['undici'], ['openid-client'], ['oauth4webapi']])('%s', async (name) => {
    expectToken(await run(NODE, printing(snippet(`Node.js \\(${name}\\)`, 'js')), env()));
  });

  it("Auth0's SDK, at the edge of a custom domain", async () => {
    const world = shared();
    const serverCertificate = () => world.authority.serverCertificate(['mtls.login.example.test']);
    await using edge = await createEdge({
      authority: { ...world.authority, serverCertificate },
      upstream: world.tenantUrl,
      edgeSecret: world.edgeSecret,
    });
    // The name is nobody's: this process alone knows where it is.
    const names = `const dns = require('node:dns');
      const { lookup } = dns;
      dns.lookup = (name, ...rest) => lookup(name.endsWith('.example.test') ? '127.0.0.1' : name, ...rest);`;
    const NODE_OPTIONS = `--require ${write(folder, 'names.cjs', names)}`;
    const CUSTOM_DOMAIN = `login.example.test:${edge.port}`;
    const script = printing(snippet("Node.js \\(Auth0's SDK\\)", 'js'));
    expectToken(await run(NODE, script, { ...env(), NODE_OPTIONS, CUSTOM_DOMAIN }));
  });

  it('and not with a certificate that Auth0 does not know', async () => {
    const { pem } = shared().addServiceClient({ name: 'another' });
    const script = printing(snippet('Node.js \\(openid-client\\)', 'js'));
    await expect(run(NODE, script, { ...env(), PEM: pem })).rejects.toThrow();
  });
});

describe('with the key', () => {
  let reader: Reader;
  beforeAll(async () => {
    const world = shared();
    const clientId = secretClient(world, 'client_secret_post', {
      grants: { [world.managementAudience]: ['read:clients'], 'https://api.example.test/': ['read:orders'] },
    });
    const inputs = {
      'client-id': clientId,
      'secret-name': 'KEY',
      'authentication-method': 'private_key_jwt',
    };
    expect((await operate(world, { ...inputs, operation: 'enroll' })).exitCode).toBe(0);
    reader = { clientId, pem: held(world, SCOPE, 'KEY') };
  });

  const env = () => environment(shared(), folder, reader);

  it.each([['jose'], ['openid-client'], ['jsonwebtoken']])('%s', async (name) => {
    expectToken(await run(NODE, printing(snippet(name, 'js')), env()));
  });

  it("Auth0's SDK", async () => {
    const script = snippet("Auth0's SDK for Node.js", 'js', undefined, 0);
    expectToken(await run(NODE, printing(script), env()));
  });

  it("Auth0's SDK for the Management API", async () => {
    const script = snippet("Auth0's SDK for Node.js", 'js', undefined, 1);
    expect(await run(NODE, printing(script, 'id'), env())).toBe(`${reader.clientId}\n`);
  });
});
