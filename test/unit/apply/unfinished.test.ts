/** Runs that stop halfway: what they finish first, and whether what they say of the rest is true. */

import { describe, expect, it } from 'vitest';
import type { RunResult } from '../../../src/model/run-result.ts';
import type { Asked } from '../../protocol/scenarios.ts';
import { type Instead, type Meanwhile, Road } from '../../support/road.ts';

const PEM = 'AUTH0_MTLS_PEM';
const ENV = `env:acme/other/production ${PEM}`;
const REFUSED: Instead = { status: 403 };
const METHOD = 'self_signed_tls_client_auth';

async function run(start: string, asked: Partial<Asked>, meanwhile?: Meanwhile) {
  const road = await Road.begin(start, asked);
  const result = await road.run(meanwhile);
  return { road, ...result, code: result.error?.code, stateNow: result.error?.stateNow ?? '' };
}

const endings = ({ outcome }: Pick<RunResult, 'outcome'>) =>
  outcome?.steps.filter(({ outcome: ended }) => ended !== 'done').map(({ outcome: ended }) => ended);

describe('a destination that gets the current pair in three secrets', () => {
  const PARTS = [`PUT env ${PEM}`, 'PUT env AUTH0_KEY', 'PUT env AUTH0_CERTIFICATE'];
  const begin = (force: boolean, meanwhile: Meanwhile) =>
    run('partly delivered', { parts: true, force }, meanwhile);
  /** Does this once, when the first of the three is sent. */
  const afterFirst = (act: (road: Road) => void) => (line: string, count: number, road: Road) => {
    if (line === PARTS[0] && count === 1) act(road);
    return undefined;
  };
  const cancel = afterFirst((road) => road.cancel());
  const delay = afterFirst(({ world }) => {
    world.time += 601_000;
  });

  it.each<[string, Meanwhile]>([
    ['a cancellation', cancel],
    ['the deadline', delay],
  ])('gets all three in spite of %s', async (_, meanwhile) => {
    const { error, road } = await begin(false, meanwhile);
    expect([error, road.writes]).toEqual([undefined, PARTS]);
    expect(road.held.slice(3)).toEqual(['C1', 'C1', 'C1']);
  });

  it.each<[string, Meanwhile, string]>([
    ['a cancellation', cancel, 'CANCELLED'],
    ['the deadline', delay, 'DEADLINE_EXCEEDED'],
  ])('gets all three, and %s ends the run before its next step', async (_, meanwhile, wanted) => {
    const { code, road } = await begin(true, meanwhile);
    expect([code, road.writes]).toEqual([wanted, PARTS]);
  });

  it('gets all three before a failed read can end the run', async () => {
    const { code, road } = await begin(false, (line, _, { sent }) =>
      line === 'GET pool' && sent.includes(PARTS[0] ?? '') ? REFUSED : undefined,
    );
    expect([code, road.writes]).toEqual(['AUTH0_FORBIDDEN', PARTS]);
  });
});

it('a write of the current pair that is in doubt does not keep it from the other destinations', async () => {
  const { code, road } = await run('partly delivered, one of three', { force: false }, (line) =>
    line === `PUT env ${PEM}` ? 'dropped' : undefined,
  );
  expect([code, road.sent]).toEqual(['DELIVERY_INCOMPLETE', expect.arrayContaining([`PUT org ${PEM}`])]);
});

describe('an interruption that did not come', () => {
  it('is not told of a run that stopped right before it', async () => {
    const { code, error, road, stateNow } = await run(
      'partly delivered',
      { current: false },
      (line, _, { lines }) =>
        line === 'GET client' && lines.some((one) => one.startsWith('Disassociate')) ? REFUSED : undefined,
    );
    expect([code, error?.alarm, road.associated]).toEqual(['AUTH0_FORBIDDEN', undefined, ['P1', 'C1']]);
    expect(stateNow).toBe('Every destination keeps the credential that it holds.');
  });
});

describe('a delivered credential that somebody takes out', () => {
  const OUT = /^Somebody|Somebody else has taken cred_\w+ out, .* CANNOT LOG IN until it is\.$/;
  const takenOut =
    (put: string, body: (road: Road) => object): Meanwhile =>
    (line, _, road) => {
      if (line === put) road.world.admin(body(road));
      return line.startsWith('PATCH client [') && road.sent.includes(put) ? REFUSED : undefined;
    };
  const only = (label: string) => (road: Road) => ({
    client_authentication_methods: { [METHOD]: { credentials: [{ id: road.id(label) }] } },
  });
  const secret = () => ({
    client_authentication_methods: null,
    token_endpoint_auth_method: 'client_secret_post',
  });

  it.each<[string, string, Partial<Asked>, Meanwhile, string]>([
    [
      'and that cannot be associated again',
      'ours alone',
      {},
      takenOut(`PUT repo ${PEM}`, only('C1')),
      'AUTH0_FORBIDDEN',
    ],
    ['with its method', 'ours alone', {}, takenOut(`PUT repo ${PEM}`, secret), 'ROTATION_IN_PROGRESS'],
    [
      'while an old delivery is finished',
      'partly delivered',
      { force: false },
      takenOut(`PUT env ${PEM}`, only('P1')),
      'AUTH0_FORBIDDEN',
    ],
  ])('%s is an alarm', async (_, start, asked, meanwhile, wanted) => {
    const { code, error, stateNow } = await run(start, asked, meanwhile);
    expect([code, error?.alarm]).toEqual([wanted, expect.stringContaining('CANNOT LOG IN. Act at once')]);
    expect(stateNow).toMatch(OUT);
    expect(stateNow).not.toContain('stay associated');
  });
});

describe('a private-key secret and a certificate secret that do not match', () => {
  const NAMES = 'repo:acme/shop AUTH0_CERTIFICATE and repo:acme/shop AUTH0_KEY';

  it.each<[string, string, Instead, string]>([
    ['are', 'AUTH0_CERTIFICATE', REFUSED, 'do not match: consumers that read both CANNOT LOG IN'],
    [
      'may be',
      'AUTH0_CERTIFICATE',
      'dropped',
      'may not match: consumers that read both may not be able to log in',
    ],
    ['may be', 'AUTH0_KEY', 'dropped', 'may not match: consumers that read both may not be able to log in'],
  ])('%s told with an alarm: %s %o', async (_, name, instead, words) => {
    const { code, error, stateNow } = await run('ours alone', { parts: true }, (line) =>
      line === `PUT repo ${name}` ? instead : undefined,
    );
    expect([code, error?.alarm]).toEqual(['DELIVERY_INCOMPLETE', expect.stringMatching(/some consumers/)]);
    expect(stateNow).toContain(`${NAMES} ${words} until both hold one pair.`);
  });

  it('are not told of a destination that has kept both', async () => {
    const { error, stateNow } = await run('ours alone', { parts: true }, (line) =>
      line === 'PUT repo AUTH0_KEY' ? REFUSED : undefined,
    );
    expect([error?.alarm, stateNow]).toEqual([undefined, expect.not.stringContaining('match')]);
  });

  it('are told of a delivery that was to be finished, too', async () => {
    const { error, stateNow } = await run('partly delivered', { parts: true, force: false }, (line) =>
      line === 'PUT env AUTH0_CERTIFICATE' ? REFUSED : undefined,
    );
    expect([error?.alarm, stateNow]).toEqual([
      expect.stringMatching(/some consumers/),
      expect.stringContaining('do not match'),
    ]);
  });
});

describe('a secret that was not stored', () => {
  it.each<[Instead, string]>([
    [REFUSED, 'not stored'],
    ['dropped', 'in doubt'],
  ])('is not logged as done: %o', async (instead, ended) => {
    const result = await run('three settled', {}, (line) =>
      line === `PUT env ${PEM}` ? instead : undefined,
    );
    expect(endings(result)).toEqual([ended]);
  });

  it('does not count as delivered since it got the pair before', async () => {
    const { outcome } = await run('partly delivered', { force: true }, (line, count) =>
      line === `PUT env ${PEM}` && count === 2 ? REFUSED : undefined,
    );
    expect([outcome?.rotated, outcome?.delivered]).toEqual([true, [`repo:acme/shop ${PEM}`]]);
  });

  it('counts as delivered if the current pair is all that the run delivered', async () => {
    const { outcome } = await run('partly delivered', { force: false });
    expect([outcome?.rotated, outcome?.delivered]).toEqual([false, [ENV]]);
  });
});

describe('a renewal', () => {
  const RENEWS: Partial<Asked> = { method: 'tls_client_auth', renews: true };
  const shown = ({ world }: Road): Instead => {
    const { createdAt, updatedAt } = world.github.secret('repo:acme/shop', PEM) ?? {};
    return { status: 200, body: JSON.stringify({ name: PEM, created_at: createdAt, updated_at: updatedAt }) };
  };

  it("does not take its own write for another run's while the reads lag", async () => {
    let before: Instead | undefined;
    let late = 2;
    const { error, road } = await run('settled', RENEWS, (line, _, at) => {
      if (line === `PUT repo ${PEM}`) before = shown(at);
      if (line !== `GET repo ${PEM}` || before === undefined) return undefined;
      late -= 1;
      return late >= 0 ? before : undefined;
    });
    expect([error, road.waits]).toEqual([undefined, [250, 500]]);
  });

  it("does not take a repeated write that lands again for another run's", async () => {
    let puts = 0;
    const { error } = await run('settled', RENEWS, (line, _, { world }) => {
      if (line === `PUT repo ${PEM}`) puts += 1;
      if (line === 'GET client' && puts > 0) {
        world.time += 2_000;
        world.github.seedSecret('repo:acme/shop', PEM, 'its own', {
          updatedAt: world.time,
          createdAt: world.time,
        });
      }
      return line === `PUT repo ${PEM}` && puts === 1 ? 'lost' : undefined;
    });
    expect([error, puts]).toEqual([undefined, 2]);
  });
});

it('a client whose creation got no answer is looked for again once it has landed', async () => {
  const { code, road, stateNow } = await run(
    'no client',
    { operation: 'create', force: false },
    (line, count) => {
      if (line === 'POST clients') return 'lost';
      if (line !== 'GET clients' || count === 1 || count > 3) return undefined;
      return count === 2 ? REFUSED : { status: 200, body: '[]' };
    },
  );
  expect([code, road.world.clientIds]).toEqual(['AUTH0_FORBIDDEN', []]);
  expect(stateNow).toContain('The new client was deleted again.');
});

it('a client whose creation got no answer and that never shows is told', async () => {
  const { code, stateNow } = await run('no client', { operation: 'create', force: false }, (line, count) => {
    if (line === 'POST clients') return 'dropped';
    return line === 'GET clients' && count === 2 ? REFUSED : undefined;
  });
  expect([code, stateNow]).toEqual([
    'AUTH0_FORBIDDEN',
    expect.stringMatching(/^Auth0 shows no client of this run\./),
  ]);
});

describe('a pair in use that the run has associated again', () => {
  it('is tried after that, and not called locked out', async () => {
    const { error, outcome } = await run('held, not associated', { force: true });
    expect([error, outcome?.notes]).toEqual([undefined, []]);
  });

  it('is not said to have been refused before the run changed anything', async () => {
    const nobody = { status: 401, body: '{"error":"access_denied","error_description":"Unauthorized"}' };
    const { outcome } = await run('held, not associated', { force: true }, (line, count) =>
      line === 'POST token' && count <= 2 ? nobody : undefined,
    );
    expect(outcome?.notes).toMatchObject([
      {
        text: expect.stringMatching(/^The pair in current-credential could not log in \([^)]*\)\. Consumers/),
      },
    ]);
  });
});
