/** A delivery whose writes are refused or in doubt: what is told, what is to be done, and how long another run's delivery is respected. */

import { describe, expect, it } from 'vitest';
import { Delivery, pauseAfterDelivery, requireUnwritten } from '../../../src/apply/deliver.ts';
import { type ErrorCode, RotationError } from '../../../src/errors.ts';
import { SecretStore, type StoreResult } from '../../../src/github/secret-store.ts';
import { Cancellation } from '../../../src/http/clock.ts';
import { secretLocations } from '../../../src/model/desired-state.ts';
import type { Pair } from '../../../src/model/key-pair.ts';
import type { SecretTimes } from '../../../src/model/observed-state.ts';
import type { Plan } from '../../../src/model/plan.ts';
import { printLocation, type SecretLocation } from '../../../src/model/secret-location.ts';
import { virtualClock } from '../../support/clock.ts';
import { type DesiredChanges, desired, NOW, type StateSeed, state } from '../../support/states.ts';

const LONG_AGO = NOW - 3_600_000;
const TWO = ['repo:acme/shop', 'repo:acme/other'];
const error = new RotationError('GITHUB_FORBIDDEN', { failed: 'It failed.', remedy: 'Mend it.' });
const stored: StoreResult = { outcome: 'stored', at: NOW, mayLandAgain: false };
const refused: StoreResult = { outcome: 'refused', error };
const inDoubt: StoreResult = { outcome: 'in doubt', error };

/** What each place in turn shows. */
function storeWith(...answers: (number | 'missing')[]): SecretStore {
  const left = [...answers];
  const times = async (): Promise<SecretTimes | 'missing' | undefined> => {
    const updatedAt = left.shift();
    return typeof updatedAt === 'number' ? { createdAt: LONG_AGO, updatedAt } : updatedAt;
  };
  const clock = { value: { offset: 0 } };
  return Object.create(SecretStore.prototype, { clock, times: { value: times } }) as SecretStore;
}

const secrets = (...written: NonNullable<StateSeed['written']>) =>
  state(desired({ destinations: ['repo:acme/shop', 'repo:acme/other', 'org:acme'] }), { written }).secrets;

describe('the pause after a delivery', () => {
  /** How long a run pauses whose primary was written `minutes` ago. @param offset how far GitHub's clock is ahead */
  async function pause(minutes: number, store?: SecretStore, offset = 0): Promise<number[]> {
    const slept: number[] = [];
    const clock = {
      now: () => NOW - offset,
      random: () => 0,
      sleep: async (milliseconds: number) => {
        slept.push(milliseconds);
      },
    };
    const services = { clock, cancellation: new Cancellation(new AbortController().signal), store };
    const observed = state(desired({ destinations: TWO }), { written: [minutes, 60] });
    await pauseAfterDelivery(observed, services, undefined);
    return slept;
  }
  const ahead = (offset: number) => Object.create(storeWith(LONG_AGO), { clock: { value: { offset } } });

  it('follows a delivery that another run finished meanwhile', async () => {
    expect(await pause(60, storeWith(NOW - 1_000))).toEqual([5_000]);
    expect(await pause(60, storeWith(LONG_AGO))).toEqual([]);
    expect(await pause(60, storeWith('missing'))).toEqual([]);
  });

  it("is counted by GitHub's clock, and at most six seconds", async () => {
    expect(await pause(0.05, storeWith(LONG_AGO))).toEqual([3_000]);
    expect(await pause(0.05, ahead(60_000), 60_000)).toEqual([3_000]);
    expect(await pause(-1, storeWith(LONG_AGO))).toEqual([6_000]);
    expect(await pause(0.05)).toEqual([3_000]);
  });
});

describe('the secrets of other destinations', () => {
  const written = {
    code: 'ROTATION_IN_PROGRESS',
    failed: expect.stringContaining('secret of a destination'),
  };

  it.each<[string, (number | 'missing')[]]>([
    ['was written again', [LONG_AGO, NOW, 'missing']],
    ['was made meanwhile', [LONG_AGO, LONG_AGO, NOW]],
    ['was deleted meanwhile', ['missing', LONG_AGO, 'missing']],
  ])('stop a run that would interrupt their consumers if one %s', async (_, times) => {
    const work = requireUnwritten(secrets(60, 60, undefined), storeWith(...times));
    await expect(work).rejects.toMatchObject(written);
  });

  it('stop no run as long as they are as they were, and one that GitHub does not show is not asked for', async () => {
    await requireUnwritten(secrets(60, undefined, 60), storeWith(LONG_AGO, 'missing', LONG_AGO));
    const hidden = secrets(60, undefined, 60).map((one, index) =>
      index === 1 ? { ...one, refused: error } : one,
    );
    await requireUnwritten(hidden, storeWith(LONG_AGO, LONG_AGO));
    await requireUnwritten(secrets('unread', 'unread', 'unread'), undefined);
  });
});

interface Asked extends DesiredChanges {
  revokes?: readonly string[];
  source?: 'issued' | 'current-credential';
}

/** A delivery whose places answer so, and what it ends with. */
async function deliver({ revokes = [], source = 'issued', ...changes }: Asked, ...answers: StoreResult[]) {
  const wanted = desired({ destinations: TWO, ...changes });
  const asked: SecretLocation[] = [];
  const masks: string[] = [];
  const left = [...answers];
  const store = Object.create(SecretStore.prototype, {
    store: {
      value: async (location: SecretLocation) => {
        asked.push(location);
        return left.shift();
      },
    },
  }) as SecretStore;
  const locations = secretLocations(wanted);
  const steps = locations.map((location) => ({ kind: 'store-secret', location, source }));
  const services = {
    store,
    mask: (secret: string) => masks.push(secret),
    pkcs12Password: '',
    clock: virtualClock(NOW).clock,
    cancellation: new Cancellation(new AbortController().signal),
  };
  const plan = { revokes, steps } as unknown as Plan;
  const delivery = new Delivery(services, { desired: wanted, observed: state(wanted, {}), plan }, source);
  const pair: Pair = { privateKey: 'key', certificate: 'certificate' };
  let end: RotationError | undefined;
  try {
    for (const location of locations) await delivery.put(location, pair, 'client');
    delivery.requireComplete();
  } catch (thrown) {
    if (!(thrown instanceof RotationError)) throw thrown;
    end = thrown;
  }
  return { delivery, end, masks, asked: asked.map(printLocation) };
}

it('offers to take out a destination that nobody reads, but not the primary, which may hold the only copy of the key', async () => {
  expect((await deliver({}, stored, refused)).end?.remedy).toMatch(
    /^Mend it\. Or, if nobody reads it, take repo:acme\/other out of destinations\. /,
  );
  expect((await deliver({}, inDoubt)).end?.remedy).not.toContain('destinations');
});

it('offers another first destination where the primary has refused the write', async () => {
  const { delivery, end } = await deliver({}, refused);
  expect([end?.code, end?.remedy, delivery.begun]).toEqual([
    'GITHUB_FORBIDDEN',
    expect.stringMatching(
      /^Mend it\. Or, if nobody reads it, take repo:acme\/shop out of destinations and in the same change add `moved-from: repo:acme\/shop/,
    ),
    false,
  ]);
});

it.each<[ErrorCode, boolean]>([
  ['DESTINATION_NOT_FOUND', true],
  ['GITHUB_FORBIDDEN', true],
  ['GITHUB_REQUEST_FAILED', false],
  ['CANCELLED', false],
  ['DEADLINE_EXCEEDED', false],
])('takes an error for one of the destination only if it is: %s', async (code, isOfDestination) => {
  const failed = new RotationError(code, { failed: 'It failed.', remedy: 'Mend it.' });
  for (const answers of [
    [{ outcome: 'refused', error: failed }],
    [stored, { outcome: 'refused', error: failed }],
  ])
    expect((await deliver({}, ...(answers as StoreResult[]))).end?.remedy.includes('destinations')).toBe(
      isOfDestination,
    );
});

describe('the time of the primary, in a renewal', () => {
  /** @param times what each read of the primary shows @param result of its write */
  async function renew(times: (number | 'missing')[], result: StoreResult = stored) {
    const wanted = desired({ destinations: ['repo:acme/shop'] });
    const observed = state(wanted, { written: [60] });
    const { clock, waits } = virtualClock(NOW);
    const store = Object.create(storeWith(...times), { store: { value: async () => result } }) as SecretStore;
    const cancellation = new Cancellation(new AbortController().signal);
    const services = { store, mask: () => undefined, pkcs12Password: '', clock, cancellation };
    const plan = { revokes: [], steps: [] } as unknown as Plan;
    const delivery = new Delivery(services, { desired: wanted, observed, plan }, 'issued');
    for (const location of secretLocations(wanted))
      await delivery.put(location, { privateKey: 'key', certificate: 'certificate' }, 'client');
    await delivery.rememberPrimaryTime();
    const end = await delivery.refuseOtherDelivery().catch((thrown: unknown) => thrown);
    return { end, waits };
  }
  const mixed = {
    code: 'ROTATION_IN_PROGRESS',
    failed:
      'While this run delivered, another one stored a certificate of the same subject: repo:acme/shop PEM may hold either.',
  };
  const again: StoreResult = { outcome: 'stored', at: NOW, mayLandAgain: true };

  it.each<[string, (number | 'missing')[], StoreResult, object | undefined, number[]]>([
    ['is read again until it shows the write', [LONG_AGO, LONG_AGO, NOW, NOW], stored, undefined, [250, 500]],
    ["shows another run's delivery", [NOW, NOW + 1_000], stored, mixed, []],
    ['shows none if a read lags, or the secret was deleted', [NOW, LONG_AGO], stored, undefined, []],
    ['shows none if the secret was deleted', [NOW, 'missing'], stored, undefined, []],
    ['shows nothing if a write may land again', [NOW, NOW + 1_000], again, undefined, []],
  ])('%s', async (_, times, result, wanted, waits) => {
    const renewed = await renew(times, result);
    if (wanted) expect(renewed.end).toMatchObject(wanted);
    else expect(renewed.end).toBeUndefined();
    expect(renewed.waits).toEqual(waits);
  });
});

it('a primary whose time nobody shows holds up no other delivery, and ends the run after it', async () => {
  const wanted = desired({ destinations: ['repo:acme/shop'] });
  const { clock } = virtualClock(NOW);
  const unread = new RotationError('GITHUB_REQUEST_FAILED', { failed: 'It failed.', remedy: 'Mend it.' });
  const times = () => Promise.reject(unread);
  const store = Object.create(storeWith(), {
    store: { value: async () => stored },
    times: { value: times },
  }) as SecretStore;
  const cancellation = new Cancellation(new AbortController().signal);
  const services = { store, mask: () => undefined, pkcs12Password: '', clock, cancellation };
  const plan = { revokes: [], steps: [] } as unknown as Plan;
  const delivery = new Delivery(services, { desired: wanted, observed: state(wanted), plan }, 'issued');
  await expect(delivery.rememberPrimaryTime()).resolves.toBeUndefined();
  await expect(delivery.refuseOtherDelivery()).rejects.toBe(unread);
});

describe('the way on from an incomplete delivery', () => {
  const FINISH =
    /Then start a new run .* with current-credential\. It finishes the delivery without a new key\.$/;
  const AGAIN = /^Mend it\. Then start a new run .* ROTATION_IN_PROGRESS, start it again 15 minutes later\.$/;

  it.each<[string, Asked, StoreResult[], RegExp]>([
    ['is a run that finishes it', {}, [stored, refused], FINISH],
    ['is the same after an enrollment', { operation: 'enroll' }, [stored, refused], FINISH],
    ['to a primary in doubt is a new run, perhaps twice', {}, [inDoubt], AGAIN],
    ['of an enrollment in doubt is told with its state', { operation: 'enroll' }, [inDoubt], /^Mend it\.$/],
    [
      'of a revocation is told with its state',
      { revokes: ['a'] },
      [stored, refused],
      /out of destinations\.$/,
    ],
    ['of a revocation in doubt, too', { revokes: ['a'] }, [inDoubt], /^Mend it\.$/],
  ])('%s', async (_, asked, answers, words) => {
    const { end } = await deliver(asked, ...answers);
    expect([end?.code, end?.remedy]).toEqual(['DELIVERY_INCOMPLETE', expect.stringMatching(words)]);
  });
});

describe('a delivery says', () => {
  const THREE = { destinations: [...TWO, 'org:acme'] };
  const [SHOP, OTHER, ORG] = ['repo:acme/shop PEM', 'repo:acme/other PEM', 'org:acme PEM'] as const;

  it.each<[string, StoreResult[], string, string[], string[], boolean]>([
    ['that all hold it', [stored, stored, stored], `${SHOP}, ${OTHER}, ${ORG} hold n.`, [], [], false],
    [
      'which ones do not',
      [stored, refused, refused],
      `${SHOP} holds n; ${OTHER}, ${ORG} may still hold the previous one.`,
      [OTHER, ORG],
      [],
      false,
    ],
    [
      'which one may, since its write may land later',
      [stored, inDoubt, stored],
      `${SHOP}, ${ORG} hold n; ${OTHER} may still hold the previous one.`,
      [OTHER],
      [OTHER],
      true,
    ],
    [
      'that perhaps none does',
      [inDoubt],
      `It is not certain that any destination holds n; ${SHOP} may still hold the previous one.`,
      [SHOP],
      [SHOP],
      true,
    ],
    [
      'of a write that was repeated that it may land once more',
      [{ ...stored, mayLandAgain: true }, stored, refused],
      `${SHOP}, ${OTHER} hold n; ${ORG} may still hold the previous one.`,
      [ORG],
      [],
      true,
    ],
  ])('%s', async (_, answers, text, missing, doubtful, mayLandAgain) => {
    const { delivery, end } = await deliver(THREE, ...answers);
    expect([delivery.describe('n'), delivery.lastWrite?.mayLandAgain]).toEqual([text, mayLandAgain]);
    expect(delivery.unserved.map(printLocation)).toEqual(missing);
    expect(delivery.inDoubt.map(printLocation)).toEqual(doubtful);
    expect(end?.failed).toBe(
      missing.length > 0
        ? `The credential could not be stored in ${missing.join(', ')}. It failed.`
        : undefined,
    );
  });

  it('which places held it before', async () => {
    const { delivery } = await deliver({ destinations: ['repo:acme/other'] }, stored);
    expect(delivery.describe('n', [SHOP])).toBe(`${SHOP}, ${OTHER} hold n.`);
  });
});

it('writes no second part of a destination that refused the first, and masks no pair, whose lines are masked already', async () => {
  const { asked, delivery, end, masks } = await deliver(
    { privateKeySecretName: 'KEY', certificateSecretName: 'CERTIFICATE', destinations: ['repo:acme/shop'] },
    stored,
    inDoubt,
  );
  expect(asked).toEqual(['repo:acme/shop PEM', 'repo:acme/shop KEY']);
  expect(end?.failed).toContain('in repo:acme/shop KEY, repo:acme/shop CERTIFICATE. It failed.');
  expect(delivery.inDoubt.map(printLocation)).toEqual(['repo:acme/shop KEY']);
  expect(masks).toEqual([]);
});

it('continues with a current pair in doubt, which its holder has anyway', async () => {
  const { asked, end } = await deliver({ source: 'current-credential' }, inDoubt, stored);
  expect([asked.length, end?.code]).toEqual([2, 'DELIVERY_INCOMPLETE']);
  expect((await deliver({}, inDoubt, stored)).asked).toHaveLength(1);
});

it.each<ErrorCode>(['CANCELLED', 'DEADLINE_EXCEEDED'])(
  'writes again what %s stopped amid a destination, and ends the run after it',
  async (code) => {
    const stop = new RotationError(code, { failed: 'The run was stopped.', remedy: '' });
    const stopped: StoreResult = { outcome: 'refused', error: stop };
    const parts: Asked = {
      privateKeySecretName: 'KEY',
      certificateSecretName: 'CERTIFICATE',
      destinations: ['repo:acme/shop'],
      source: 'current-credential',
    };
    const whole = await deliver(parts, stored, stopped, stored, stored);
    expect(whole.asked).toEqual([
      'repo:acme/shop PEM',
      'repo:acme/shop KEY',
      'repo:acme/shop KEY',
      'repo:acme/shop CERTIFICATE',
    ]);
    expect([whole.end, whole.delivery.unserved]).toEqual([undefined, []]);
    expect(() => whole.delivery.requireNotStopped()).toThrow('The run was stopped.');
    // The first attempt may have landed.
    const left = await deliver(parts, stored, { ...stopped, outcome: 'in doubt' }, refused);
    expect(left.delivery.inDoubt.map(printLocation)).toEqual(['repo:acme/shop KEY']);
  },
);
