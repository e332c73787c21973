/** What a wish is made of. */

import { expect, it } from 'vitest';
import { isCredentialMethod, METHODS } from '../../../src/model/desired-state.ts';

it.each(METHODS)('%s is a method by credentials', (method) => {
  expect(isCredentialMethod(method)).toBe(true);
});

it.each(['client_secret_post', 'none', ''])('%j is none', (method) => {
  expect(isCredentialMethod(method)).toBe(false);
});
