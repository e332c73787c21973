/** How a step is told: to a person in a sentence, to a test in a word. */

import { describe, expect, it } from 'vitest';
import type { SecretLocation } from '../../../src/model/secret-location.ts';
import { describeStep, ISSUED, type Step } from '../../../src/model/step.ts';
import { notation } from '../../support/notation.ts';

const repo: SecretLocation = {
  destination: { kind: 'repo', owner: 'acme', repo: 'shop' },
  secretName: 'PEM',
  part: 'pair',
};
const key: SecretLocation = { ...repo, secretName: 'KEY', part: 'private-key' };
const certificate: SecretLocation = { ...repo, secretName: 'CRT', part: 'certificate' };
const pkcs12: SecretLocation = { ...repo, secretName: 'P12', part: 'pkcs12' };
const associate = (
  why: Extract<Step, { kind: 'associate-credentials' }>['why'],
  from: string[],
  to: string[],
  interrupts: SecretLocation[] = [],
): Step => ({ kind: 'associate-credentials', why, from, to, interrupts, confirm: true });

const SELF_SIGNED = 'a key pair and a self-signed certificate';

describe('a step', () => {
  it.each<[Step, word: string, sentence: string]>([
    [
      { kind: 'issue-certificate', what: SELF_SIGNED },
      '!cert',
      'Issue a key pair and a self-signed certificate',
    ],
    [{ kind: 'create-credential' }, '+cred', 'Upload its public part as a credential'],
    [associate('add', ['a'], ['a', ISSUED]), '~[a,(issued)]', 'Associate the new credential alongside a'],
    [associate('add', [], [ISSUED]), '~[(issued)]', 'Associate the new credential'],
    [associate('heal', ['p'], ['p', 'a']), '~[p,a]', 'Associate a again, since a destination holds it'],
    [associate('make room', ['p', 'a'], ['a']), '~[a]', 'Disassociate p to make room'],
    [
      associate('make room', ['p', 'a'], ['a'], [repo, key]),
      '~[a]!!repo:acme/shop,repo:acme/shop/private-key',
      'Disassociate p to make room; INTERRUPTS repo:acme/shop PEM, repo:acme/shop KEY',
    ],
    [
      associate('retire', ['p', 'a'], ['a']),
      '~[a]',
      'Disassociate p since its successor is delivered everywhere',
    ],
    [associate('revoke', ['a', ISSUED], [ISSUED]), '~[(issued)]', 'Disassociate a since it is revoked'],
    [
      { kind: 'find-earlier-runs' },
      '?earlier-runs',
      'Look for workflow runs that may still hold the revoked credential',
    ],
    [associate('discard', ['a', 'x'], ['a']), '~[a]', 'Disassociate x since nobody has its key'],
    [{ kind: 'authenticate' }, '?auth', 'Prove it with a request to Auth0'],
    [
      { kind: 'authenticate-unregistered' },
      '?unregistered',
      'Send the same request with an unregistered key, which must be refused',
    ],
    [
      associate('rehearse', ['a', ISSUED], ['a']),
      '~[a]',
      'Disassociate the new credential since it was made only for this rehearsal',
    ],
    [
      { kind: 'store-secret', location: repo, source: 'issued' },
      '>repo:acme/shop',
      'Store it in repo:acme/shop PEM',
    ],
    [
      { kind: 'store-secret', location: repo, source: 'current-credential' },
      '>repo:acme/shop=',
      'Store the pair of current-credential in repo:acme/shop PEM',
    ],
    [
      { kind: 'store-secret', location: key, source: 'issued' },
      '>repo:acme/shop/private-key',
      'Store the private key in repo:acme/shop KEY',
    ],
    [
      { kind: 'store-secret', location: certificate, source: 'issued' },
      '>repo:acme/shop/certificate',
      'Store the certificate in repo:acme/shop CRT',
    ],
    [
      { kind: 'store-secret', location: pkcs12, source: 'issued' },
      '>repo:acme/shop/pkcs12',
      'Store its PKCS#12 in repo:acme/shop P12',
    ],
    [{ kind: 'delete-credential', id: 'p', why: 'make room' }, '-p', 'Delete p to make room'],
    [
      { kind: 'issue-certificate', what: 'the certificate that was issued elsewhere' },
      '!cert',
      'Take the certificate that was issued elsewhere',
    ],
    [
      { kind: 'create-client', name: 'shop', method: 'private_key_jwt' },
      '+client',
      'Create the client shop, which authenticates by private_key_jwt with it',
    ],
    [
      {
        kind: 'change-method',
        from: 'client_secret_post',
        to: 'tls_client_auth',
        credentials: ['a', ISSUED],
        interrupts: [repo, key],
      },
      '=tls_client_auth[a,(issued)]!!repo:acme/shop,repo:acme/shop/private-key',
      'Move the client from client_secret_post to tls_client_auth with a and the new credential: client_secret_post stops working at this moment; INTERRUPTS repo:acme/shop PEM, repo:acme/shop KEY',
    ],
    [
      { kind: 'change-method', from: 'tls_client_auth', to: 'none', credentials: [], interrupts: [] },
      '=none[]',
      'Move the client from tls_client_auth to the method none: tls_client_auth stops working at this moment',
    ],
    [{ kind: 'bind-tokens', required: true }, '&bound', 'Bind access tokens to the certificate'],
    [
      { kind: 'bind-tokens', required: true, proof: 'current-credential' },
      '&bound=',
      'Bind access tokens to the certificate, and prove it with current-credential',
    ],
    [{ kind: 'bind-tokens', required: false }, '&unbound', 'Stop binding access tokens to the certificate'],
    [associate('add', ['p', 'a'], ['p', 'a', 'b', 'c']), '~[p,a,b,c]', 'Associate b and c alongside p and a'],
    [associate('heal', [], ['a', 'b']), '~[a,b]', 'Associate a and b again, since a destination holds it'],
    [
      associate('retire', ['p', 'q'], []),
      '~[]',
      'Disassociate p and q since its successor is delivered everywhere',
    ],
    [{ kind: 'delete-credential', id: 'x', why: 'discard' }, '-x', 'Delete x since nobody has its key'],
    [
      { kind: 'delete-credential', id: 'x', why: 'newer' },
      '-x',
      'Delete x since a later run would take it for the one in use',
    ],
    [
      { kind: 'delete-credential', id: 'x', why: 'release' },
      '-x',
      'Delete x since removable-credentials names it',
    ],
  ])('%o', (step, word, sentence) => {
    expect([notation([step]), describeStep(step)]).toEqual([word, sentence]);
  });

  it('follows the other', () => {
    expect(notation([{ kind: 'issue-certificate', what: SELF_SIGNED }, { kind: 'authenticate' }])).toBe(
      '!cert ?auth',
    );
    expect(notation([])).toBe('');
  });
});
