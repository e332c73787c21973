import { expect, it } from 'vitest';
import { upload } from '../../../src/apply/upload.ts';
import type { Tenant } from '../../../src/auth0/tenant.ts';
import type { Registration } from '../../../src/model/key-pair.ts';
import { plan } from '../../../src/plan/plan.ts';
import { type CredentialSeed, type DesiredChanges, desired, state } from '../../support/states.ts';

it.each<[string, DesiredChanges, CredentialSeed, RegExp]>([
  [
    'that is ours, and was made before the secret was written',
    { force: true },
    { id: 'd', age: 30, associated: false },
    /^may be held by a destination/,
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
    onRefused: () => {},
  };
  const uploading = upload(job, { clock, tenant }, asked);
  await expect(uploading).rejects.toMatchObject({
    code: 'CREDENTIAL_LIMIT',
    remedy: expect.stringMatching(/^Nobody can log in with f by this method/),
  });
});
