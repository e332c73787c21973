import { expect, it } from 'vitest';
import { Delivery, pauseAfterDelivery } from '../../../src/apply/deliver.ts';
import { RotationError } from '../../../src/errors.ts';
import { SecretStore, type StoreResult } from '../../../src/github/secret-store.ts';
import { Cancellation } from '../../../src/http/clock.ts';
import { secretLocations } from '../../../src/model/desired-state.ts';
import type { Pair } from '../../../src/model/key-pair.ts';
import type { ObservedState } from '../../../src/model/observed-state.ts';
import type { Plan } from '../../../src/model/plan.ts';
import { desired } from '../../support/states.ts';

const NOW = Date.parse('2027-01-01T00:00:30Z');
const LONG_AGO = NOW - 3_600_000;
const place = (secretName: string) => ({
  location: { destination: { kind: 'repository' as const, owner: 'acme', repo: 'shop' }, secretName },
  times: { createdAt: LONG_AGO, updatedAt: LONG_AGO },
  githubTime: LONG_AGO,
});

/** Milliseconds that a run pauses where another one stored the second place at `updatedAt`, after this run looked. */
async function pause(updatedAt: number): Promise<number> {
  let slept = 0;
  const store = Object.create(SecretStore.prototype, {
    clock: { value: { offset: 0 } },
    times: { value: async () => ({ createdAt: LONG_AGO, updatedAt }) },
  }) as SecretStore;
  const clock = {
    now: () => NOW,
    random: () => 0,
    sleep: async (milliseconds: number) => {
      slept += milliseconds;
    },
  };
  const services = { clock, cancellation: new Cancellation(new AbortController().signal), store };
  const observed = { secrets: [place('ONE'), place('TWO')] } as unknown as ObservedState;
  await pauseAfterDelivery(observed, services, undefined);
  return slept;
}

it('waits after a delivery that another run finished meanwhile', async () => {
  expect(await pause(NOW - 1_000)).toBe(5_000);
  expect(await pause(LONG_AGO)).toBe(0);
});

/** What is to be done after each place has answered so. */
async function remedyAfter(...answers: StoreResult[]): Promise<string | undefined> {
  const wanted = desired({ destinations: ['repo:acme/shop', 'repo:acme/other'] });
  const plan = { revokes: [] } as unknown as Plan;
  const left = [...answers];
  const store = Object.create(SecretStore.prototype, { store: { value: async () => left.shift() } });
  const delivery = new Delivery(
    { store, mask: () => undefined, pkcs12Password: '' },
    { desired: wanted, plan },
  );
  const pair: Pair = { privateKey: 'key', certificate: 'certificate' };
  try {
    for (const location of secretLocations(wanted)) await delivery.put(location, pair, 'client');
    delivery.requireComplete();
    return undefined;
  } catch (error) {
    return error instanceof RotationError ? error.remedy : String(error);
  }
}

it('offers to take out a destination that nobody reads, but not the primary, which may hold the only copy of the key', async () => {
  const error = new RotationError('GITHUB_REQUEST_FAILED', { failed: 'It failed.', remedy: 'Mend it.' });
  const stored: StoreResult = { outcome: 'stored', at: NOW, mayRepeat: false };
  expect(await remedyAfter(stored, { outcome: 'refused', error })).toMatch(
    /^Mend it\. Or, if nobody reads it, take repo:acme\/other out of destinations\. /,
  );
  expect(await remedyAfter({ outcome: 'in doubt', error })).not.toContain('destinations');
});

it('offers another first destination where the primary has refused the write', async () => {
  const error = new RotationError('GITHUB_FORBIDDEN', { failed: 'It failed.', remedy: 'Mend it.' });
  expect(await remedyAfter({ outcome: 'refused', error })).toMatch(
    /^Mend it\. Or, if nobody reads it, take repo:acme\/shop out of destinations and in the same change add `moved-from: repo:acme\/shop/,
  );
});
