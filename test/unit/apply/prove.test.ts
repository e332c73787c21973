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
  const prover = new Prover({ desired: of, observed, plan: { reuses: undefined }, currentPair }, services);
  const issued = { pair: PAIR, facts: FACTS };
  return {
    prover,
    sent,
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

  it('that Auth0 refuses says in a note who cannot log in, and since when', async () => {
    const { prover } = proving({ answers: [NOBODY] });
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
            /^This runner could not try the pair in current-credential, since .* too weak for OpenSSL \(ERR_SSL_EE_KEY_TOO_SMALL\)[^.]*; the rotation goes on[^.]*\.$/,
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
    ['not if the client was public', { seed: { method: 'none' } }, 0],
    ['not without an endpoint', { services: NO_ENDPOINT }, 0],
    ['not if no grant can prove it', { grants: ['password'] }, 0],
  ])('of a change of method is requested %s', async (_, world, requests) => {
    const { beforeMove, sent } = proving({ answers: [NOBODY], ...world });
    await beforeMove();
    expect(sent).toHaveLength(requests);
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
