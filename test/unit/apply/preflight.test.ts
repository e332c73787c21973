/** What refuses a rotation before its first effect, and what does not. */

import { describe, expect, it } from 'vitest';
import { preflight } from '../../../src/apply/preflight.ts';
import type { Prover } from '../../../src/apply/prove.ts';
import type { ProofRequest } from '../../../src/auth0/proof.ts';
import { RotationError } from '../../../src/errors.ts';
import { SecretStore } from '../../../src/github/secret-store.ts';
import {
  type Destination,
  printDestination,
  type SecretLocation,
} from '../../../src/model/secret-location.ts';
import { desired, state } from '../../support/states.ts';

interface Situation {
  verify?: 'auto' | 'off' | 'required';
  endpoint?: 'none';
  /** undefined: the client has no grant that proves a key. */
  request?: ProofRequest | undefined;
  /** The subject is registered already. */
  reuses?: string;
  /** A destination that GitHub does not show. */
  hidden?: string;
  github?: 'not asked';
  /** The run binds access tokens. */
  binds?: true;
}

const REFRESH: ProofRequest = { kind: 'refresh token' };
const TOKEN: ProofRequest = { kind: 'token' };
const ENDPOINT = 'https://mtls.example/oauth/token';
const error = new RotationError('DESTINATION_NOT_FOUND', { failed: 'Gone.', remedy: 'Look.' });

/** @returns the code of the refusal, what was read of GitHub, and whether the pair in use was proven */
async function check({ binds, verify = 'auto', endpoint, hidden, github, reuses, ...rest }: Situation) {
  const request = 'request' in rest ? rest.request : TOKEN;
  const wanted = desired({
    destinations: ['repo:acme/shop', 'org:acme'],
    privateKeySecretName: 'KEY',
    verify,
  });
  const secrets = state(wanted).secrets.map((one) =>
    printDestination(one.location.destination) === hidden ? { ...one, refused: error } : one,
  );
  const read: string[] = [];
  const value = async (destination: Destination) => read.push(printDestination(destination));
  const checked = async ({ destination }: SecretLocation) =>
    destination.kind === 'org' && read.push(`visibility of ${printDestination(destination)}`);
  const store = Object.create(SecretStore.prototype, {
    publicKey: { value },
    checkVisibility: { value: checked },
  }) as SecretStore;
  const asked: string[] = [];
  const prover = {
    proofRequest: async () => {
      asked.push('grants');
      return request;
    },
    proveCurrent: async () => {
      asked.push('pair in use');
    },
  } as unknown as Prover;
  const services = {
    store: github === 'not asked' ? undefined : store,
    proofEndpoint: async () => (endpoint === 'none' ? undefined : ENDPOINT),
  };
  const refusal = await preflight(
    {
      desired: wanted,
      observed: { secrets },
      plan: { reuses, steps: binds ? [{ kind: 'bind-tokens', required: true }] : [] },
    },
    services,
    prover,
  ).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (refusal !== undefined && !(refusal instanceof RotationError)) throw refusal;
  return { refusal, read, asked };
}

describe('a rotation whose proof is required', () => {
  const required = { verify: 'required' } as const;

  it.each<[string, Situation, string, RegExp, RegExp]>([
    [
      'no endpoint asks for a certificate',
      { endpoint: 'none' },
      'MTLS_ENDPOINT_NOT_FOUND',
      /^A proof is required .*discovery names no token endpoint/,
      /^Set mtls-domain .* mTLS endpoint aliases/,
    ],
    [
      'the client has no grant',
      { request: undefined },
      'VERIFICATION_FAILED',
      /no grant that can prove a key/,
      /verify: auto/,
    ],
    [
      'nothing can show that Auth0 refuses the new pair without it',
      { request: REFRESH, reuses: 'a' },
      'VERIFICATION_FAILED',
      /same answer for an unregistered key/,
      /verify: auto/,
    ],
  ])('is refused if %s, and one that needs none is not', async (_, situation, code, failed, remedy) => {
    const { asked, refusal } = await check({ ...situation, ...required });
    expect(refusal).toMatchObject({
      code,
      failed: expect.stringMatching(failed),
      remedy: expect.stringMatching(remedy),
    });
    expect(asked).not.toContain('pair in use');
    expect((await check(situation)).refusal).toBeUndefined();
  });

  it('and one that binds tokens needs an endpoint, unless nothing is to be proven', async () => {
    const unproven = { endpoint: 'none', binds: true } as const;
    expect((await check(unproven)).refusal).toMatchObject({
      code: 'MTLS_ENDPOINT_NOT_FOUND',
      failed: expect.stringMatching(/^Access tokens were not bound/),
    });
    expect((await check({ ...unproven, verify: 'off' })).refusal).toBeUndefined();
    expect((await check({ binds: true })).refusal).toBeUndefined();
  });

  it.each<[string, Situation]>([
    ['a token shows it', {}],
    ['a token shows it, for a registered subject too', { reuses: 'a' }],
    ['a new subject is refused before its association', { request: REFRESH }],
  ])('goes on if %s', async (_, situation) => {
    const { asked, refusal } = await check({ ...situation, ...required });
    expect([refusal, asked]).toEqual([undefined, ['grants', 'pair in use']]);
  });
});

it('without an endpoint nothing is proven', async () => {
  expect((await check({ endpoint: 'none' })).asked).toEqual([]);
});

it('each destination that GitHub shows must let its public key be read, once', async () => {
  expect((await check({})).read).toEqual([
    'repo:acme/shop',
    'org:acme',
    // The pair's and the key's.
    'visibility of org:acme',
    'visibility of org:acme',
  ]);
  expect((await check({ hidden: 'org:acme' })).read).toEqual(['repo:acme/shop']);
  expect(await check({ github: 'not asked' })).toMatchObject({ refusal: undefined, read: [] });
});
