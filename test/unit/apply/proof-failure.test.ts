/** What to do about a key that could not be proven: it depends on who logs in by which key, and on what the run has taken back. */

import { describe, expect, it } from 'vitest';
import {
  currentRefused,
  noControl,
  noEndpointToBind,
  noGrant,
  notBindable,
  proofError,
  unregisteredAccepted,
} from '../../../src/apply/proof-failure.ts';
import { RotationError } from '../../../src/errors.ts';
import { type DesiredChanges, desired } from '../../support/states.ts';

const refused = { outcome: 'refused', detail: '401', isIntercepted: false } as const;
const unauthorized = { ...refused, outcome: 'unauthorized' } as const;
const KEY: DesiredChanges = { method: 'private_key_jwt' };

describe('the remedy of a new key that was not proven', () => {
  it.each<[string, DesiredChanges, boolean, RegExp, RegExp]>([
    ['tries the certificate in use', {}, true, /Try the current certificate/, /of your own/],
    ['tries any certificate where none is in use', {}, false, /any certificate of your own/, /current/],
    ['looks at the method of the client that uses keys', KEY, true, /must be Private Key JWT/, /Do not/],
    ['looks at it at the first delivery too', KEY, false, /must be Private Key JWT/, /Do not/],
    [
      'forbids to switch a client by hand that was moved back',
      { ...KEY, operation: 'enroll' },
      false,
      /^Do not switch the client to Private Key JWT by hand/,
      /must be Private Key JWT/,
    ],
    [
      'forbids it for a client that was deleted again',
      { ...KEY, operation: 'create', clientId: '' },
      false,
      /^Do not switch/,
      /must be Private Key JWT/,
    ],
    [
      'of a client that was enrolled before is that of a rotation',
      { ...KEY, operation: 'enroll' },
      true,
      /must be Private Key JWT/,
      /Do not/,
    ],
  ])('%s', (_, changes, isInUse, words, not) => {
    const { remedy } = proofError(desired(changes), refused, isInUse);
    expect(remedy).toMatch(words);
    expect(remedy).not.toMatch(not);
  });

  it('authorizes a client that is there, and does not send to one that was deleted again', () => {
    expect(proofError(desired(), unauthorized, true).remedy).toMatch(
      /authorize client\. Or set verify-audience/,
    );
    const { remedy } = proofError(desired({ operation: 'create', clientId: '' }), unauthorized, false);
    expect(remedy).toMatch(/^A new client .* verify: auto .* authorize .* force: true and verify: required/);
    expect(remedy).not.toContain('Dashboard');
    const there = proofError(desired({ operation: 'create' }), unauthorized, true);
    expect(there.remedy).toMatch(/authorize client\./);
  });

  it('is that of the outage if a service is down', () => {
    const outage = new RotationError('AUTH0_REQUEST_FAILED', { failed: 'Down.', remedy: 'Start a new run.' });
    const down = { ...refused, outcome: 'failed', outage } as const;
    expect([proofError(desired(), down, true), currentRefused(desired(), down)]).toEqual([outage, outage]);
  });
});

describe.each([noGrant, noControl])('a client that cannot be proven: %o', (errorOf) => {
  it('is delivered without a proof, which a rehearsal cannot do', () => {
    expect(errorOf(desired()).remedy).toMatch(/^Set verify: auto/);
    const { remedy } = errorOf(desired({ operation: 'rehearse' }));
    expect(remedy).toMatch(/cannot be rehearsed as it is/);
    expect(remedy).not.toMatch(/Set verify/);
  });

  it('is named, with what it lacks', () => {
    const { code, failed } = errorOf(desired());
    expect([code, failed]).toEqual([
      'VERIFICATION_FAILED',
      expect.stringMatching(/ client client (has no grant|can be proven: it has no grant)/),
    ]);
  });
});

const API: DesiredChanges = { verifyAudience: 'https://shop' };

describe('what failed', () => {
  it.each<[string, DesiredChanges, typeof refused | typeof unauthorized, string | undefined, string]>([
    ['a certificate', {}, refused, undefined, 'The new certificate could not log in (401).'],
    ['a key', KEY, refused, undefined, 'The new key could not log in (401).'],
    [
      'and what the tenant logs say of it',
      {},
      refused,
      'Unknown client',
      'The new certificate could not log in (401; the log of Auth0: Unknown client).',
    ],
    [
      'a login without an API',
      {},
      unauthorized,
      undefined,
      'The new certificate may not send the request that would prove it (401).',
    ],
    [
      'a login for an API, by its name',
      API,
      unauthorized,
      undefined,
      'The new certificate may not get a token for the API https://shop (401).',
    ],
  ])('is %s', (_, changes, result, logged, failed) => {
    const error = proofError(desired(changes), result, true, logged);
    expect([error.code, error.failed]).toEqual(['VERIFICATION_FAILED', failed]);
  });

  it('is the pair in use, before the run has changed anything', () => {
    const { code, failed, remedy } = currentRefused(desired(), refused);
    expect([code, failed]).toEqual([
      'VERIFICATION_FAILED',
      'The pair in current-credential could not log in (401), so the new pair would fail too.',
    ]);
    expect(remedy).toMatch(/^Try the current certificate/);
  });
});

describe('a key that no request can prove, each for another reason than the key', () => {
  const failed = { outcome: 'failed', detail: '404', isIntercepted: false, pushed: '405, no' } as const;

  it.each<[string, 'path' | 'request', DesiredChanges, RegExp]>([
    [
      'the edge forwards neither',
      'path',
      { tokenBinding: 'required' },
      /^Let the edge forward POST requests.*\)\.$/,
    ],
    ['the tenant has neither', 'path', KEY, /^Check that auth0-domain is the tenant's own host/],
    [
      'Auth0 takes neither',
      'request',
      {},
      /refuses these requests themselves.* leave its method and credentials/,
    ],
    ['Auth0 takes neither of a key', 'request', KEY, /refuses these requests themselves/],
  ])('%s', (_, objection, changes, remedy) => {
    for (const error of [
      proofError(desired(changes), { ...failed, objection }, true, 'logged'),
      currentRefused(desired(changes), { ...failed, objection }),
    ]) {
      expect(error.failed).toContain('(404; an earlier pushed authorization request got 405, no');
      expect(error.remedy).toMatch(remedy);
    }
  });

  it.each([
    ['the key is refused', { ...failed, outcome: 'refused', objection: 'path' } as const],
    ['nothing says why', failed],
    ['no pushed request was sent', { ...failed, pushed: undefined, objection: 'path' } as const],
    ['no pushed request was sent, by Auth0', { ...failed, pushed: undefined, objection: 'request' } as const],
  ])('is not what is told if %s', (_, result) => {
    expect(currentRefused(desired(), result).remedy).toMatch(/^Try the current certificate/);
  });

  it('has no control, and the way out is what refuses the pushed requests', () => {
    expect(noControl(desired(), '404, a page').remedy).toMatch(
      /^Set verify: auto .*\. Or remove what refuses its pushed authorization requests \(404, a page\)\.$/,
    );
    expect(noControl(desired()).remedy).toMatch(
      / Or let discovery name .* give the client the grant authorization_code and a callback\.$/,
    );
  });
});

describe('the way to authorize a client', () => {
  it.each<[string, DesiredChanges, RegExp]>([
    ['names the API', API, /APIs, the API with the identifier https:\/\/shop, .*authorize client\./],
    ['names no API where none was asked for', {}, /APIs, an API, .*authorize client\./],
    ['has words for a client without an id', { clientId: '' }, /authorize the client\./],
  ])('%s', (_, changes, words) => {
    expect(proofError(desired(changes), unauthorized, true).remedy).toMatch(words);
  });
});

it('an API that does not require bound tokens may be the cause if this run requires them, and only then', () => {
  const remedy = (changes: DesiredChanges) => proofError(desired(changes), refused, true).remedy;
  expect(remedy({ tokenBinding: 'required' })).toMatch(
    /curl.* With token-binding: required the API must require it as well \(proof_of_possession/,
  );
  expect(remedy({})).toMatch(/remove that list\.$/);
});

describe('a pair in use to which tokens cannot be bound', () => {
  const proven = { outcome: 'proven', bound: false } as const;
  const outage = new RotationError('AUTH0_REQUEST_FAILED', { failed: 'Down.', remedy: 'Start a new run.' });
  const UNBOUND = 'Or set token-binding: unchanged.';

  it.each<[string, Parameters<typeof notBindable>[1], boolean, RegExp, RegExp]>([
    [
      'gets no token before: nothing is bound, and its login is mended first',
      refused,
      false,
      /gets no token \(401\), so access tokens are not bound/,
      /^Try the current certificate .*remove that list\. Or set/,
    ],
    [
      'may not use the API',
      unauthorized,
      false,
      /gets no token/,
      /^In the Auth0 Dashboard.* may use\. Or set/,
    ],
    [
      'gets none any more once they are bound: the API must bind them',
      refused,
      true,
      /^With access tokens bound, .* gets no bound token \(401\)/,
      /^Let the API require it as well .*start a new run\. Or set/,
    ],
    [
      'gets one that is not bound',
      proven,
      true,
      /gets no bound token \(the token is not bound \(cnf\.x5t#S256 is missing\)\)/,
      /^Let the API require it/,
    ],
    ['gets one that is not bound, before', proven, false, /the token is not bound/, /^Or set/],
  ])('%s', (_, result, isBound, failed, remedy) => {
    const error = notBindable(desired({ tokenBinding: 'required' }), result, isBound);
    expect([error.code, error.failed, error.remedy]).toEqual([
      'VERIFICATION_FAILED',
      expect.stringMatching(failed),
      expect.stringMatching(remedy),
    ]);
    expect(error.remedy.endsWith(UNBOUND)).toBe(true);
    expect(error.remedy).not.toContain('With token-binding');
  });

  it('is not the cause if a service is down', () => {
    expect(notBindable(desired(), { ...refused, outcome: 'failed', outage }, true)).toBe(outage);
  });

  it('cannot be tried where no endpoint asks for a certificate', () => {
    const { code, failed, remedy } = noEndpointToBind();
    expect(code).toBe('MTLS_ENDPOINT_NOT_FOUND');
    expect(failed).toMatch(/not bound .* Only a token endpoint .* discovery names none/);
    expect(remedy).toMatch(/mtls-domain .*Or set token-binding: unchanged\.$/);
  });
});

describe('an unregistered key that was accepted', () => {
  it.each<[DesiredChanges['method'], 'token' | 'refresh token', RegExp, RegExp]>([
    [
      'self_signed_tls_client_auth',
      'token',
      /^An unregistered certificate got an access token of client client: anybody/,
      /forward exactly that one \(client-certificate\)/,
    ],
    [
      'tls_client_auth',
      'refresh token',
      /^An unregistered certificate was accepted for client client: anybody/,
      /client-certificate-ca-verified: SUCCESS only/,
    ],
    [
      'private_key_jwt',
      'token',
      /^An assertion of an unregistered key got an access token of client client/,
      /client_authentication_methods of the client is private_key_jwt/,
    ],
  ])('of %s: says what it got, and closes the door (%s)', (method = 'tls_client_auth', asked, got, close) => {
    const { code, failed, remedy } = unregisteredAccepted(desired({ method }), asked);
    expect(code).toBe('UNREGISTERED_ACCEPTED');
    expect(failed).toMatch(got);
    expect(remedy).toMatch(close);
    expect(remedy).toMatch(/ Then rehearse again\.$/);
  });
});
