import { expect, it } from 'vitest';
import { pauseAfterDelivery } from '../../../src/apply/deliver.ts';
import { SecretStore } from '../../../src/github/secret-store.ts';
import { Cancellation } from '../../../src/http/clock.ts';
import type { ObservedState } from '../../../src/model/observed-state.ts';

const NOW = Date.parse('2027-01-01T00:00:30Z');
const LONG_AGO = NOW - 3_600_000;
const place = (secretName: string) => ({
  location: { destination: { kind: 'repository' as const, owner: 'acme', repo: 'shop' }, secretName },
  times: { createdAt: LONG_AGO, updatedAt: LONG_AGO },
  version: LONG_AGO,
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
