/** What the invariants must see, shown on writes that no run of src sends: an oracle that sees nothing finds that all is well. */

import { beforeAll, describe, expect, test } from 'vitest';
import { RotationError } from '../../src/errors.ts';
import type { Transport } from '../../src/http/service.ts';
import { ownerOf, writeOwnership } from '../../src/model/ownership.ts';
import { Actor, type Code } from './actor.ts';
import { ByHand, material, prepare } from './by-hand.ts';
import { REAL } from './code.ts';
import type { Fault } from './faults.ts';
import { Healed, heal } from './heal.ts';
import type { Event } from './invariants.ts';
import type { Materials } from './materials.ts';
import { pairOf } from './method.ts';
import { scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import { leaked, leakedIn } from './secrecy.ts';
import { play } from './single.ts';
import { World } from './world.ts';

let all: Materials;
beforeAll(async () => {
  all = await prepare();
});

/** The secret gets the key of the first with the certificate of the second. @returns which promises are broken */
function broken(start: string, key: string, certificate: string): string[] {
  const world = new World(scenario(start), all);
  const { invariants, trace } = new Execution(world, REAL);
  const actor = new Actor('A');
  invariants.begin(actor);
  const [{ privateKey }, certified] = [key, certificate].map((label) =>
    pairOf('self_signed_tls_client_auth', material(label)),
  ) as [ReturnType<typeof pairOf>, ReturnType<typeof pairOf>];
  world.github.seedSecret('repo:acme/shop', 'AUTH0_MTLS_PEM', `${privateKey}${certified.certificate}`);
  const url = 'https://api.github.com/repos/acme/shop/actions/secrets/AUTH0_MTLS_PEM';
  const request = { method: 'PUT', url, headers: {} } as const;
  const event: Event = { actor, request, index: 1, note: '', status: 201, time: world.time };
  trace.push(event);
  invariants.after(event, { status: 201, headers: {}, body: '' });
  return invariants.violations.map(({ invariant }) => invariant).sort();
}

describe.each([
  ['the first delivery', 'hand-made, no secret', 'H1'],
  ['a later delivery', 'ours alone', 'C1'],
])('%s', (_, start, associated) => {
  test('of what is associated and has logged in breaks nothing', () => {
    expect(broken(start, associated, associated)).toEqual([]);
  });

  test('of a credential that was never registered breaks I1, and I5', () => {
    expect(broken(start, 'R1', 'R1')).toEqual(['I1', 'I5']);
  });

  test('of a certificate with the key of another breaks I2', () => {
    expect(broken(start, 'R1', associated)).toEqual(['I2']);
  });
});

describe('a secret serves nobody', () => {
  const works = ({ world }: ByHand) => world.truth().held.map((one) => one.works);

  test('whose credential has come to its end', () => {
    const hand = new ByHand('ours alone');
    expect(works(hand)).toEqual([true]);
    hand.world.time += 79 * 86_400_000;
    expect(works(hand)).toEqual([true]);
    hand.world.time += 2 * 86_400_000;
    expect(works(hand)).toEqual([false]);
  });

  test('whose credential is associated no more, or not known to every node yet', () => {
    const hand = new ByHand('ours alone', { propagation: 30_000 });
    const actor = hand.actor('A');
    hand.associates(actor, []);
    expect(works(hand)).toEqual([false]);
    hand.associates(actor, [hand.idOf('C1')]);
    expect(works(hand)).toEqual([false]);
    hand.world.time += 30_000;
    expect(works(hand)).toEqual([true]);
  });
});

describe('I4: what is not ours', () => {
  const begun = () => {
    const hand = new ByHand('other owner beside ours');
    return { hand, actor: hand.actor('A'), both: ['O1', 'C1'].map((label) => hand.idOf(label)) };
  };

  test('may stay, whatever becomes of ours', () => {
    const { hand, actor, both } = begun();
    hand.associates(actor, both.slice(0, 1));
    hand.sends(actor, 'DELETE', `/credentials/${both[1]}`);
    hand.uploads(actor, 'R1');
    expect(hand.broken('I4')).toEqual([]);
  });

  test('is associated no more', () => {
    const { hand, actor, both } = begun();
    hand.associates(actor, both.slice(1));
    expect(hand.broken('I4')).toEqual([expect.stringContaining('what is not ours is now')]);
  });

  test('is another setting of the client', () => {
    const { hand, actor } = begun();
    hand.sends(actor, 'PATCH', '', { client_metadata: { team: 'billing' } });
    expect(hand.broken('I4')).toEqual([expect.stringContaining('billing')]);
  });
});

describe('I7: a run has a key of its own, and one', () => {
  test('which it may upload again', () => {
    const hand = new ByHand('ours alone');
    const [first, second] = [hand.actor('A'), hand.actor('B')];
    hand.sends(first, 'DELETE', `/credentials/${hand.uploads(first, 'R1')}`);
    hand.uploads(first, 'R1');
    hand.uploads(second, 'R2');
    expect(hand.broken('I7')).toEqual([]);
  });

  test('not two', () => {
    const hand = new ByHand('ours alone');
    const actor = hand.actor('A');
    hand.uploads(actor, 'R1');
    hand.uploads(actor, 'R2');
    expect(hand.broken('I7')).toEqual(['A uploads two keys']);
  });

  test("not another run's", () => {
    const hand = new ByHand('ours alone');
    const [first, second] = [hand.actor('A'), hand.actor('B')];
    hand.sends(first, 'DELETE', `/credentials/${hand.uploads(first, 'R1')}`);
    hand.uploads(second, 'R1');
    expect(hand.broken('I7')).toEqual(['B uses the key of A']);
  });
});

/** B rotates while A stands between its read and its PATCH, which takes out what B has delivered. */
describe('a run that displaces what another has delivered', () => {
  test.each<[string, (hand: ByHand, actor: Actor) => void, string[], number]>([
    ['was frozen right after its read', () => undefined, ['whole rotation'], 0],
    [
      'was frozen between its two reads',
      (hand, one) => void hand.sends(one, 'GET', '/credentials'),
      ['whole rotation'],
      0,
    ],
    ['has read it again before its PATCH', (hand, one) => hand.reads(one), [], 1],
    [
      'has gone on to read other things for long',
      (hand, one) => {
        for (let read = 0; read < 3; read += 1) hand.sends(one, 'GET', '/credentials');
      },
      [],
      1,
    ],
    [
      'has written something since its read',
      (hand, one) => void hand.sends(one, 'DELETE', `/credentials/${hand.idOf('P1')}`),
      [],
      1,
    ],
  ])('%s', (_, between, residuals, violations) => {
    const hand = new ByHand('retired in the pool');
    const [frozen, other] = [hand.actor('A'), hand.actor('B')];
    hand.reads(frozen);
    const id = hand.uploads(other, 'R1');
    hand.associates(other, [hand.idOf('C1'), id]);
    hand.stores(other, 'R1');
    between(hand, frozen);
    hand.associates(frozen, [hand.idOf('C1')]);
    const { invariants } = hand.execution;
    expect(invariants.residuals.map(({ kind }) => kind)).toEqual(residuals);
    expect(hand.broken('I1')).toHaveLength(violations);
  });
});

describe('L2: of what runs that have died have left', () => {
  /** @returns how many orphans are too many, after each upload */
  function left(start: string): number[] {
    const hand = new ByHand(start);
    const [dead, other] = [hand.actor('A'), hand.actor('B')];
    const name = writeOwnership({ owner: ownerOf(hand.world.desired), run: '1.1' });
    dead.dead = true;
    return ['R1', 'R2', 'R3'].map((label) => {
      hand.world.time += 1_000;
      hand.uploads(dead, label, name);
      hand.sends(other, 'PATCH', '', {});
      return new Set(hand.broken('L2')).size;
    });
  }

  test('one for each stays, and no more', () => {
    expect(left('ours alone')).toEqual([0, 1, 2]);
  });

  test('one more stays where no secret works yet: it may be the last that is associated', () => {
    expect(left('nothing')).toEqual([0, 0, 1]);
  });
});

describe('a failed run that says that its credential may still be there, while it is not, breaks the truth', () => {
  test.each<[string, 'A' | 'B', string, number]>([
    ['unless the answer to its own removal was lost', 'A', 'lose', 0],
    ['although its own removal was answered', 'A', '', 1],
    ["although the answer to another run's was lost", 'B', 'lose', 1],
  ])('%s', (_, by, note, expected) => {
    const hand = new ByHand('ours alone');
    const { actors, invariants, trace } = hand.execution;
    const actor = hand.actor('A');
    hand.actor('B').dead = true;
    hand.sends(
      actors.find(({ name }) => name === by) as Actor,
      'DELETE',
      `/credentials/${hand.uploads(actor, 'R1')}`,
    );
    Object.assign(trace.at(-1) as Event, { note });
    const stateNow = 'The new credential R1 may still be there.';
    const error = new RotationError('AUTH0_REQUEST_FAILED', { failed: '', remedy: '', stateNow });
    actor.result = { error } as Actor['result'];
    invariants.end(actor);
    expect(hand.broken('truth')).toHaveLength(expected);
  });
});

describe('I8: a rehearsal that reports success', () => {
  const CHANGES: [string, (hand: ByHand, actor: Actor) => void][] = [
    ['a secret', (hand, actor) => hand.stores(actor, 'R2')],
    ['the association', (hand, actor) => hand.associates(actor, [])],
    [
      'the binding of tokens',
      (hand, actor) => void hand.sends(actor, 'PATCH', '', { require_proof_of_possession: true }),
    ],
    ['the pool', (hand, actor) => void hand.sends(actor, 'DELETE', `/credentials/${hand.idOf('P1')}`)],
    [
      'another setting',
      (hand, actor) => void hand.sends(actor, 'PATCH', '', { client_metadata: { team: 'billing' } }),
    ],
  ];

  test.each<[string, ((hand: ByHand, actor: Actor) => void) | undefined]>([
    ['nothing', undefined],
    ...CHANGES,
  ])('has changed %s', async (_, change) => {
    const hand = new ByHand('retired in the pool', { operation: 'rehearse' });
    const actor = hand.execution.start('A');
    await play(hand.execution, actor);
    expect([actor.result?.error, hand.execution.invariants.violations]).toEqual([undefined, []]);
    change?.(hand, actor);
    hand.execution.invariants.end(actor);
    const told = hand.broken('I8').filter((one) => one.includes('the client is not as it was'));
    expect(told).toHaveLength(change ? 1 : 0);
  });
});

/** A run that ends with one more write, which changes nothing. */
function writing(): Code {
  let send: Transport['send'] | undefined;
  return {
    ...REAL,
    connectServices(inputs, connection, ...rest) {
      send = connection.send;
      return REAL.connectServices(inputs, connection, ...rest);
    },
    async run(...given) {
      const result = await REAL.run(...given);
      const url = `https://${given[0].domain}/api/v2/clients/nobody`;
      await send?.({ method: 'PATCH', url, headers: {}, body: '{}' });
      return result;
    },
  };
}

test.each([
  ['is left alone breaks nothing', REAL, []],
  ['is written all the same breaks L1', writing(), ['L1: a settled client is written: PATCH']],
])('a settled client that %s', async (_, code, expected) => {
  const settled = scenario('settled', { force: false });
  const execution = new Execution(new World(settled, all), code);
  await heal(execution, new Healed(), settled, false);
  expect(execution.invariants.violations.map(({ invariant, detail }) => `${invariant}: ${detail}`)).toEqual(
    expected,
  );
});

/** Its runs cannot log in. */
const lockedOut: Code = {
  ...REAL,
  async run(...given) {
    const error = new RotationError('AUTH0_UNAUTHORIZED', { failed: 'No login.', remedy: '' });
    return { ...(await REAL.run(...given)), error };
  },
};

test.each([
  ['by what is admitted, is nobody that a run could heal', true, []],
  [
    'by nothing that is admitted, breaks L1',
    false,
    [expect.stringContaining('the next run fails: No login.')],
  ],
])('who manages the tenant and is locked out %s', async (_, lasting, expected) => {
  const settled = scenario('settled', { force: false, isManager: true });
  const execution = new Execution(new World(settled, all), lockedOut);
  const { invariants } = execution;
  invariants.residuals.push({ kind: 'whole rotation', location: 'elsewhere', at: 0, lasting });
  await heal(execution, new Healed(), settled, false);
  expect(invariants.violations.map(({ detail }) => detail)).toEqual(expected);
});

test('a run that says that its credential was removed again, while it is there, breaks the truth', async () => {
  const begun = () => new Execution(new World(scenario('ours alone'), all), REAL);
  const clean = begun();
  const put = (await play(clean, clean.start('A'))).find(({ request }) => request.method === 'PUT');
  const execution = begun();
  const { invariants, world } = execution;
  const actor = execution.start('A');
  const fault: Fault = { name: 'refused', deliveries: [{ kind: 'refuse', status: 400 }] };
  await play(execution, actor, [{ at: put?.index ?? 0, fault }]);
  expect([actor.result?.error?.stateNow, invariants.violations]).toEqual([expect.any(String), []]);
  // Its upload lands once more.
  const post = execution.trace.find(
    ({ request }) => request.method === 'POST' && request.url.endsWith('/credentials'),
  );
  if (!post) throw new Error('nothing was uploaded');
  execution.trace.push(post);
  invariants.after(post, world.handle(post.request));
  invariants.end(actor);
  expect(invariants.violations.map(({ detail }) => detail)).toContain(
    'A says that its credential was removed again, and it is there',
  );
});

describe('I6: a key is seen', () => {
  const hidden: [string, (line: string) => string][] = [
    ['as it is', (line) => line],
    ['as a part of an address', encodeURIComponent],
    [
      'encoded to the last character',
      (line) => line.replace(/./g, (one) => `%${one.charCodeAt(0).toString(16)}`),
    ],
  ];

  test.each(hidden)('%s, in every part of a request and in what a run tells', (_, encode) => {
    const world = new World(scenario('ours alone'), all);
    const text = `key=${encode(material('C1').secretLine)}&more=x`;
    const request = { method: 'POST', url: 'https://tenant.test/', headers: {}, body: '' } as const;
    expect(leaked(world, request)).toBeUndefined();
    expect(leaked(world, { ...request, url: `${request.url}?${text}` })).toBe('C1');
    expect(leaked(world, { ...request, headers: { 'x-any': text } })).toBe('C1');
    expect(leaked(world, { ...request, body: text })).toBe('C1');
    expect(leakedIn(world, ['nothing', text])).toBe('C1');
  });
});
