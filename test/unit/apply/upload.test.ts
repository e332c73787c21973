import { describe, expect, it } from 'vitest';
import { upload } from '../../../src/apply/upload.ts';
import type { Refusal, Tenant } from '../../../src/auth0/tenant.ts';
import type { Registration } from '../../../src/model/key-pair.ts';
import type { Credential } from '../../../src/model/observed-state.ts';
import { plan } from '../../../src/plan/plan.ts';
import { type CredentialSeed, type DesiredChanges, desired, state } from '../../support/states.ts';

it.each<[string, DesiredChanges, CredentialSeed, RegExp]>([
  [
    'that is ours, and was made before the secret was written',
    { force: true },
    { id: 'd', age: 30, associated: false },
    /^perhaps held by a destination/,
  ],
  [
    'that was made by hand, and that a rehearsal does not associate again',
    { operation: 'rehearse', current: 'd' },
    { id: 'd', age: 30, by: 'hand', associated: false },
    /^held by repo:acme\/shop PEM/,
  ],
])('an upload that finds no room names nothing for deletion %s', async (_, changes, taken, whyKept) => {
  const wanted = desired(changes);
  // Somebody has taken it out, and its readers wait for it.
  const observed = state(wanted, {
    credentials: [{ id: 'a', age: 60 }, taken, { id: 'f', age: 50, by: 'hand', associated: false }],
    written: [20],
  });
  const planned = plan(wanted, observed);
  expect(planned.credentials.find(({ id }) => id === 'd')?.whyKept).toMatch(whyKept);
  const tenant = {
    createCredential: async () => ({ status: 400, message: 'the maximum of 2 credentials' }),
    credentials: async () => observed.pool,
    client: async () => observed.client,
  } as unknown as Tenant;
  const clock = { now: () => 0, sleep: async () => {}, random: () => 0 };
  const job = { desired: wanted, observed, plan: planned, currentPair: undefined };
  const asked = {
    registration: {} as Registration,
    identity: 'x',
    flight: { until: 0 },
    onNotMade: () => {},
  };
  const uploading = upload(job, { clock, tenant }, asked);
  await expect(uploading).rejects.toMatchObject({
    code: 'CREDENTIAL_LIMIT',
    remedy: expect.stringMatching(/^Nobody can log in with f by this method/),
  });
});

/** What is in the pool of a client whose credential `a` is in use. */
const WANTED = desired({ force: true });
const OBSERVED = state(WANTED, {
  credentials: [
    { id: 'a', age: 60 },
    { id: 'f', age: 50, by: 'hand', associated: false },
    { id: 'g', age: 40, by: 'hand', associated: false },
  ],
  written: [59],
});
const MINE = { id: 'n', name: 'mine', identity: 'identity-n' } as Credential;
const SAME_NAME = { ...MINE, id: 'm', identity: 'identity-m' };
const SINCE = { ...MINE, id: 'z', name: 'by hand', identity: 'identity-z' };
const EXISTS: Refusal = { status: 400, message: 'The credential already exists' };

/** @param answers of each POST, and @param pools of each read of the pool; the last ones stay */
function uploading(answers: readonly (Credential | Refusal | 'lost')[], ...pools: (readonly Credential[])[]) {
  const count = { posts: 0, reads: 0 };
  const flight = { until: 0 };
  const tenant = {
    createCredential: async (_: string, __: unknown, onUncertain: () => void) => {
      count.posts += 1;
      const answer = answers[Math.min(count.posts, answers.length) - 1];
      if (answer === 'lost') onUncertain();
      return answer;
    },
    credentials: async () => {
      count.reads += 1;
      return pools[Math.min(count.reads, pools.length) - 1] ?? OBSERVED.pool;
    },
    client: async () => OBSERVED.client,
  } as unknown as Tenant;
  const clock = { now: () => 1_000, sleep: async () => {}, random: () => 0 };
  const job = {
    desired: WANTED,
    observed: OBSERVED,
    plan: plan(WANTED, OBSERVED),
    currentPair: undefined,
  };
  const asked = {
    registration: { name: 'mine' } as Registration,
    identity: 'identity-n',
    flight,
    onNotMade: () => undefined,
  };
  return { count, flight, done: upload(job, { clock, tenant }, asked) };
}

describe('an upload', () => {
  it('that was answered is not looked for', async () => {
    const { count, done } = uploading([MINE]);
    expect([(await done).id, count]).toEqual(['n', { posts: 1, reads: 0 }]);
  });

  it('that got no answer is adopted if it is there, by its name and its key, and cannot land again', async () => {
    const { count, done, flight } = uploading(['lost'], [...OBSERVED.pool, SAME_NAME, MINE]);
    expect([(await done).id, count, flight.until]).toEqual(['n', { posts: 1, reads: 1 }, 0]);
  });

  it.each<[string, (Credential | Refusal | 'lost')[], RegExp]>([
    ['never gets an answer', ['lost'], /did not answer 3 uploads of the credential.*status page of Auth0/],
    [
      'is there already, and is never shown as ours',
      ['lost', EXISTS],
      /refused the credential .*already exists/,
    ],
  ])('that %s is tried three times, and the error says so', async (_, answers, words) => {
    const { count, done, flight } = uploading(answers, [...OBSERVED.pool, SAME_NAME]);
    await expect(done).rejects.toMatchObject({
      code: 'AUTH0_REQUEST_FAILED',
      message: expect.stringMatching(words),
    });
    expect([count.posts, flight.until]).toEqual([3, 61_000]);
  });

  it.each<[string, string, (readonly Credential[])[], RegExp[]]>([
    [
      'why each one is kept, and who may be deleted',
      'You have reached the maximum of 20 credentials',
      [[...OBSERVED.pool, SINCE]],
      [
        /a \((?!made since|undefined)[^)]+\), .*z \(made since this run began\)\./,
        /Nobody can log in with f, g by this method\. Delete one of them/,
      ],
    ],
    [
      'nobody if each is in use',
      'You have reached the maximum of 2 credentials',
      [OBSERVED.pool.slice(0, 1)],
      [/An authentication method holds two credentials at most/],
    ],
  ])('that finds no room names %s', async (_, message, pools, words) => {
    const { done } = uploading([{ status: 400, message }], ...pools);
    const error: unknown = await done.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'CREDENTIAL_LIMIT' });
    for (const one of words) expect(error).toMatchObject({ message: expect.stringMatching(one) });
  });
});
