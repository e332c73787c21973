/** The credential that a run makes: when it may be there, how long its date is waited for, and what its undo removes. */

import { describe, expect, it } from 'vitest';
import type { Association } from '../../../src/apply/association.ts';
import type { ApplyServices, Job } from '../../../src/apply/job.ts';
import { NewCredential } from '../../../src/apply/new-credential.ts';
import type { Prover } from '../../../src/apply/prove.ts';
import { RotationError } from '../../../src/errors.ts';
import { Cancellation } from '../../../src/http/clock.ts';
import type { Credential } from '../../../src/model/observed-state.ts';
import { selfSignedCertificate } from '../../emulators/tls.ts';
import { virtualClock } from '../../support/clock.ts';
import { desired, NOW, state } from '../../support/states.ts';

const { cert, key } = selfSignedCertificate('shop');
const WANTED = desired();
const FLIGHT = 60_000;

interface Tale {
  /** `forbidden`: lost, and then the pool cannot be read. */
  upload?: 'answered' | 'lost' | 'refused' | 'forbidden';
  /** Milliseconds by which Auth0 dates it later than its own answers. */
  ahead?: number;
  /** Whether the pool shows it, for each read; the last one stays. */
  shown?: readonly boolean[];
}

async function tell({ ahead = 0, shown = [true], upload = 'answered' }: Tale = {}) {
  const { clock, waits } = virtualClock(NOW);
  const removed: string[] = [];
  let reads = 0;
  const made = () =>
    ({
      id: 'n',
      name: one.registration.name,
      identity: one.facts?.identity,
      createdAt: NOW + ahead,
    }) as Credential;
  const tenant = {
    now: () => NOW,
    createCredential: async (_: string, __: unknown, onUncertain: () => void) => {
      if (upload === 'refused') return { status: 400, message: 'No.' };
      if (upload === 'answered') return made();
      onUncertain();
      return 'lost';
    },
    credentials: async () => {
      reads += 1;
      if (upload === 'forbidden' && reads === 1)
        throw new RotationError('AUTH0_FORBIDDEN', { failed: 'No.', remedy: '' });
      return shown[Math.min(reads, shown.length) - 1] ? [made()] : [];
    },
  };
  const services = {
    tenant,
    clock,
    cancellation: new Cancellation(new AbortController().signal),
    proofEndpoint: async () => undefined,
    store: undefined,
    issuePair: async () => ({ certificate: cert, privateKey: key }),
    mask: () => undefined,
  } as unknown as ApplyServices;
  const plan = { reuses: undefined, replaces: undefined, credentials: [], steps: [] };
  const job = { desired: WANTED, observed: state(WANTED), plan, currentPair: undefined } as unknown as Job;
  const association = { remove: async (id: string) => removed.push(id) } as unknown as Association;
  const one = new NewCredential(job, services, {} as Prover);
  return { one, remove: () => one.remove(association), removed, waits };
}

async function uploaded(tale: Tale = {}) {
  const told = await tell(tale);
  await told.one.issue();
  const error: unknown = await told.one.upload().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return { ...told, error };
}

describe('a new credential', () => {
  it('is not there before its upload, and needs no undo', async () => {
    const { one, remove, removed } = await tell();
    expect(() => one.pair).toThrow('needs the issued pair before it exists');
    await one.issue();
    expect([one.id, one.createdAt, one.orphan]).toEqual([undefined, undefined, undefined]);
    expect([await remove(), removed]).toEqual(['', []]);
  });

  it('has the date that Auth0 gave it', async () => {
    const { one } = await uploaded();
    expect([one.id, one.createdAt, one.orphan]).toEqual(['n', NOW, 'n']);
  });

  it.each<[number, readonly number[]]>([
    [-5_000, []],
    [0, []],
    [1_000, []],
    [1_001, [1_001]],
    [60_000, [60_000]],
  ])('that Auth0 dates %i ms ahead is waited for', async (ahead, wanted) => {
    const { error, waits } = await uploaded({ ahead });
    expect([error, waits]).toEqual([undefined, wanted]);
  });

  it('that is dated more than a minute ahead is refused, and the error says by how much', async () => {
    const { error, one, waits } = await uploaded({ ahead: 90_400 });
    expect(error).toMatchObject({
      code: 'AUTH0_REQUEST_FAILED',
      failed: expect.stringMatching(/ 90 s later than its own answers\. Later runs could not derive/),
      remedy: expect.stringContaining('status page of Auth0'),
    });
    expect([one.orphan, waits]).toEqual(['n', []]);
  });

  it.each<[Tale['upload'], string | undefined]>([
    ['refused', undefined],
    ['forbidden', ''],
    ['lost', ''],
  ])('whose upload was %s may be left: %s', async (upload, orphan) => {
    const { error, one } = await uploaded({ upload: upload ?? 'lost', shown: [false] });
    expect([error instanceof RotationError, one.orphan]).toEqual([true, orphan]);
  });
});

describe('the undo of an upload', () => {
  const SAID = 'The new credential was removed again.';

  it.each<[string, Tale, string, string[], number[]]>([
    ['removes it at once if it was answered', {}, SAID, ['n'], []],
    ['has nothing to remove if it was refused', { upload: 'refused' }, '', [], []],
    ['looks again when it can land no more', { upload: 'lost', shown: [false] }, '', [], [FLIGHT]],
    [
      'does not remove twice what is gone',
      { upload: 'forbidden', shown: [true, true, false] },
      SAID,
      ['n'],
      [FLIGHT],
    ],
    [
      'removes what has landed after the first look',
      { upload: 'forbidden', shown: [false, false, true] },
      SAID,
      ['n'],
      [FLIGHT],
    ],
    ['removes what has landed twice', { upload: 'forbidden', shown: [true] }, SAID, ['n', 'n'], [FLIGHT]],
  ])('%s', async (_, tale, said, wanted, waited) => {
    const { one, remove, removed, waits } = await uploaded(tale);
    expect([await remove(), removed, waits]).toEqual([said, wanted, waited]);
    expect(one.orphan).toBeUndefined();
  });
});
