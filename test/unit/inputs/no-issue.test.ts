/** A run that issues nothing is not stopped by the age of what it would issue with. A watch and a revert are needed most when that has run out. */

import { X509Certificate } from 'node:crypto';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import { readInputs } from '../../../src/inputs/inputs.ts';
import { type Made, Workshop } from '../../support/pem-spellings.ts';
import { DAY } from '../../support/states.ts';

const workshop = new Workshop();
afterAll(() => workshop[Symbol.dispose]());
beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'] }));
afterEach(() => void vi.useRealTimers());

const ca = workshop.issue('ca', { algorithm: 'P-256', profile: 'ca', days: 400 });
const leaf = workshop.issue('leaf', { issuer: 'ca', days: 60 });
const endOf = ({ cert }: Made) => new X509Certificate(cert).validToDate.getTime();

const GIVEN = {
  'auth0-domain': 'tenant.eu.auth0.com',
  'management-token': 'token',
  'github-token': 'github',
  'workflow-token': 'workflow',
  'authentication-method': 'tls_client_auth',
};
const AUTHORITY = { 'ca-certificate': ca.cert, 'ca-private-key': ca.key };
const BROUGHT = { certificate: leaf.cert, 'private-key': leaf.key };

type Given = Readonly<Record<string, string>>;

function read(inputs: Given) {
  const named = inputs.operation === 'create' ? { 'client-name': 'orders' } : { 'client-id': 'client' };
  const all = Object.entries({ ...GIVEN, ...named, ...inputs });
  return readInputs({
    GITHUB_REPOSITORY: 'acme/shop',
    ...Object.fromEntries(all.map(([name, value]) => [`INPUT_${name.toUpperCase()}`, value])),
  });
}

function problems(inputs: Given): readonly string[] {
  try {
    read(inputs);
    return [];
  } catch (error) {
    if (error instanceof RotationError) return error.problems;
    throw error;
  }
}

const IDLE: readonly Given[] = [
  { operation: 'watch' },
  { operation: 'revert' },
  { operation: 'plan', 'plan-of': 'revert' },
];
const ISSUING: readonly Given[] = [
  ...['rotate', 'rehearse', 'create', 'enroll'].map((operation) => ({ operation })),
  { operation: 'plan' },
  { operation: 'plan', 'plan-of': 'enroll' },
];

describe.each(IDLE)('%j', (operation) => {
  it.each([30, 5, -5])('goes on with a CA that has %i days left, as if none were given', (days) => {
    vi.setSystemTime(endOf(ca) - days * DAY);
    const { desired } = read({ ...operation, ...AUTHORITY });
    expect([desired.validityDays, desired.renewBeforeDays]).toEqual([90, 30]);
    // A watch estimates with it when a certificate ends.
    expect(desired.authorityEnd).toBe(endOf(ca));
  });

  it('goes on with a pair that has expired, and knows its dates', () => {
    vi.setSystemTime(endOf(leaf) + DAY);
    const { brought, validityDays } = read({ ...operation, ...BROUGHT }).desired;
    expect([brought?.notAfter?.getTime(), validityDays]).toEqual([endOf(leaf), 60]);
  });

  it('is told what is wrong at any time', () => {
    expect(problems({ ...operation, ...AUTHORITY, 'ca-private-key': leaf.key })).toEqual([
      "Input 'ca-certificate' does not belong to ca-private-key.",
    ]);
    expect(problems({ ...operation, ...BROUGHT, 'private-key': ca.key })).toEqual([
      "Input 'certificate' does not belong to private-key.",
    ]);
  });
});

describe.each(ISSUING)('%j', (operation) => {
  it('is refused with a CA that ends too soon or has ended', () => {
    vi.setSystemTime(endOf(ca) - 31 * DAY);
    expect(read({ ...operation, ...AUTHORITY }).desired).toMatchObject({
      validityDays: 90,
      authorityEnd: endOf(ca),
    });
    vi.setSystemTime(endOf(ca) - 30 * DAY);
    expect(problems({ ...operation, ...AUTHORITY })).toEqual([
      "Input 'renew-before-days' is 30, which must be less than the remaining days of ca-certificate (30).",
    ]);
    vi.setSystemTime(endOf(ca));
    expect(problems({ ...operation, ...AUTHORITY })).toEqual([
      expect.stringMatching(/^Input 'ca-certificate' holds a certificate that expired on/),
    ]);
  });

  it('is refused with a pair that has expired', () => {
    vi.setSystemTime(endOf(leaf));
    expect(problems({ ...operation, ...BROUGHT })).toEqual([
      expect.stringMatching(/^Input 'certificate' holds a certificate that expired on/),
    ]);
  });
});

it('a revert asks nothing of the days, and a watch judges by them', () => {
  const days = { 'validity-days': '20' };
  const words = "Input 'renew-before-days' is 30, which must be less than validity-days (20).";
  expect(problems({ operation: 'revert', ...days })).toEqual([]);
  expect(problems({ operation: 'watch', ...days })).toEqual([words]);
  expect(problems({ operation: 'plan', ...days })).toEqual([words]);
});
