/** A fleet in this process, against the emulated services: what each client has of its own. */

import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FleetServices, runFleet } from '../../../src/fleet/fleet.ts';
import { Cancellation } from '../../../src/http/clock.ts';
import type { HttpRequest } from '../../../src/http/wire.ts';
import { openWire } from '../../../src/http/wire.ts';
import type { Inputs } from '../../../src/inputs/inputs.ts';
import type { RunResult } from '../../../src/model/run-result.ts';
import { type Sandbox, startSandbox } from '../../emulators/sandbox.ts';
import { selfSignedCertificate } from '../../emulators/tls.ts';
import { json } from '../../scenarios/support.ts';
import { forcedRotation, SCOPE } from '../../support/forced-rotation.ts';
import { skippingClock, trust } from '../../support/wire.ts';

const MINUTE = 60_000;
/** Nothing is due. */
const IDLE = { INPUT_FORCE: 'false', 'INPUT_RENEW-BEFORE-DAYS': '5' };
const LONGEST = 10 * MINUTE;
let world: Sandbox;
beforeAll(async () => {
  world = await startSandbox();
  trust(world.authority.pem);
});
afterAll(() => world[Symbol.asyncDispose]());

function client(changes: Record<string, string> = {}): Inputs {
  return forcedRotation(world, { 'INPUT_PROPAGATION-TIME': '0s', ...changes }).inputs;
}

interface Meanwhile {
  /** Before a request goes: it may throw in its place. */
  before?: (request: HttpRequest, leap: (milliseconds: number) => void) => void;
  ended?: (result: RunResult, leap: (milliseconds: number) => void) => void;
  cancelled?: AbortSignal;
}

async function fleet(clients: readonly Inputs[], { before, cancelled, ended }: Meanwhile = {}) {
  world.advance(MINUTE);
  const wire = openWire({});
  // Who waits for its turn looks again and again: some time must pass for the others.
  const { leap, ...clock } = skippingClock(() => wait(1));
  const signal = cancelled ?? new AbortController().signal;
  const order: string[] = [];
  const lines: string[] = [];
  const services: FleetServices = {
    transport: {
      send: async (request) => {
        before?.(request, leap);
        return wire.send(request);
      },
      clock,
      // Of the process: a long fleet outlives it.
      cancellation: new Cancellation(signal, clock.now() + LONGEST),
      debug: () => undefined,
    },
    cancelled: signal,
    longestRun: LONGEST,
    mask: () => undefined,
    logFor: ({ desired }) => ({
      info: (line) => void lines.push(`${desired.clientId}: ${line}`),
      phase: () => undefined,
      onStep: () => () => undefined,
      debug: () => undefined,
      end: (result) => {
        order.push(desired.clientId);
        ended?.(result, leap);
      },
    }),
  };
  const results = await runFleet(clients, services);
  await wire.close();
  return { results, order, lines, codes: results.map(({ error }) => error?.code) };
}

const isWrite = ({ method, url }: HttpRequest) => method === 'PUT' && url.includes('/secrets/');

describe('a fleet', () => {
  it('of none has no results', async () => {
    expect((await fleet([])).results).toEqual([]);
  });

  it('rotates each of its clients, and its results are in order', async () => {
    const clients = [client(), client(), client(), client()];
    const { codes, order, results } = await fleet(clients);
    expect(codes).toEqual(clients.map(() => undefined));
    expect(results.map(({ desired }) => desired.clientId)).toEqual(
      clients.map(({ desired }) => desired.clientId),
    );
    expect(results.every(({ outcome }) => outcome?.rotated)).toBe(true);
    expect(order).toHaveLength(4);
    for (const { desired } of clients) {
      const held = world.github.secret(SCOPE, desired.secretName)?.value ?? '';
      expect((await world.requestToken(desired.clientId, held)).status).toBe(200);
    }
  });

  it('gives each client its own ten minutes, from its own start', async () => {
    // Three at once, before the tenant's budget is known: the last one begins when the first is over.
    let isOver = false;
    const clients = [client(), client(), client(), client()];
    const { codes } = await fleet(clients, {
      ended: (_, leap) => {
        if (!isOver) leap(11 * MINUTE);
        isOver = true;
      },
    });
    expect(codes).toEqual([undefined, 'DEADLINE_EXCEEDED', 'DEADLINE_EXCEEDED', undefined]);
  });

  it('of which the first one fails tries none of the others, and has touched none', async () => {
    const clients = [client(), client(), client()];
    const { codes, results } = await fleet(clients, {
      before: (request) => {
        if (isWrite(request)) throw new TypeError('a defect');
      },
    });
    expect(codes[0]).not.toBeUndefined();
    expect(codes.slice(1)).toEqual(['CANARY_FAILED', 'CANARY_FAILED']);
    expect(results.slice(1).map(({ outcome }) => outcome)).toEqual([undefined, undefined]);
  });

  it('of which the first one has an archived repository rotates the others', async () => {
    const clients = [client(), client(), client()];
    const [own] = clients;
    world.conditions.fault = (_, { method, path }) =>
      method === 'PUT' && path.endsWith(`/${own?.desired.secretName}`)
        ? json(403, { message: 'Repository was archived so is read-only.' })
        : undefined;
    const { codes } = await fleet(clients);
    world.conditions.fault = undefined;
    expect(codes).toEqual(['GITHUB_FORBIDDEN', undefined, undefined]);
  });

  it('of which the first one has no room for a credential rotates the others', async () => {
    const clients = [client(), client(), client()];
    world.tenant.seedCredential(`${clients[0]?.desired.clientId}`, {
      credential_type: 'public_key',
      pem: selfSignedCertificate('foreign').cert,
      associate: false,
    });
    expect((await fleet(clients)).codes).toEqual(['CREDENTIAL_LIMIT', undefined, undefined]);
  });

  it('of which the first one has a full repository rotates the others', async () => {
    world.github.addRepository('acme/full');
    for (let n = 0; n < 100; n += 1) world.github.seedSecret('repo:acme/full', `S_${n}`, 'x');
    const own = { INPUT_DESTINATIONS: 'repo:acme/full', 'INPUT_CURRENT-CREDENTIAL': '' };
    const { codes } = await fleet([client(own), client(), client()]);
    expect(codes).toEqual(['DESTINATION_FULL', undefined, undefined]);
  });

  it('of which the first one has rotated, but would hide a secret, rotates the others', async () => {
    // Started by hand with force, it would write that secret all the same.
    const hiding = { INPUT_DESTINATIONS: `${SCOPE}\nrepo:acme/hiding`, GITHUB_EVENT_NAME: 'schedule' };
    const clients = [client(hiding), client(), client()];
    const id = world.github.addRepository('acme/hiding');
    world.github.seedSecret('org:acme', `${clients[0]?.desired.secretName}`, 'x', {
      visibility: 'selected',
      selectedRepositoryIds: [id],
    });
    const { codes, results } = await fleet(clients);
    expect(codes).toEqual(['SECRET_EXISTS', undefined, undefined]);
    expect(results.every(({ outcome }) => outcome?.rotated)).toBe(true);
  });

  it('whose canary fails rotates a client of which less than a quarter of renew-before-days is left', async () => {
    // The certificates of this world are valid for 30 days.
    const soon = { 'INPUT_VALIDITY-DAYS': '365', 'INPUT_RENEW-BEFORE-DAYS': '124' };
    const later = { 'INPUT_VALIDITY-DAYS': '365', 'INPUT_RENEW-BEFORE-DAYS': '116' };
    const clients = [client(), client(soon), client(later)];
    const [own] = clients;
    const { codes } = await fleet(clients, {
      before: (request) => {
        if (isWrite(request) && request.url.endsWith(`/${own?.desired.secretName}`))
          throw new TypeError('a defect');
      },
    });
    expect(codes).toEqual([expect.any(String), undefined, 'CANARY_FAILED']);
  });

  it('whose canary fails counts what was made by hand as the certificate of a client before its first delivery', async () => {
    const undelivered = { 'INPUT_VALIDITY-DAYS': '365', 'INPUT_CURRENT-CREDENTIAL': '' };
    const soon = { ...undelivered, 'INPUT_RENEW-BEFORE-DAYS': '124', 'INPUT_SECRET-NAME': 'FIRST_SOON' };
    const later = { ...undelivered, 'INPUT_RENEW-BEFORE-DAYS': '116', 'INPUT_SECRET-NAME': 'FIRST_LATER' };
    const clients = [client(), client(soon), client(later)];
    const [own] = clients;
    const { codes, results } = await fleet(clients, {
      before: (request) => {
        if (isWrite(request) && request.url.endsWith(`/${own?.desired.secretName}`))
          throw new TypeError('a defect');
      },
    });
    expect(codes).toEqual([expect.any(String), undefined, 'CANARY_FAILED']);
    expect(results.slice(1).map(({ plan }) => plan?.reason)).toEqual(['FirstDelivery', 'FirstDelivery']);
  });

  it('whose later client fails goes on with the others', async () => {
    const clients = [client(), client({ 'INPUT_CLIENT-ID': 'nobody' }), client()];
    const { codes } = await fleet(clients);
    expect(codes).toEqual([undefined, 'CLIENT_NOT_FOUND', undefined]);
  });

  it('that was cancelled begins no client', async () => {
    const { codes } = await fleet([client(), client()], { cancelled: AbortSignal.abort() });
    expect(codes).toEqual(['CANCELLED', 'CANCELLED']);
  });

  it('waits no longer for a request that its clients share than one client may take', async () => {
    const asked: string[] = [];
    world.conditions.fault = (_, { path }) =>
      path === '/oauth/token'
        ? json(429, { error: 'too_many_requests' }, { 'retry-after': '3600' })
        : undefined;
    const { codes } = await fleet([client()], {
      before: ({ url }) => asked.push(new URL(url).pathname),
    });
    world.conditions.fault = undefined;
    expect(codes).toEqual(['AUTH0_REQUEST_FAILED']);
    expect(asked.filter((path) => path === '/oauth/token')).toHaveLength(1);
  });

  it('logs in once, and lists its clients once', async () => {
    const clients = Array.from({ length: 4 }, () => client(IDLE));
    const asked: string[] = [];
    const { codes } = await fleet(clients, {
      before: ({ method, url }) => asked.push(`${method} ${new URL(url).pathname}`),
    });
    expect(codes).toEqual(clients.map(() => undefined));
    expect(asked.filter((one) => one === 'POST /oauth/token')).toHaveLength(1);
    expect(asked.filter((one) => one === 'GET /api/v2/clients')).toHaveLength(1);
    // Nothing is due: the listing was all that was needed of them.
    expect(asked.filter((one) => /^GET \/api\/v2\/clients\/[^/]+$/.test(one))).toHaveLength(0);
  });
});
