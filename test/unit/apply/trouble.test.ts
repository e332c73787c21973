/** Runs that meet another run, a lost answer or a read that lags: what they adopt, what they repeat, and what they leave alone. */

import { describe, expect, it } from 'vitest';
import { CLIENT_OWNER_KEY, clientOwnerOf, ownerOf, writeOwnership } from '../../../src/model/ownership.ts';
import { pairOf, registrationOf } from '../../protocol/method.ts';
import type { Asked } from '../../protocol/scenarios.ts';
import { type Instead, type Meanwhile, Road } from '../../support/road.ts';

const PEM = 'AUTH0_MTLS_PEM';
const NOBODY: Instead = { status: 401, body: '{"error":"access_denied","error_description":"Unauthorized"}' };
const METHOD = 'self_signed_tls_client_auth';

async function run(start: string, asked: Partial<Asked>, meanwhile?: Meanwhile, desired = {}) {
  const road = await Road.begin(start, asked);
  const result = await road.run(meanwhile, desired);
  return { road, code: result.error?.code, stateNow: result.error?.stateNow ?? '', ...result };
}
const CREATE: Partial<Asked> = { operation: 'create', force: false };
const posts = (road: Road, what: string) => road.sent.filter((line) => line === `POST ${what}`).length;

describe('a client that is created', () => {
  /** Somebody's client. @param mark of this workflow */
  function strange({ world }: Road, mark: boolean): string {
    const metadata = mark ? { [CLIENT_OWNER_KEY]: clientOwnerOf(world.desired) } : {};
    const { client_id } = world.tenant.createClient({
      name: 'other',
      app_type: 'non_interactive',
      client_metadata: metadata,
      client_authentication_methods: { [METHOD]: { credentials: [] } },
      grants: {},
    });
    return client_id;
  }
  const isThere = ({ world }: Road, id: string) => world.tenant.reveal(id) !== undefined;

  it('is waited for if its answer was lost, and not made twice', async () => {
    let reads = 0;
    const { code, road } = await run('no client', CREATE, (line) => {
      if (line === 'POST clients') return 'lost';
      if (line !== 'GET clients') return undefined;
      reads += 1;
      return reads === 2 ? { status: 200, body: '[]' } : undefined;
    });
    expect([code, posts(road, 'clients'), road.world.clientIds.length]).toEqual([undefined, 1, 1]);
    expect(Math.max(...road.waits)).toBeGreaterThan(59_000);
  });

  it('is tried three times if it never arrives', async () => {
    const { code, road } = await run('no client', CREATE, (line) =>
      line === 'POST clients' ? 'dropped' : undefined,
    );
    expect([code, posts(road, 'clients')]).toEqual(['AUTH0_REQUEST_FAILED', 3]);
  });

  it('is deleted again if another run makes one at the same time, and that one stays', async () => {
    let other = '';
    const { code, road } = await run('no client', CREATE, (line, _, at) => {
      if (line === 'POST clients') other = strange(at, true);
      return undefined;
    });
    expect([code, road.world.clientIds]).toEqual(['ROTATION_IN_PROGRESS', []]);
    expect(isThere(road, other)).toBe(true);
    expect(road.sent).not.toContain(`PUT repo ${PEM}`);
  });

  it("is not confused with another run's client if it never arrived", async () => {
    let other = '';
    const { code, road } = await run('no client', CREATE, (line, count, at) => {
      if (line !== 'POST clients') return undefined;
      if (count === 1) other = strange(at, true);
      return 'dropped';
    });
    expect(code).toBe('ROTATION_IN_PROGRESS');
    expect(isThere(road, other)).toBe(true);
    expect(road.writes).toEqual(['POST clients']);
  });

  it("is distinguished from somebody else's", async () => {
    const road = await Road.begin('no client', CREATE);
    strange(road, false);
    expect((await road.run()).error).toBeUndefined();
  });

  it('may appear late, and so may its credential', async () => {
    const unknown = { status: 404, body: '{"errorCode":"inexistent_client","message":"said"}' };
    for (const [line, answer] of [
      ['GET client', unknown],
      ['GET pool', { status: 200, body: '[]' }],
    ] as const) {
      let late = 2;
      const { code, outcome } = await run('no client', CREATE, (asked, _, { world }) => {
        if (asked !== line || world.clientId === '') return undefined;
        late -= 1;
        return late >= 0 ? answer : undefined;
      });
      expect([line, code, outcome?.credential?.id]).toEqual([
        line,
        undefined,
        expect.stringMatching(/^cred_/),
      ]);
    }
  });

  it('is delivered without a proof if it has no client grant, unless a proof is required', async () => {
    const refused: Instead = { status: 403, body: '{"error":"unauthorized_client"}' };
    const meanwhile: Meanwhile = (line) => (line === 'POST token' ? refused : undefined);
    const auto = await run('no client', CREATE, meanwhile);
    expect([auto.code, auto.outcome?.proof, auto.road.held]).toEqual([undefined, 'not authorized', ['R1']]);
    const strict = await run('no client', CREATE, meanwhile, { verify: 'required' });
    expect([strict.code, strict.road.world.clientIds]).toEqual(['VERIFICATION_FAILED', []]);
    const rotation = await run('ours alone', {}, (line, count) =>
      line === 'POST token' && count > 1 ? refused : undefined,
    );
    expect([rotation.code, rotation.road.held]).toEqual(['VERIFICATION_FAILED', ['C1']]);
  });
});

describe('an upload', () => {
  it('is repeated and adopted if Auth0 has the credential already and its list lags behind', async () => {
    let late = 2;
    const { code, road } = await run('ours alone', {}, (line, count, { sent }) => {
      if (line === 'POST pool')
        return count === 1 ? 'lost' : { status: 400, body: '{"message":"It already exists"}' };
      if (line !== 'GET pool' || !sent.includes('POST pool')) return undefined;
      late -= 1;
      return late >= 0 ? { status: 200, body: '[]' } : undefined;
    });
    expect([code, posts(road, 'pool'), road.pool.length]).toEqual([undefined, 3, 2]);
  });

  it('stops for the other run if that has taken the slot', async () => {
    const { code, road } = await run('ours alone', {}, (line, _, { world }) => {
      if (line !== 'POST pool') return undefined;
      world.tenant.seedCredential(world.clientId, {
        ...registrationOf(METHOD, pairOf(METHOD, world.issueNext())),
        name: writeOwnership({ owner: ownerOf(world.desired), run: '1002.1' }),
        associate: false,
      });
      return { status: 400, body: '{"message":"You have reached the maximum of 2 credentials"}' };
    });
    expect(code).toBe('ROTATION_IN_PROGRESS');
    expect(road.pool).toHaveLength(2);
  });

  describe('that finds no room names for deletion', () => {
    const FULL: Instead = {
      status: 400,
      body: '{"message":"You have reached the maximum of 2 credentials"}',
    };
    const full: Meanwhile = (line) => (line === 'POST pool' ? FULL : undefined);
    const named = (road: Road, remedy: string) =>
      ['F1', 'C1'].filter((label) => remedy.includes(road.id(label)));

    it('what another feature left unassociated', async () => {
      const { error, road } = await run('foreign certificate', {}, full);
      expect([error?.code, named(road, error?.remedy ?? '')]).toEqual(['CREDENTIAL_LIMIT', ['F1']]);
      const kept = new Set([road.id('F1')]);
      const again = await run('foreign certificate', {}, full, { keepCredentials: kept });
      expect(named(again.road, again.error?.remedy ?? '')).toEqual([]);
    });

    it('what this workflow left of another method, and nothing of another workflow', async () => {
      const road = await Road.begin('client secret', { operation: 'enroll', force: false });
      const { clientId, desired, tenant } = road.world;
      const seed = (method: 'private_key_jwt' | typeof METHOD, owner: string) =>
        tenant.seedCredential(clientId, {
          ...registrationOf(method, pairOf(method, road.world.issueNext())),
          name: writeOwnership({ owner, run: '900.1' }),
          associate: false,
        });
      const [left, others] = [seed('private_key_jwt', ownerOf(desired)), seed(METHOD, 'repo:acme/b#PEM')];
      const { error } = await road.run(full);
      expect([error?.code, error?.remedy]).toEqual(['CREDENTIAL_LIMIT', expect.stringContaining(left)]);
      expect(error?.remedy).not.toContain(others);
    });

    it('nothing that consumers log in with by the method before an enrollment', async () => {
      const road = await Road.begin('client secret', { operation: 'enroll', force: false });
      const { clientId, issueNext, tenant } = road.world;
      const key = pairOf('private_key_jwt', issueNext.call(road.world));
      const id = tenant.seedCredential(clientId, {
        ...registrationOf('private_key_jwt', key),
        associate: false,
      });
      road.world.admin({
        client_authentication_methods: { private_key_jwt: { credentials: [{ id }] } },
        token_endpoint_auth_method: null,
      });
      const { error } = await road.run(full);
      expect([error?.code, error?.remedy]).toEqual(['CREDENTIAL_LIMIT', expect.not.stringContaining(id)]);
    });

    it('nothing that was not associated when the run began, and is now', async () => {
      const healed = await run('nothing associated', {}, full);
      expect(healed.error?.remedy).not.toContain('cred_');
      const { error } = await run('foreign certificate', {}, (line, _, at) => {
        if (line !== 'POST pool') return undefined;
        const credentials = ['C1', 'F1'].map((label) => ({ id: at.id(label) }));
        at.world.admin({ client_authentication_methods: { [METHOD]: { credentials } } });
        return FULL;
      });
      expect([error?.code, error?.remedy]).toEqual([
        'CREDENTIAL_LIMIT',
        expect.not.stringContaining('cred_'),
      ]);
    });
  });
});

describe('a proof', () => {
  const until = (road: Road, line: string) => road.sent.slice(0, road.sent.indexOf(line));

  it('is not requested with an expired pair', async () => {
    const { code, road } = await run('expired', {});
    expect(code).toBeUndefined();
    expect(until(road, 'POST pool')).not.toContain('POST token');
  });

  it('may be refused for propagation-time and half a minute', async () => {
    const { code, road } = await run('ours alone', { propagation: 30_000 }, (line, count) =>
      line === 'POST token' && count > 1 ? NOBODY : undefined,
    );
    const waited = road.waits.reduce((sum, wait) => sum + wait, 0);
    expect([code, waited > 54_000, waited < 62_000]).toEqual(['VERIFICATION_FAILED', true, true]);
  });

  it.each([1, 2, 3])('that meets an outage at request %i says nothing of the edge', async (from) => {
    const { error, road } = await run('ours alone', { propagation: 30_000 }, (line, count) =>
      line === 'POST token' && count >= from ? { status: 503 } : undefined,
    );
    expect([error?.code, error?.remedy]).toEqual([
      'AUTH0_REQUEST_FAILED',
      expect.stringMatching(/^Start a new run/),
    ]);
    expect([road.held, road.associated]).toEqual([['C1'], ['C1']]);
  });

  it('without a key in use advises nobody to try one', async () => {
    const refuse: Meanwhile = (line, count) => (line === 'POST token' && count > 1 ? NOBODY : undefined);
    const enrolled = await run('client secret', { operation: 'enroll', force: false }, refuse);
    expect(enrolled.error?.remedy).toContain('any certificate of your own');
    const first = await run('hand-made, no secret', {}, (line) =>
      line === 'POST token' ? NOBODY : undefined,
    );
    expect(first.error?.remedy).toContain('any certificate of your own');
    expect((await run('ours alone', {}, refuse)).error?.remedy).toContain('the current certificate');
  });

  it('is repeated once on a new connection', async () => {
    const { code, road } = await run('ours alone', { propagation: 30_000 });
    expect([code, road.fresh]).toEqual([undefined, 1]);
    expect((await run('ours alone', {}, undefined, { verify: 'off' })).road.fresh).toBe(0);
  });

  it('has a control before the client leaves its client secret, and one that says nothing of its key if the client was public', async () => {
    const enroll: Partial<Asked> = { operation: 'enroll', force: false };
    const secret = await run('client secret', enroll);
    expect(until(secret.road, 'PATCH client [R1]')).toContain('POST token');
    const road = await Road.begin('client secret', enroll);
    road.world.admin({ token_endpoint_auth_method: 'none' });
    expect((await road.run()).error).toBeUndefined();
    expect(until(road, 'PATCH client [R1]')).toContain('POST token');
  });
});

describe('a delivery', () => {
  it('associates its credential again if somebody has taken it out meanwhile', async () => {
    const { code, road } = await run('ours alone', {}, (line, _, at) => {
      if (line === `PUT repo ${PEM}`)
        at.world.admin({
          client_authentication_methods: { [METHOD]: { credentials: [{ id: at.id('C1') }] } },
        });
      return undefined;
    });
    expect([code, road.associated]).toEqual([undefined, ['C1', 'R1']]);
  });

  it('revokes nothing if it is incomplete', async () => {
    const { code, error, road, stateNow } = await run('two hold one', { revoke: true }, (line) =>
      line === `PUT env ${PEM}` ? { status: 403 } : undefined,
    );
    expect([code, road.associated, road.held]).toEqual(['DELIVERY_INCOMPLETE', ['C1', 'R1'], ['R1', 'C1']]);
    // One way on, and not a second one that leaves the key valid.
    expect(stateNow).toContain(
      `\`removable-credentials: ${road.id('C1')}\`, without force and without revoke`,
    );
    expect(error?.remedy).not.toContain('with current-credential');
  });

  it('in part is finished by a new run, and only what was taken out before is not said to stay', async () => {
    const refuseSecond: Meanwhile = (line) => (line === `PUT env ${PEM}` ? { status: 403 } : undefined);
    const stays = 'All associated credentials stay associated.';
    const { error, stateNow } = await run('two hold one', {}, refuseSecond);
    expect([error?.remedy, stateNow]).toEqual([
      expect.stringMatching(/start a new run \(.*\) with current-credential/),
      expect.stringContaining(stays),
    ]);
    const full = await run('three settled', {}, refuseSecond);
    expect([full.code, full.stateNow]).toEqual(['DELIVERY_INCOMPLETE', expect.not.stringContaining(stays)]);
  });

  it('does not happen in a rehearsal, whose own credential does not count as removed', async () => {
    const { outcome } = await run('ours alone', { operation: 'rehearse' });
    expect(outcome).toMatchObject({ rotated: false, removed: [], delivered: [] });
  });
});

describe('a run that is refused before any effect', () => {
  it.each<[string, string, Partial<Asked>, string, number]>([
    ['its destination does not show its key', 'ours alone', {}, 'GET repo public-key', 403],
    ['discovery does not answer', 'ours alone', {}, 'GET discovery', 500],
  ])('as %s changes nothing', async (_, start, asked, line, status) => {
    const { code, road } = await run(start, asked, (one) => (one === line ? { status } : undefined));
    expect(code).toBeDefined();
    expect(road.writes).toEqual([]);
  });

  it('probes each destination once', async () => {
    const { road } = await run('client secret, two', { operation: 'enroll', force: false, parts: true });
    expect(new Set(road.probes).size).toBe(road.probes.length);
    expect(road.probes.length).toBe(2);
  });
});

it('a revert that has moved the client binds no tokens again, whatever fails after it', async () => {
  const { code, road } = await run('settled, bound', { operation: 'revert', force: false }, (line) =>
    line.startsWith('DELETE credential') ? { status: 403 } : undefined,
  );
  expect([code, road.world.truth().bound, road.world.truth().method]).toEqual([
    'AUTH0_FORBIDDEN',
    false,
    'client_secret_post',
  ]);
});

describe('an enrollment', () => {
  it('is not undone if somebody else has associated a credential meanwhile', async () => {
    const { code, error, road, stateNow } = await run(
      'client secret',
      { operation: 'enroll', force: false },
      (line, _, at) => {
        if (line !== `PUT repo ${PEM}`) return undefined;
        const own = at.associated.map((one) => ({ id: at.id(one) }));
        const hand = at.world.tenant.seedCredential(at.world.clientId, {
          ...registrationOf(METHOD, pairOf(METHOD, at.world.issueNext())),
          associate: false,
        });
        at.world.admin({
          client_authentication_methods: { [METHOD]: { credentials: [...own, { id: hand }] } },
        });
        return { status: 403 };
      },
    );
    expect(code).toBe('GITHUB_FORBIDDEN');
    expect(road.world.truth().method).toBe(METHOD);
    expect([stateNow, error?.alarm]).toEqual([
      expect.stringMatching(/^Somebody else .* Decide now in the Auth0 Dashboard/),
      expect.stringContaining('consumers may not be able to log in'),
    ]);
  });

  it('is checked again after a minute if its change of method may still land', async () => {
    let moved = 0;
    const { code, road } = await run(
      'client secret',
      { operation: 'enroll', force: false },
      (line, count, { world }) => {
        if (line === 'PATCH client [R1]' && count === 1) {
          moved = world.time;
          return 'lost';
        }
        return line === `PUT repo ${PEM}` ? { status: 403 } : undefined;
      },
    );
    expect([code, road.world.truth().method]).toEqual(['GITHUB_FORBIDDEN', 'client_secret_post']);
    expect(road.world.time - moved).toBeGreaterThanOrEqual(60_000);
  });
});
