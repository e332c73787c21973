/** What goes together, what an operation makes of an input, and what is masked: one row for each rule. */

import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import type { RotationError } from '../../../src/errors.ts';
import { readInputs, SECRET_INPUTS, secretsIn } from '../../../src/inputs/inputs.ts';

const GIVEN = {
  'auth0-domain': 'tenant.eu.auth0.com',
  'client-id': 'client',
  'github-token': 'github',
  'management-token': 'token',
};
function environment(
  inputs: Record<string, string>,
  context: Record<string, string> = {},
): Record<string, string> {
  const named = Object.entries({ ...GIVEN, ...inputs }).map(([name, value]) => [
    `INPUT_${name.toUpperCase()}`,
    value,
  ]);
  return { GITHUB_REPOSITORY: 'acme/shop', ...context, ...Object.fromEntries(named) };
}
const read = (inputs: Record<string, string>, context = {}) => readInputs(environment(inputs, context));
function problems(inputs: Record<string, string>): readonly string[] {
  try {
    read(inputs);
  } catch (error) {
    return (error as RotationError).problems;
  }
  return [];
}

describe('a secret input', () => {
  const action = parse(readFileSync('action.yml', 'utf8')) as { inputs: Record<string, unknown> };
  const secret = Object.keys(action.inputs).filter((name) =>
    /(private-key|client-secret|credential|token|password)$/.test(name),
  );

  it('is each that action.yml has', () => {
    expect([...SECRET_INPUTS].sort()).toEqual(secret.sort());
  });

  it.each(secret)('%s is masked, as it came in', (name) => {
    expect(secretsIn({ [`INPUT_${name.toUpperCase()}`]: ' CANARY of it \n' })).toEqual(['CANARY of it']);
  });

  it('that came in by the wrong name is not shown, line or not', () => {
    const body = 'QUJD'.repeat(20);
    for (const value of [body, `x ${body} y`, `-----BEGIN PRIVATE KEY-----${body.slice(0, 40)}`]) {
      const told = problems({ 'key-size': value }).join();
      expect(told).toContain("Input 'key-size'");
      expect(told).not.toMatch(/QUJDQUJD/);
    }
  });

  it('that is empty is none', () => {
    expect(secretsIn({ 'INPUT_GITHUB-TOKEN': ' ', INPUT_SUBJECT: 'CN=a' })).toEqual([]);
  });
});

describe('what does not go together', () => {
  it.each<[string, Record<string, string>, RegExp]>([
    [
      'a revocation that nobody forces',
      { revoke: 'previous' },
      /^Input 'revoke' is for an emergency and needs force: true/,
    ],
    [
      'a revocation of a rehearsal',
      { revoke: 'previous', force: 'true', operation: 'rehearse' },
      /^Input 'revoke' is only for/,
    ],
    [
      'a revocation of something else',
      { revoke: 'all', force: 'true' },
      /^Input 'revoke' is 'all'; write previous/,
    ],
    ['a rehearsal without a proof', { operation: 'rehearse', verify: 'off' }, /^Input 'verify' is off/],
    ['a client that is a path', { 'client-id': '..' }, /^Input 'client-id' is not a client id/],
    [
      'a name without create',
      { 'client-name': 'shop' },
      /^Input 'client-name' is only for operation: create/,
    ],
    [
      'a certificate of a bare key',
      { 'authentication-method': 'private_key_jwt', 'certificate-secret-name': 'C' },
      /^Input 'certificate-secret-name' is for a certificate/,
    ],
    [
      'a PKCS#12 of a bare key',
      { 'authentication-method': 'private_key_jwt', 'pkcs12-secret-name': 'P' },
      /^Input 'pkcs12-secret-name' is for a PKCS#12/,
    ],
    [
      'tokens that are bound to a bare key',
      { 'authentication-method': 'private_key_jwt', 'token-binding': 'required' },
      /^Input 'token-binding' cannot be required/,
    ],
    [
      'tokens that are bound to nothing',
      { operation: 'revert', 'token-binding': 'required' },
      /^Input 'token-binding'/,
    ],
    [
      'an algorithm of a certificate',
      { 'signing-algorithm': 'PS256' },
      /^Input 'signing-algorithm' is only for/,
    ],
    ['a secret of GitHub itself', { 'secret-name': 'GITHUB_x' }, /^Input 'secret-name' is 'GITHUB_x'/],
    [
      'one secret for two',
      { 'secret-name': 'A', 'private-key-secret-name': 'a' },
      /^Input 'secret-name' must differ/,
    ],
    [
      'Dependabot first',
      { destinations: 'dependabot:acme/shop' },
      /^Input 'destinations' names dependabot:acme\/shop first/,
    ],
    [
      'a destination twice',
      { destinations: 'repo:acme/shop\nrepo:Acme/shop' },
      /names repo:acme\/shop twice/,
    ],
    [
      'a password with a line end',
      { 'pkcs12-password': 'a\n' },
      /^Input 'pkcs12-password' begins or ends with white space/,
    ],
    ['a password that Java refuses', { 'pkcs12-password': 'ü' }, /^Input 'pkcs12-password' has a character/],
    [
      'a token and a client',
      { 'management-client-id': 'm' },
      /^Input 'management-token' cannot be given together/,
    ],
    [
      'a credential that stays and may go',
      { 'keep-credentials': 'cred_a cred_b', 'removable-credentials': 'cred_b' },
      /^Input 'removable-credentials' names cred_b/,
    ],
  ])('%s: %o', (_, inputs, words) => {
    expect(problems(inputs)).toEqual([expect.stringMatching(words)]);
  });

  it('a rotation and no token to store anything with; a plan and a revert need none', () => {
    expect(problems({ 'github-token': '' })).toEqual([
      expect.stringMatching(/^Input 'github-token' must not be empty/),
    ]);
    for (const operation of ['plan', 'revert'])
      expect(problems({ 'github-token': '', operation })).toEqual([]);
  });
});

describe('what is made of an input', () => {
  it.each<[string, Record<string, string>, object]>([
    ['a rehearsal proves', { operation: 'rehearse' }, { verify: 'required' }],
    [
      'and binds nothing',
      { operation: 'rehearse', 'token-binding': 'required' },
      { tokenBinding: 'unchanged' },
    ],
    ['a rotation does', { 'token-binding': 'required' }, { verify: 'auto', tokenBinding: 'required' }],
    ['a revocation', { revoke: 'previous', force: 'true' }, { revoke: true, force: true }],
    ['none', {}, { revoke: false, force: false, isManager: false, scheduled: false }],
    ['a path is a name', { 'client-id': '...' }, { clientId: '...' }],
  ])('%s: %o', (_, inputs, desired) => {
    expect(read(inputs).desired).toMatchObject(desired);
  });

  it('a run that a schedule has started is known, by its number and attempt', () => {
    const context = { GITHUB_EVENT_NAME: 'schedule', GITHUB_RUN_ID: '7', GITHUB_RUN_ATTEMPT: '2' };
    expect(read({}, context).desired).toMatchObject({ scheduled: true, run: '7.2' });
    expect(read({}).desired).toMatchObject({ run: '0.1' });
  });

  it.each([
    ['workflow_dispatch', false],
    ['', false],
    ['push', true],
    ['repository_dispatch', true],
    ['workflow_run', true],
  ])('a run by %s is no run of a person: %s', (event, scheduled) => {
    expect(read({}, { GITHUB_EVENT_NAME: event }).desired.scheduled).toBe(scheduled);
  });

  it('the client that the action logs in with is known', () => {
    const login = { 'management-token': '', 'management-client-secret': 's' };
    expect(read({ ...login, 'management-client-id': 'client' }).desired.isManager).toBe(true);
    expect(read({ ...login, 'management-client-id': 'other' }).desired.isManager).toBe(false);
  });
});
