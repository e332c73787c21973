/** A proof alone, against an edge that only answers: what is requested, with which key, and what each answer means. */

import { describe, expect, it } from 'vitest';
import { type ProofServices, Prover } from '../../../src/apply/prove.ts';
import type { ProofResult } from '../../../src/auth0/proof.ts';
import type { LogEntry } from '../../../src/auth0/records.ts';
import { RotationError } from '../../../src/errors.ts';
import { Cancellation } from '../../../src/http/clock.ts';
import { Service } from '../../../src/http/service.ts';
import { type HttpRequest, NetworkError } from '../../../src/http/wire.ts';
import type { KeyFacts, Pair } from '../../../src/model/key-pair.ts';
import type { ObservedState } from '../../../src/model/observed-state.ts';
import type { Plan } from '../../../src/model/plan.ts';
import { selfSignedCertificate } from '../../emulators/tls.ts';
import { DAY, type DesiredChanges, desired, NOW, type StateSeed, state } from '../../support/states.ts';

const { cert, key } = selfSignedCertificate('shop');
const PAIR: Pair = { certificate: cert, privateKey: key };
const FACTS: KeyFacts = {
  identity: 'identity-n',
  thumbprint: 'thumbprint-n',
  subject: 'CN=client',
  keySize: 2048,
  notBefore: new Date(NOW),
  notAfter: new Date(NOW + DAY),
};

type Answer = [status: number, body: object | string];
const tokenOf = (thumbprint: string | undefined): Answer => {
  const claims = thumbprint ? { cnf: { 'x5t#S256': thumbprint } } : {};
  return [200, { access_token: `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.x` }];
};
const TOKEN = tokenOf(undefined);
const NOBODY: Answer = [401, { error: 'access_denied', error_description: 'Unauthorized' }];
const BROKEN: Answer = [400, { error: 'invalid_request' }];
const GOOD: Answer = [403, { error: 'invalid_grant' }];
const PAGE: Answer = [403, '<html>'];
const NO_API: Answer = [403, { error: 'unauthorized_client' }];

interface World {
  answers?: readonly Answer[];
  changes?: DesiredChanges;
  seed?: StateSeed;
  /** Grant types of the client. */
  grants?: readonly string[];
  observing?: (observed: ObservedState) => ObservedState;
  services?: Partial<ProofServices>;
  /** What the workflow passed; by default a pair. */
  pair?: Pair | undefined;
  /** Its facts could not be read. */
  unknown?: true;
  logs?: readonly Partial<LogEntry>[];
  /** The steps of the plan. */
  steps?: Plan['steps'];
  /** The subject is registered already. */
  reuses?: string;
  /** In place of an answer. */
  failing?: () => Promise<never>;
}

/** A prover of `identity-a`, whose pair is in use, and of the new one. */
function proving(world: World = {}) {
  const { answers = [TOKEN], changes, grants, logs = [], observing = (one) => one, seed } = world;
  const of = desired({ ...(world.unknown ? {} : { current: 'a' }), ...changes });
  const seen = state(of, { credentials: [{ id: 'a', age: 60 }], written: [59], ...seed });
  const client = seen.client && { ...seen.client, ...(grants ? { grantTypes: grants } : {}) };
  const sent: HttpRequest[] = [];
  let searches = 0;
  let time = NOW;
  const clock = {
    now: () => time,
    sleep: async (milliseconds: number) => {
      time += milliseconds;
    },
    random: () => 0,
  };
  const cancellation = new Cancellation(new AbortController().signal);
  const send = async (request: HttpRequest) => {
    sent.push(request);
    await world.failing?.();
    const [status, body] = answers[Math.min(sent.length, answers.length) - 1] ?? NOBODY;
    return { status, headers: {}, body: typeof body === 'string' ? body : JSON.stringify(body) };
  };
  const services = {
    tenant: {
      now: () => time,
      logs: async () => {
        searches += 1;
        return logs;
      },
    } as unknown as ProofServices['tenant'],
    proofService: new Service('Auth0 proof', { send, clock, cancellation, debug: () => undefined }),
    domain: 'tenant.example',
    proofEndpoint: async () => 'https://mtls.example/oauth/token',
    pushedRequestEndpoint: async () => undefined,
    proveCurrentEarly: undefined,
    issueUnregistered: async () => PAIR,
    mask: () => undefined,
    clock,
    cancellation,
    ...world.services,
  };
  const currentPair = 'pair' in world ? world.pair : PAIR;
  const observed = observing({ ...seen, client });
  const plan = { reuses: world.reuses, steps: world.steps ?? [] };
  const prover = new Prover({ desired: of, observed, plan, currentPair }, services);
  const issued = { pair: PAIR, facts: FACTS };
  return {
    prover,
    sent,
    paths: () => sent.map(({ url }) => new URL(url).pathname.replace('/oauth/', '')).join(' '),
    searches: () => searches,
    prove: () => prover.prove('client', issued, NOW),
    control: () => prover.requireRefusalBefore('client', issued),
    beforeMove: () => prover.tryBeforeMethodChange('client', issued),
    beforeRemoval: () => prover.tryBeforeRemoval('client', issued),
  };
}
const NO_ENDPOINT = { proofEndpoint: async () => undefined };
const refused = (work: Promise<unknown>) =>
  expect(work).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });

describe('the proof of a pair whose token must be bound', () => {
  const changes = { tokenBinding: 'required' } as const;

  it('waits while Auth0 still issues tokens that are not bound', async () => {
    const { prove, sent } = proving({ changes, answers: [TOKEN, TOKEN, tokenOf(FACTS.thumbprint)] });
    expect([await prove(), sent.length]).toEqual(['proven and bound', 3]);
  });

  it('says that the token is not bound, and what the API must require', async () => {
    const { prove } = proving({ changes, answers: [TOKEN] });
    await expect(prove()).rejects.toMatchObject({
      code: 'VERIFICATION_FAILED',
      failed: 'The new certificate got no bound access token (cnf.x5t#S256 is missing).',
      remedy: expect.stringMatching(/^Let the API require it as well .* Or set token-binding: unchanged\.$/),
    });
  });

  it('does not wait if the token is bound to another certificate', async () => {
    const { prove, sent } = proving({ changes, answers: [tokenOf('other')] });
    await expect(prove()).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    expect(sent).toHaveLength(1);
  });
});

describe('the proof of the pair in use', () => {
  const proven: ProofResult = { outcome: 'proven', bound: false };

  it.each<[string, World, number]>([
    ['with it', {}, 1],
    ['by a refresh token', { grants: ['refresh_token'], answers: [GOOD] }, 1],
    ['not if the client uses another method', { seed: { method: 'client_secret_post' } }, 0],
    ['not if the workflow did not pass the pair', { pair: undefined }, 0],
    ['not if its facts are unknown', { unknown: true }, 0],
    ['not without an endpoint', { services: NO_ENDPOINT }, 0],
    ['not if no grant can prove it', { grants: ['password'] }, 0],
    ['not once it has expired', { observing: (one) => ({ ...one, now: NOW + 60 * DAY }) }, 0],
    ['up to its last moment', { observing: (one) => ({ ...one, now: NOW + 60 * DAY - 1 }) }, 1],
  ])('is requested %s', async (_, world, requests) => {
    const { prover, sent } = proving(world);
    await prover.proveCurrent();
    expect([sent.length, prover.notes]).toEqual([requests, []]);
  });

  it('uses the token that was requested early, but not for another kind of request', async () => {
    let asked = 0;
    const proveCurrentEarly = async () => {
      asked += 1;
      return proven;
    };
    const early = proving({ services: { proveCurrentEarly } });
    await early.prover.proveCurrent();
    expect([asked, early.sent.length]).toEqual([1, 0]);
    const other = proving({ services: { proveCurrentEarly }, grants: ['refresh_token'], answers: [GOOD] });
    await other.prover.proveCurrent();
    expect([asked, other.sent.length]).toEqual([1, 1]);
  });

  it('is requested again after a heal, which the early request does not show', async () => {
    const heal = { from: [], to: ['a'], interrupts: [], confirm: true };
    const steps: Plan['steps'] = [{ kind: 'associate-credentials', why: 'heal', ...heal }];
    const early: ProofResult = { outcome: 'refused', detail: 'too early', isIntercepted: false };
    const services = { proveCurrentEarly: async () => early };
    const healed = proving({ services, steps });
    await healed.prover.proveCurrent();
    expect([healed.sent.length, healed.prover.notes]).toEqual([1, []]);
    const refusedStill = proving({ services, steps, answers: [NOBODY] });
    await refusedStill.prover.proveCurrent();
    expect(refusedStill.prover.notes).toMatchObject([
      { text: expect.stringMatching(/could not log in \(401, access_denied[^)]*\)\. Consumers that use it/) },
    ]);
  });

  it('that Auth0 refuses says in a note who cannot log in, and since when', async () => {
    const { prover } = proving({
      answers: [NOBODY],
      steps: [{ kind: 'issue-certificate', what: 'a key pair' }],
    });
    await prover.proveCurrent();
    expect(prover.notes).toEqual([
      {
        severity: 'warning',
        text: expect.stringMatching(
          /current-credential could not log in \(401, access_denied.*\), before this run changed anything\. Consumers that use it cannot log in until they use the credential that this run delivers\./,
        ),
      },
    ]);
  });

  it('with a key that OpenSSL refuses is said in one sentence, and the new pair is tried instead', async () => {
    const weak = async () => {
      throw new NetworkError('ERR_SSL_EE_KEY_TOO_SMALL', 'no');
    };
    const late = proving({ failing: weak });
    const cause = await weak().catch((error: unknown) => error);
    const early = proving({
      answers: [NOBODY],
      services: {
        proveCurrentEarly: async () => {
          throw new RotationError('AUTH0_REQUEST_FAILED', { failed: 'Weak.', remedy: 'Mend it.', cause });
        },
      },
    });
    for (const { prover } of [late, early]) {
      await prover.proveCurrent();
      expect(prover.notes).toEqual([
        {
          severity: 'warning',
          text: expect.stringMatching(
            /^OpenSSL on this runner .* current-credential too weak \(ERR_SSL_EE_KEY_TOO_SMALL\), so the run could not try it\. .* NOT PROVEN .* The rotation goes on, [^.]*\.$/,
          ),
        },
      ]);
    }
    await early.beforeRemoval();
    expect([late.sent.length, early.sent.length]).toEqual([1, 1]);
  });

  it.each<[string, unknown, object]>([
    [
      'no network',
      new NetworkError('ENOTFOUND', 'no'),
      { code: 'AUTH0_REQUEST_FAILED', cause: { code: 'ENOTFOUND' } },
    ],
    ['a defect', new TypeError('broken'), { message: 'broken' }],
  ])('that has met %s stops the run', async (_, error, thrown) => {
    const { prover } = proving({ failing: () => Promise.reject(error) });
    await expect(prover.proveCurrent()).rejects.toMatchObject(thrown);
    expect(prover.notes).toEqual([]);
  });

  it.each([
    ['somebody else refuses', PAGE],
    ['fails in another way', BROKEN],
  ])('that %s stops the run', async (_, answer) => {
    await refused(proving({ answers: [answer] }).prover.proveCurrent());
  });
});

describe('the proof of a binding', () => {
  const bound = tokenOf('thumbprint-a');

  it.each<[string, boolean, Answer[], number, boolean]>([
    ['waits for a bound token', true, [TOKEN, TOKEN, bound], 3, true],
    ['takes any token before the change', false, [TOKEN], 1, true],
    ['does not repeat a refusal', true, [NOBODY, bound], 1, false],
  ])('%s', async (_, mustBeBound, answers, requests, succeeds) => {
    const { prover, sent } = proving({ answers });
    const work = prover.proveToken(mustBeBound);
    await (succeeds ? work : refused(work));
    expect(sent).toHaveLength(requests);
  });

  it.each<[string, World]>([
    ['no pair', { pair: undefined }],
    ['no facts', { unknown: true }],
    ['no grant', { grants: ['password'] }],
    ['another grant', { grants: ['refresh_token'] }],
  ])('is a defect with %s', async (_, world) => {
    await expect(proving(world).prover.proveToken(true)).rejects.toThrow('cannot be proven');
  });
});

describe('the control before an association', () => {
  const REFRESH: World = { grants: ['refresh_token'], changes: { verify: 'required' } };

  it('is not needed by a token request, and lets a refused key go on', async () => {
    const token = proving({ changes: { verify: 'required' } });
    await token.control();
    await token.beforeMove();
    expect(token.sent).toHaveLength(1);
    const refresh = proving({ ...REFRESH, answers: [NOBODY, GOOD] });
    await refresh.control();
    expect([await refresh.prove(), refresh.prover.by]).toEqual(['proven', 'refresh token']);
    await refused(proving({ ...REFRESH, answers: [GOOD] }).control());
  });

  it('is what makes such a proof', async () => {
    const { prove, prover } = proving({ grants: ['refresh_token'], answers: [GOOD] });
    expect([await prove(), prover.by]).toEqual(['not proven: no control', undefined]);
    await refused(proving({ ...REFRESH, answers: [GOOD] }).prove());
  });

  it.each<[string, World, number]>([
    ['if the client had another method', { seed: { method: 'client_secret_post' } }, 1],
    ['of a client that does not exist yet', { seed: { method: 'nothing' } }, 1],
    ['if the client was public, to see whether the proof reaches Auth0', { seed: { method: 'none' } }, 1],
    ['not without an endpoint', { services: NO_ENDPOINT }, 0],
    ['not if no grant can prove it', { grants: ['password'] }, 0],
  ])('of a change of method is requested %s', async (_, world, requests) => {
    const { beforeMove, sent } = proving({ answers: [NOBODY], ...world });
    await beforeMove();
    expect(sent).toHaveLength(requests);
  });

  it.each<[string, World, RegExp]>([
    ['the edge does not answer for Auth0', { answers: [[404, '<html>']] }, /\(404/],
    [
      'nothing controls it',
      { ...REFRESH, answers: [GOOD], changes: { verify: 'required' } },
      /no key .* can be proven/,
    ],
  ])('of a public client refuses its change if %s', async (_, world, words) => {
    const { beforeMove } = proving({ seed: { method: 'none' }, ...world });
    await expect(beforeMove()).rejects.toMatchObject({
      code: 'VERIFICATION_FAILED',
      message: expect.stringMatching(words),
    });
  });

  it('of a public client goes on whatever Auth0 says of its key', async () => {
    for (const answer of [NOBODY, GOOD])
      await proving({ seed: { method: 'none' }, answers: [answer] }).beforeMove();
  });
});

/** A web application, whose keys a pushed request proves. */
const web = (answers: Answer[], world: World = {}) =>
  proving({
    answers,
    grants: ['authorization_code'],
    ...world,
    observing: (one) => ({
      ...one,
      client: one.client && { ...one.client, callback: 'https://shop.example/cb' },
    }),
    services: { pushedRequestEndpoint: async () => 'https://mtls.example/oauth/par' },
  });
const CREATED: Answer = [201, { request_uri: 'urn:x' }];
const REQUIRED: DesiredChanges = { verify: 'required' };

describe('a pushed request', () => {
  it.each<[string, Answer]>([
    ['the edge does not forward', [404, '<html>']],
    ['the edge allows to nobody', PAGE],
    ['the edge allows by another method only', [405, {}]],
    ['Auth0 takes only if it is signed', BROKEN],
  ])('that %s is replaced for the rest of the run, with a control', async (_, answer) => {
    const { control, paths, prove, prover } = web([answer, GOOD, NOBODY, GOOD], { changes: REQUIRED });
    await prover.proveCurrent();
    await control();
    expect([await prove(), await prove(), prover.by]).toEqual(['proven', 'proven', 'authorization code']);
    expect(paths()).toBe('par token token token token');
    expect(prover.notes).toEqual([
      {
        severity: 'notice',
        text: expect.stringMatching(/^A pushed authorization request cannot prove .* \(40\d, .* instead\.$/),
      },
    ]);
  });

  it.each<[string, Answer]>([
    ['401', NOBODY],
    ['403 of Auth0', [403, { error: 'access_denied' }]],
  ])('that refuses the key by %s is not replaced', async (_, answer) => {
    const { paths, prover } = web([answer]);
    await prover.proveCurrent();
    expect([paths(), prover.notes[0]?.severity]).toEqual(['par', 'warning']);
  });

  it('that refuses the client is an error, and not replaced', async () => {
    const { paths, prover } = web([[400, { error: 'invalid_client' }]]);
    await refused(prover.proveCurrent());
    expect(paths()).toBe('par');
  });

  it('that has succeeded is not replaced: what is refused then is the key', async () => {
    const { control, paths, prove, prover } = web([CREATED, BROKEN]);
    await prover.proveCurrent();
    await control();
    await refused(prove());
    expect(paths()).toBe('par par');
    const good = web([CREATED]);
    await good.prover.proveCurrent();
    expect([await good.prove(), good.prover.by]).toEqual(['proven', 'pushed request']);
  });

  it('that fails as its replacement does is in the message', async () => {
    const { prover } = web([[404, {}], BROKEN]);
    await expect(prover.proveCurrent()).rejects.toMatchObject({
      code: 'VERIFICATION_FAILED',
      failed: expect.stringMatching(
        /\(400, invalid_request; an earlier pushed authorization request got 404, /,
      ),
      remedy: expect.stringMatching(/^Auth0 refuses these requests themselves/),
    });
  });

  it('that is replaced leaves no control for a registered subject', async () => {
    const strict = web([BROKEN, GOOD], { changes: REQUIRED, reuses: 'a' });
    await refused(strict.prover.proveCurrent());
    expect(strict.paths()).toBe('par');
    const lax = web([BROKEN, GOOD], { reuses: 'a' });
    await lax.prover.proveCurrent();
    expect(await lax.prove()).toBe('not proven: no control');
    const open = web([BROKEN, GOOD], { changes: REQUIRED });
    await open.prover.proveCurrent();
    await expect(open.control()).rejects.toMatchObject({
      remedy: expect.stringContaining(
        'what refuses its pushed authorization requests (400, invalid_request)',
      ),
    });
  });

  it('whose refusal shows only after the association has had the control of its replacement', async () => {
    const first = { pair: undefined, changes: REQUIRED };
    const late = web([NOBODY, NOBODY, BROKEN, GOOD], first);
    await late.control();
    expect([await late.prove(), late.prover.by]).toEqual(['proven', 'authorization code']);
    expect(late.paths()).toBe('token par par token');
    for (const answer of [GOOD, PAGE]) {
      const open = web([answer, BROKEN, GOOD], { pair: undefined });
      await open.control();
      expect(await open.prove()).toBe('not proven: no control');
      const strict = web([answer, BROKEN, GOOD], first);
      await strict.control();
      await refused(strict.prove());
    }
    const unneeded = web([GOOD, CREATED], first);
    await unneeded.control();
    expect([await unneeded.prove(), unneeded.prover.by]).toEqual(['proven', 'pushed request']);
  });

  it('has that control before a change of method too, and none before a removal', async () => {
    const moved = web([NOBODY, NOBODY, BROKEN, GOOD], { pair: undefined });
    await moved.beforeMove();
    expect([await moved.prove(), moved.paths()]).toEqual(['proven', 'par token par token']);
    const replacedBefore = web([BROKEN, NOBODY, GOOD], { pair: undefined });
    await replacedBefore.beforeMove();
    expect([await replacedBefore.prove(), replacedBefore.paths()]).toEqual(['proven', 'par token token']);
    const given = web([NOBODY], { pair: undefined });
    await given.beforeRemoval();
    expect(given.paths()).toBe('par');
    const open = web([NOBODY, BROKEN, GOOD], { pair: undefined });
    await open.beforeRemoval();
    expect(await open.prove()).toBe('not proven: no control');
  });

  it('that is replaced lets a rehearsal try the unregistered key by the same request', async () => {
    const rehearsed = web([BROKEN, GOOD, NOBODY, GOOD, NOBODY], { changes: REQUIRED });
    await rehearsed.prover.proveCurrent();
    await rehearsed.control();
    expect(await rehearsed.prove()).toBe('proven');
    await rehearsed.prover.requireUnregisteredRefused();
    expect(rehearsed.paths()).toBe('par token token token token');
    const open = web([BROKEN, GOOD]);
    await open.prover.proveCurrent();
    await expect(open.prover.requireUnregisteredRefused()).rejects.toMatchObject({
      code: 'UNREGISTERED_ACCEPTED',
    });
  });
});

describe('before a credential gives way', () => {
  it('the new pair is tried, unless the pair in use was just proven', async () => {
    const exact = proving({ grants: ['refresh_token'], answers: [GOOD] });
    await exact.prover.proveCurrent();
    await exact.beforeRemoval();
    expect(exact.sent).toHaveLength(1);
    const old = proving({ answers: [NOBODY] });
    await old.prover.proveCurrent();
    await old.beforeRemoval();
    expect(old.sent).toHaveLength(2);
    const blind = proving({ pair: undefined, answers: [NOBODY] });
    await blind.prover.proveCurrent();
    await blind.beforeRemoval();
    expect(blind.sent).toHaveLength(1);
  });

  it('what would refuse it after the removal too is an error', async () => {
    await refused(proving({ pair: undefined, answers: [[400, '<html>']] }).beforeRemoval());
    await expect(proving({ pair: undefined, answers: [[502, '']] }).beforeRemoval()).rejects.toMatchObject({
      code: 'AUTH0_REQUEST_FAILED',
    });
    await proving({ pair: undefined, services: NO_ENDPOINT }).beforeRemoval();
  });
});

describe('the proof of the new pair', () => {
  it('that Auth0 refuses quotes the reason of the tenant logs, from the moment it began', async () => {
    const at = (age: number, reason: string) => ({ at: NOW - age, reason });
    const { prove, searches } = proving({
      answers: [NOBODY],
      logs: [at(3_001, 'too old'), at(1_000, 'the CA is unknown')],
    });
    await expect(prove()).rejects.toMatchObject({
      failed: expect.stringContaining('the log of Auth0: the CA is unknown)'),
    });
    expect(searches()).toBe(1);
  });

  it('that fails otherwise does not search the logs', async () => {
    const { prove, searches } = proving({ answers: [BROKEN], logs: [{ at: NOW, reason: 'another' }] });
    await refused(prove());
    expect(searches()).toBe(0);
  });

  it.each<[string, World, RegExp]>([
    ['advises to try the key in use', {}, /^Try the current certificate/],
    [
      'not if the primary holds nothing',
      { seed: { written: [undefined] } },
      /^Try any certificate of your own/,
    ],
    [
      'not if the client used another method',
      { seed: { method: 'client_secret_post' } },
      /^Try any certificate of your own/,
    ],
  ])('%s', async (_, world, remedy) => {
    const failing = proving({ answers: [BROKEN], ...world }).prove();
    await expect(failing).rejects.toMatchObject({ remedy: expect.stringMatching(remedy) });
  });

  it('of a client that was just made goes on only if it lacks a grant for the API', async () => {
    const create = (answer: Answer) => proving({ answers: [answer], changes: { operation: 'create' } });
    expect(await create(NO_API).prove()).toBe('not authorized');
    await refused(create(BROKEN).prove());
    await refused(create(NOBODY).prove());
  });

  it('says once that no binding is proven, and only if one is wanted and no token shows it', async () => {
    const notes = async (tokenBinding: 'required' | 'unchanged', token: boolean) => {
      const { control, prove, prover } = proving({
        changes: { tokenBinding },
        ...(token
          ? { answers: [tokenOf(FACTS.thumbprint)] }
          : { answers: [NOBODY, GOOD], grants: ['refresh_token'] }),
      });
      await control();
      const proofs = [await prove()];
      const first = [...prover.notes];
      proofs.push(await prove());
      expect(prover.notes).toEqual(first);
      return [...proofs, ...first.map(({ text }) => text)];
    };
    const unproven = expect.stringMatching(/^It is NOT PROVEN that access tokens are bound/);
    expect(await notes('required', false)).toEqual(['proven', 'proven', unproven]);
    expect(await notes('unchanged', false)).toEqual(['proven', 'proven']);
    expect(await notes('required', true)).toEqual(['proven and bound', 'proven and bound']);
  });

  it('signs with the algorithm of the key that it proves', async () => {
    const bare: Pair = { certificate: undefined, privateKey: key };
    const { prover, sent } = proving({
      changes: {
        method: 'private_key_jwt',
        signingAlgorithm: 'RS384',
        given: new Set(['signing-algorithm']),
      },
      pair: bare,
      seed: {
        credentials: [
          { id: 'b', age: 90 },
          { id: 'a', age: 60 },
        ],
      },
      observing: (one) => ({
        ...one,
        pool: one.pool.map((each) => ({ ...each, algorithm: each.id === 'a' ? 'PS256' : 'RS256' })),
      }),
    });
    await prover.proveCurrent();
    await prover.prove('client', { pair: bare, facts: FACTS }, NOW);
    const algorithms = sent.map(({ body }) => {
      const [header = ''] = (new URLSearchParams(body).get('client_assertion') ?? '').split('.');
      return (JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg: string }).alg;
    });
    expect(algorithms).toEqual(['PS256', 'RS384']);
  });
});

it.each<[string, World]>([
  ['an endpoint', { services: NO_ENDPOINT }],
  ['a grant', { grants: ['password'] }],
])('a rehearsal without %s is a defect', async (_, world) => {
  const work = proving(world).prover.requireUnregisteredRefused();
  await expect(work).rejects.toThrow('without an endpoint');
});
