/** Which credential is in use: by the exact certificate, else by the times of two services. */

import { describe, expect, it } from 'vitest';
import { Tenant } from '../../../src/auth0/tenant.ts';
import { GitHubApi } from '../../../src/github/api.ts';
import { SecretStore } from '../../../src/github/secret-store.ts';
import { Cancellation } from '../../../src/http/clock.ts';
import { Service, type Transport } from '../../../src/http/service.ts';
import type { HttpRequest } from '../../../src/http/wire.ts';
import { ownerOf, writeOwnership } from '../../../src/model/ownership.ts';
import { LEASE, UNCERTAINTY } from '../../../src/model/timing.ts';
import { observe } from '../../../src/observe/observe.ts';
import { mayBeHeld } from '../../../src/plan/holders.ts';
import { credentialsInUse } from '../../../src/plan/in-use.ts';
import { Owners } from '../../../src/plan/owners.ts';
import { plan } from '../../../src/plan/plan.ts';
import { stageOf } from '../../../src/plan/stages.ts';
import { GitHub } from '../../emulators/github.ts';
import { Tenant as EmulatedTenant } from '../../emulators/tenant.ts';
import { selfSignedCertificate } from '../../emulators/tls.ts';
import { notation } from '../../support/notation.ts';
import { type DesiredChanges, desired, MINUTE, NOW, type StateSeed, state } from '../../support/states.ts';

const SECOND = 1 / 60;
const TWO = { destinations: ['repo:acme/shop', 'env:acme/ops/prod'] };

function inUse(changes: DesiredChanges, seed: StateSeed) {
  const wanted = desired(changes);
  const observed = state(wanted, seed);
  return { wanted, observed, found: credentialsInUse(wanted, observed), pool: new Owners(wanted, observed) };
}

/** What each place may hold, likeliest first, as `a`, `a|b` or `-`. */
function held(changes: DesiredChanges, seed: StateSeed): string {
  const { found } = inUse(changes, seed);
  return found.held.map((list) => list.map(({ id }) => id).join('|') || '-').join(' ');
}

describe('what a place holds', () => {
  const old = { id: 'p', age: 100 };
  const young = { id: 'a', age: 50 };

  it.each<[string, DesiredChanges, StateSeed, string]>([
    ['the newest that is older than the secret', {}, { credentials: [old, young], written: [49] }, 'a'],
    ['not what came after it', {}, { credentials: [old, young], written: [60] }, 'p'],
    ['nothing that is older', {}, { credentials: [old, young], written: [101] }, '-'],
    ['nothing where the secret is missing', {}, { credentials: [old, young] }, '-'],
    ['each place its own', TWO, { credentials: [old, young], written: [49, 60] }, 'a p'],
    // 3 s: two clocks, and whole seconds.
    [
      'created 3 s after it was stored, as the times say',
      {},
      { credentials: [old, young], written: [50 + 3 * SECOND] },
      'a',
    ],
    ['created 3.1 s after', {}, { credentials: [old, young], written: [50 + 3.1 * SECOND] }, 'p'],
    [
      'made by hand within 3 s: may be either',
      {},
      { credentials: [old, { ...young, by: 'hand' }], written: [50 - 2.9 * SECOND] },
      'a|p',
    ],
    [
      'made by hand 3 s before: that',
      {},
      { credentials: [old, { ...young, by: 'hand' }], written: [50 - 3 * SECOND] },
      'a|p',
    ],
    // current-credential is exact.
    ['what current-credential says', { current: 'p' }, { credentials: [old, young], written: [30] }, 'p'],
    [
      'what the times show, where they contradict it',
      { current: 'p' },
      { credentials: [old, young], written: [49] },
      'a',
    ],
    [
      'for the primary alone',
      { ...TWO, current: 'p' },
      { credentials: [old, young], written: [30, 49] },
      'p a',
    ],
    [
      'by time where it is a stranger',
      { current: 'stranger' },
      { credentials: [old, young], written: [49] },
      'a',
    ],
    [
      'nothing, whatever it says, where there is no secret',
      { current: 'p' },
      { credentials: [old, young] },
      '-',
    ],
    // Only what is associated, if any such explains the secret.
    [
      'the associated one, although a newer one is not',
      {},
      { credentials: [old, { ...young, associated: false }], written: [49] },
      'p',
    ],
    [
      'one that is not associated, where nothing else explains the secret',
      {},
      { credentials: [{ ...young, associated: false }], written: [49] },
      'a',
    ],
    // Foreign ones explain nothing.
    [
      "not another workflow's",
      {},
      { credentials: [old, { ...young, by: 'another workflow' }], written: [49] },
      'p',
    ],
    [
      'not one of another tool',
      {},
      { credentials: [old, { ...young, by: 'hand', associated: false }], written: [49] },
      'p',
    ],
    [
      'the newest associated one, where GitHub was not asked',
      {},
      { credentials: [old, young], written: ['unread'] },
      'a',
    ],
  ])('%s', (_, changes, seed, expected) => {
    expect(held(changes, seed)).toBe(expected);
  });
});

describe('the evidence', () => {
  it('is settled if every place holds the newest', () => {
    const credentials = [
      { id: 'p', age: 100 },
      { id: 'a', age: 50 },
    ];
    expect(inUse(TWO, { credentials, written: [49, 48] }).found.settled).toBe(true);
    expect(inUse(TWO, { credentials, written: [49, 60] }).found.settled).toBe(false);
    expect(inUse(TWO, { credentials, written: [49] }).found.settled).toBe(true);
  });

  it.each<[string, StateSeed, string | undefined]>([
    [
      'a later one of ours, older than the secret',
      {
        credentials: [
          { id: 'p', age: 100 },
          { id: 'a', age: 50 },
        ],
        written: [49],
      },
      'a',
    ],
    [
      'a later one that the secret is older than',
      {
        credentials: [
          { id: 'p', age: 100 },
          { id: 'a', age: 50 },
        ],
        written: [60],
      },
      undefined,
    ],
    [
      'a later one by hand',
      {
        credentials: [
          { id: 'p', age: 100 },
          { id: 'a', age: 50, by: 'hand' },
        ],
        written: [49],
      },
      undefined,
    ],
    [
      'a later one that is not associated',
      {
        credentials: [
          { id: 'p', age: 100 },
          { id: 'a', age: 50, associated: false },
        ],
        written: [49],
      },
      undefined,
    ],
  ])('contradicts current-credential p by %s', (_, seed, id) => {
    const { staleCurrent } = inUse({ current: 'p' }, seed).found;
    expect(staleCurrent && 'later' in staleCurrent ? staleCurrent.later.id : undefined).toBe(id);
  });

  it('derives every stage', () => {
    const { found, observed, pool } = inUse(
      { current: 'a' },
      {
        credentials: [
          { id: 'h', age: 300, by: 'hand' },
          { id: 'r', age: 200, associated: false },
          { id: 'p', age: 100 },
          { id: 'a', age: 50 },
          { id: 'x', age: 20 },
          { id: 'o', age: 10, by: 'another workflow' },
          { id: 'f', age: 10, by: 'hand', associated: false },
        ],
        written: [49],
      },
    );
    const stages = observed.pool.map((one) => `${one.id} ${stageOf(found, pool, one)}`);
    expect(stages).toEqual([
      'h previous',
      'r retired',
      'p previous',
      'a current',
      'x pending',
      'o foreign',
      'f foreign',
    ]);
    expect(observed.pool.filter((one) => mayBeHeld(found, one)).map(({ id }) => id)).toEqual(['a']);
  });

  it('keeps what was made by hand in use until a successor of ours was delivered', () => {
    const { found, observed, pool } = inUse({}, { credentials: [{ id: 'h', age: 100, by: 'hand' }] });
    expect(observed.pool.map((one) => stageOf(found, pool, one))).toEqual(['associated']);
  });
});

/** Both emulated services behind a wire of virtual time: its delays cost nothing. */
async function world(delay: (request: HttpRequest, count: number) => [there: number, back: number]) {
  let now = NOW;
  let sent = 0;
  const skew = { auth0: 5_000, github: -90_000 };
  const github = await GitHub.create({ now: () => now + skew.github });
  github.addRepository('acme/shop');
  github.addToken('token', { kind: 'app', permissions: { secrets: 'write' } });
  const auth0 = new EmulatedTenant({
    now: () => now + skew.auth0,
    random: () => 0.5,
    domain: 'tenant',
    authorize: () => ({ clientId: 'm', scopes: ['read:clients', 'read:client_credentials'] }),
  });
  const transport: Transport = {
    send: async (request) => {
      const { host, pathname, search } = new URL(request.url);
      sent += 1;
      const [there, back] = delay(request, sent);
      now += there;
      const path = `${pathname}${search}`;
      const service = host === 'tenant' ? auth0 : github;
      const answer = service.handle({ ...request, path, body: request.body ?? '' });
      now += back;
      return answer;
    },
    clock: {
      now: () => now,
      sleep: async () => undefined,
      random: () => 0,
    },
    cancellation: new Cancellation(new AbortController().signal),
    debug: () => undefined,
  };
  const { client_id: clientId } = auth0.createClient({
    client_authentication_methods: { self_signed_tls_client_auth: { credentials: [] } },
  });
  const wanted = desired({ clientId });
  const name = writeOwnership({ owner: ownerOf(wanted), run: '1.1' });
  const seed = (age: number) =>
    auth0.seedCredential(clientId, {
      name,
      pem: selfSignedCertificate('a').cert,
      credential_type: 'x509_cert',
      associate: true,
      created_at: new Date(NOW + skew.auth0 - age).toISOString(),
    });
  const ids = { previous: seed(3_600_000), current: seed(60 * MINUTE) };
  // Delivered a second after it was made.
  const stored = new Date(NOW + skew.github - 60 * MINUTE + 1_000).toISOString();
  github.seedSecret('repo:acme/shop', 'PEM', 'x', { updatedAt: stored });
  const services = {
    tenant: new Tenant(new Service('Auth0', transport), 'tenant', async () => 'token'),
    store: new SecretStore(new GitHubApi(new Service('GitHub', transport), 'token', 'https://github')),
  };
  return { ids, observed: () => observe(wanted, services, NOW), wanted };
}

const isGitHub = ({ url }: HttpRequest) => url.startsWith('https://github');

describe('times of two services', () => {
  it.each<[string, (request: HttpRequest, count: number) => [number, number]]>([
    ['fast', () => [20, 20]],
    ['a slow way there to GitHub', (request, n) => (isGitHub(request) && n === 1 ? [10_000, 20] : [20, 20])],
    ['a slow way back from GitHub', (request, n) => (isGitHub(request) && n === 1 ? [20, 10_000] : [20, 20])],
    ['a slow way there to Auth0', (request) => (isGitHub(request) ? [20, 20] : [900, 20])],
    ['a slow way back from Auth0', (request) => (isGitHub(request) ? [20, 20] : [20, 900])],
  ])('are good to 3 s: %s', async (_, delay) => {
    const { ids, observed, wanted } = await world(delay);
    const seen = await observed();
    const [secret] = seen.secrets;
    if (!secret || typeof secret.times === 'string') throw new Error('the secret was not read');
    const truth = NOW + 5_000 - 60 * MINUTE + 1_000;
    expect(Math.abs(secret.times.updatedAt - truth)).toBeLessThanOrEqual(UNCERTAINTY);
    const decided = plan(wanted, seen);
    expect([decided.reason, notation(decided.steps)]).toEqual(['NotDue', '']);
    expect(decided.credentials.find(({ stage }) => stage === 'current')?.id).toBe(ids.current);
  });

  it('stop the run if they cannot be compared, and nothing is changed', async () => {
    const { observed } = await world((request) => (isGitHub(request) ? [10_000, 20] : [20, 20]));
    await expect(observed()).rejects.toMatchObject({ code: 'GITHUB_REQUEST_FAILED' });
  });
});

it('the lease is longer than a run', () => {
  expect(LEASE).toBeGreaterThan(10 * 60_000 + 60_000);
});
