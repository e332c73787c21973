/** What the tenant logs tell, and from when on they tell everything: against the emulated Management API. */

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readUses } from '../../../src/auth0/logs.ts';
import { Tenant } from '../../../src/auth0/tenant.ts';
import { factsOf } from '../../../src/certificate/credential.ts';
import { parsePair } from '../../../src/certificate/inspect.ts';
import type { ObservedState } from '../../../src/model/observed-state.ts';
import { observeUsage, type UsageServices } from '../../../src/observe/usage-logs.ts';
import { API_AUDIENCE, type Sandbox, startSandbox } from '../../emulators/sandbox.ts';
import { json } from '../../scenarios/support.ts';
import { DAY, desired, HOUR, NOW, state } from '../../support/states.ts';
import { type Line, openLine, trust } from '../../support/wire.ts';

let world: Sandbox;
let line: Line;
let tenant: Tenant;
beforeAll(async () => {
  world = await startSandbox({ managementScopes: ['read:logs'], logDelayMs: 1_000 });
  trust(world.authority.pem);
  line = openLine();
  const token = await world.managementToken();
  tenant = new Tenant(line.service('Auth0'), world.domain, async () => token);
});
afterAll(async () => {
  await line[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});
beforeEach(() => {
  world.tenant.logs.length = 0;
  world.transcript.clear();
  world.conditions.fault = undefined;
});

/** @param ago milliseconds */
function log(ago: number, changes: object = {}): void {
  world.tenant.logs.push({
    date: new Date(world.tenantNow() - ago).toISOString(),
    log_id: `${world.tenant.logs.length}`,
    type: 'seccft',
    client_id: world.clientId,
    ip: '192.0.2.1',
    user_agent: 'agent',
    mtls_thumbprint_sha256: 'thumbprint',
    ...changes,
  });
}

const read = async (window: number) => {
  const since = world.tenantNow() - window;
  const { since: told, uses } = await readUses(tenant, world.clientId, since);
  return { lacks: told - since, uses };
};
const requests = () => world.transcript.requests().filter((one) => one.includes('/logs')).length;

describe('the tenant logs', () => {
  it('show every way to a token by a certificate of this client, and which of them are proofs', async () => {
    log(2 * DAY, { type: 'sapi' });
    log(HOUR, { type: 'seacft', mtls_thumbprint_sha256: 'a' });
    log(HOUR, { type: 'ciba_exchange_succeeded', mtls_thumbprint_sha256: 'b' });
    log(HOUR, { auth0_client: { name: 'auth0-mtls-rotation-action', version: '1' } });
    log(HOUR, { user_agent: 'auth0-mtls-rotation-action (proof of run 1.1)' });
    log(HOUR, { auth0_client: { name: 'node-auth0', version: '7' } });
    log(HOUR, { client_id: 'other' });
    log(HOUR, { type: 'feccft', mtls_thumbprint_sha256: undefined });
    const { lacks, uses } = await read(DAY);
    expect(lacks).toBe(0);
    expect(uses.map(({ identity, isProof }) => [identity, isProof])).toEqual([
      ['thumbprint', false],
      ['thumbprint', true],
      ['thumbprint', true],
      ['b', false],
      ['a', false],
    ]);
  });

  it('are complete only from their oldest entry on', async () => {
    log(HOUR);
    expect((await read(DAY)).lacks).toBeGreaterThan(22 * HOUR);
    world.tenant.logs.length = 0;
    expect(await read(DAY)).toEqual({ lacks: expect.any(Number), uses: [] });
    expect((await read(DAY)).lacks).toBeGreaterThan(23 * HOUR);
  });

  it('go on after a search that ends at a thousand', async () => {
    log(4 * DAY);
    for (let count = 0; count < 2_500; count += 1) log(DAY - count * 10_000);
    const { lacks, uses } = await read(2 * DAY);
    expect([lacks, uses.length]).toEqual([0, 2_500]);
    expect(requests()).toBe(1 + 10 + 10 + 6);
  });

  it('are read up to a limit, and the result says from when on they are complete', async () => {
    log(4 * DAY);
    for (let count = 0; count < 7_000; count += 1) log(DAY - count * 5_000);
    const { lacks, uses } = await read(2 * DAY);
    expect([lacks > DAY, uses.length]).toEqual([true, expect.any(Number)]);
    expect(requests()).toBeLessThan(62);
  });

  it('are not believed to be whole if the second search does not begin in the first', async () => {
    log(4 * DAY);
    for (let count = 0; count < 1_000; count += 1) log(HOUR + count);
    const later = {
      ...world.tenant.logs[0],
      log_id: 'x',
      date: new Date(world.tenantNow() - DAY).toISOString(),
    };
    world.conditions.fault = (_, { path }) => (/TO\+2/.test(path) ? json(200, [later]) : undefined);
    const { lacks } = await read(2 * DAY);
    expect(lacks).toBeGreaterThan(46 * HOUR);
  });

  it('may hold more in one second than a search shows', async () => {
    log(4 * DAY);
    const date = new Date(world.tenantNow() - HOUR).toISOString();
    for (let count = 0; count < 1_100; count += 1) log(HOUR, { date });
    expect((await read(DAY)).lacks).toBeGreaterThan(22 * HOUR);
  });

  it.each([[[{}]], [[{ log_id: '1', date: 'yesterday' }]], [{ logs: [] }]])(
    'are not taken for empty if the answer is %j',
    async (body) => {
      world.conditions.fault = () => json(200, body);
      await expect(read(DAY)).rejects.toMatchObject({ code: 'AUTH0_REQUEST_FAILED' });
    },
  );
});

describe('a token request of this run', () => {
  it('is waited for half a minute, not longer: then nothing shows that the logs are up to date', async () => {
    log(4 * DAY);
    log(HOUR, {
      mtls_thumbprint_sha256: world.tenant.reveal(world.clientId).credentials[0]?.thumbprint_sha256,
    });
    const pair = parsePair(world.client.pem);
    const currentKey = factsOf('self_signed_tls_client_auth', pair, Number.POSITIVE_INFINITY);
    const wanted = {
      ...desired({ clientId: world.clientId, quietWindow: DAY, verifyAudience: API_AUDIENCE }),
      currentKey,
      subject: currentKey.subject ?? '',
    };
    const minutes = DAY / 60_000;
    const seed = {
      credentials: [
        { id: 'p', age: 9 * minutes },
        { id: 'a', age: 5 * minutes },
      ],
      written: [5 * minutes - 1],
    };
    const observed = await observeUsage(
      { since: world.tenantNow() - DAY, upToDate: true },
      wanted,
      today(state(wanted, seed), currentKey.identity),
      services(),
      pair,
    );
    expect(observed.usage).toMatchObject({
      upTo: 'late',
      uses: [{ identity: currentKey.identity, isProof: false }],
    });
    expect(waited).toBeGreaterThan(20_000);
    expect(waited).toBeLessThanOrEqual(30_000);
  });

  let waited = 0;

  /** The entry never appears in time: the tenant's clock stands still while the run waits. */
  function services(): UsageServices {
    const { cancellation, clock } = line.connection;
    const sleep = async (ms: number) => {
      waited += ms;
    };
    return {
      tenant,
      proofService: line.service('proofService'),
      domain: world.domain,
      proofEndpoint: async () => world.edge.tokenEndpoint,
      clock: { ...clock, now: () => waited, sleep },
      cancellation,
    };
  }
});

/** The state as of now at the tenant, and with what its client holds. */
function today(of: ObservedState, identity: string): ObservedState {
  const shift = world.tenantNow() - NOW;
  return {
    ...of,
    pool: of.pool.map((c) => ({
      ...c,
      createdAt: c.createdAt + shift,
      expiresAt: (c.expiresAt ?? 0) + shift,
      identity: c.id === 'a' ? identity : c.identity,
    })),
    secrets: of.secrets.map((secret) =>
      typeof secret.times === 'string'
        ? secret
        : {
            ...secret,
            times: { createdAt: secret.times.createdAt, updatedAt: secret.times.updatedAt + shift },
          },
    ),
    now: of.now + shift,
  };
}
