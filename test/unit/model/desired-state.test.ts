/** What a wish is made of. */

import { expect, it } from 'vitest';
import { isCredentialMethod, isSecretMethod, METHODS } from '../../../src/model/desired-state.ts';

it.each(METHODS)('%s is a method by credentials', (method) => {
  expect(isCredentialMethod(method)).toBe(true);
});

it.each(['client_secret_post', 'none', ''])('%j is none', (method) => {
  expect(isCredentialMethod(method)).toBe(false);
});

it.each([
  ['client_secret_post', true],
  ['client_secret_basic', true],
  ['none', false],
  ['private_key_jwt', false],
])('%s is a method by client secret: %s', (method, isSo) => {
  expect(isSecretMethod(method)).toBe(isSo);
});
