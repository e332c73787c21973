/** Whatever is observed: never below one, never above two, never a foreign one, never one that is held. */

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { RotationError } from '../../../src/errors.ts';
import { type DesiredState, METHODS } from '../../../src/model/desired-state.ts';
import type { Credential, ObservedState } from '../../../src/model/observed-state.ts';
import type { Plan } from '../../../src/model/plan.ts';
import { ISSUED, type Step } from '../../../src/model/step.ts';
import { mayBeHeld } from '../../../src/plan/holders.ts';
import { credentialsInUse } from '../../../src/plan/in-use.ts';
import { Owners } from '../../../src/plan/owners.ts';
import { plan } from '../../../src/plan/plan.ts';
import { notation } from '../../support/notation.ts';
import { runs } from '../../support/properties.ts';
import { type CredentialSeed, desired, state } from '../../support/states.ts';

const IDS = ['a', 'b', 'c', 'd'];
const age = fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 200_000 }));
const credential = (id: string): fc.Arbitrary<CredentialSeed> =>
  fc.record({
    id: fc.constant(id),
    age,
    by: fc.constantFrom('us', 'us', 'us', 'hand', 'another workflow'),
    associated: fc.boolean(),
    expiresIn: fc.integer({ min: -1e9, max: 8e9 }),
  });
const seeds = fc
  .tuple(...IDS.map((id) => fc.option(credential(id), { nil: undefined })))
  .map((list) => list.filter((one) => one !== undefined))
  // Auth0 lets a method hold two.
  .filter((list) => list.filter(({ associated }) => associated).length <= 2);
const situation = fc
  .record({
    credentials: seeds,
    written: fc.array(fc.option(age, { nil: undefined }), { minLength: 3, maxLength: 3 }),
    destinations: fc.constantFrom(
      ['repo:acme/shop'],
      ['repo:acme/shop', 'env:acme/ops/prod'],
      ['repo:acme/shop', 'env:acme/ops/prod', 'org:other'],
    ),
    current: fc.option(fc.constantFrom('a', 'b', 'stranger'), { nil: undefined }),
    keep: fc.subarray(IDS, { maxLength: 1 }),
    force: fc.boolean(),
    overlap: fc.constantFrom<DesiredState['overlap']>('until-next-rotation', 0, 3_600_000),
    quietWindow: fc.constantFrom(undefined, 3_600_000),
    method: fc.constantFrom<DesiredState['method'][]>('self_signed_tls_client_auth', ...METHODS),
    subject: fc.constantFrom('CN=client', 'identity-a', 'identity-b'),
  })
  .map(({ credentials, written, current, ...changes }) => {
    const wanted = desired({ ...changes, ...(current === undefined ? {} : { current }) });
    return { wanted, observed: state(wanted, { credentials, written }) };
  });

/** The plan, or undefined where it refuses with a code. */
function decide(wanted: DesiredState, observed: ObservedState): Plan | undefined {
  try {
    return plan(wanted, observed);
  } catch (error) {
    expect(error).toBeInstanceOf(RotationError);
    return undefined;
  }
}

/** Every state that the plan passes through: what is associated after each step. */
function replay(
  observed: ObservedState,
  steps: readonly Step[],
): { step: Step; before: readonly string[]; after: readonly string[] }[] {
  let held: readonly string[] = observed.client?.associated ?? [];
  return steps.map((step) => {
    const before = held;
    if (step.kind === 'associate-credentials') {
      expect([...step.from].sort()).toEqual([...held].sort());
      held = step.to;
    }
    return { step, before, after: held };
  });
}

/** What a step disassociates or deletes. */
function takenOut({ step, before, after }: ReturnType<typeof replay>[number]): string[] {
  const gone = before.filter((id) => !after.includes(id));
  return step.kind === 'delete-credential' ? [...gone, step.id] : gone;
}

/** Nobody can log in with it any more. */
function isExpired({ expiresAt }: Credential, now: number): boolean {
  return expiresAt !== undefined && expiresAt + 3_600_000 <= now;
}

function property(check: (wanted: DesiredState, observed: ObservedState, decided: Plan) => void): void {
  fc.assert(
    fc.property(situation, ({ wanted, observed }) => {
      const decided = decide(wanted, observed);
      if (decided) check(wanted, observed, decided);
    }),
    { numRuns: runs(3_000) },
  );
}

describe('every plan', () => {
  it('holds at most two, and never none if somebody could log in', () => {
    property((wanted, observed, { steps }) => {
      const inUse = credentialsInUse(wanted, observed);
      for (const { before, after } of replay(observed, steps)) {
        expect(after.length).toBeLessThanOrEqual(2);
        const usable = observed.pool.some(
          (c) => before.includes(c.id) && mayBeHeld(inUse, c) && !isExpired(c, observed.now),
        );
        if (usable) expect(after.length).toBeGreaterThan(0);
      }
    });
  });

  it('deletes nothing that is associated', () => {
    property((_, observed, { steps }) => {
      for (const { step, after } of replay(observed, steps)) {
        if (step.kind === 'delete-credential') expect(after).not.toContain(step.id);
      }
    });
  });

  it('touches nothing that is foreign, kept, or of another workflow', () => {
    property((wanted, observed, { steps }) => {
      const owners = new Owners(wanted, observed);
      const touched = new Set(replay(observed, steps).flatMap(takenOut));
      for (const c of observed.pool) {
        if (owners.isForeign(c) || wanted.keepCredentials.has(c.id)) expect(touched).not.toContain(c.id);
      }
    });
  });

  it('takes out what a place may hold only if it names the place, or after it has delivered', () => {
    property((wanted, observed, { steps }) => {
      const inUse = credentialsInUse(wanted, observed);
      const held = observed.pool
        .filter((c) => mayBeHeld(inUse, c) && !isExpired(c, observed.now))
        .map(({ id }) => id);
      const undelivered = steps.findIndex(({ kind }) => kind === 'store-secret');
      const before = replay(observed, steps).slice(0, undelivered < 0 ? steps.length : undelivered);
      for (const moment of before) {
        const named = moment.step.kind === 'associate-credentials' && moment.step.interrupts.length > 0;
        if (!named)
          expect(
            held.filter((id) => takenOut(moment).includes(id) && moment.step.kind !== 'delete-credential'),
          ).toEqual([]);
      }
    });
  });

  it('retires nothing by usage before it has asked the logs', () => {
    property((wanted, _, { steps }) => {
      const retired = steps.filter((step) => step.kind === 'associate-credentials' && step.why === 'retire');
      if (wanted.quietWindow !== undefined) expect(retired).toEqual([]);
    });
  });

  it('stores nothing that was not associated and, if asked, proven', () => {
    property((_, observed, { reuses, steps }) => {
      const proof = steps.findIndex(({ kind }) => kind === 'authenticate');
      for (const [index, { step, after }] of replay(observed, steps).entries()) {
        if (step.kind !== 'store-secret' || step.source !== 'issued') continue;
        expect(after).toContain(reuses ?? ISSUED);
        expect(proof).toBeLessThan(index);
        expect(proof).toBeGreaterThanOrEqual(0);
      }
    });
  });

  it('is the same whatever the order of the lists', () => {
    property((wanted, observed, { reason, steps }) => {
      const turned = { ...observed, pool: [...observed.pool].reverse() };
      const again = plan(wanted, turned);
      expect([again.reason, notation(again.steps)]).toEqual([reason, notation(steps)]);
    });
  });

  it('makes a second run do nothing if the first was not due', () => {
    property((wanted, observed, decided) => {
      if (decided.rotates || decided.steps.length > 0) return;
      expect(plan(wanted, observed).steps).toEqual([]);
    });
  });
});
