/** Holds a delivery back for `propagation-time` after the association, since some of Auth0's nodes may not know it before (docs/facts.md#auth0-propagation). */

import type { Tenant } from '../auth0/tenant.ts';
import { deadlineExceeded, sleep, type Waiting } from '../http/clock.ts';
import { poll } from '../http/poll.ts';
import type { DesiredState } from '../model/desired-state.ts';
import type { ObservedState } from '../model/observed-state.ts';
import type { Plan } from '../model/plan.ts';
import { ISSUED } from '../model/step.ts';
import { changedMeanwhile } from './contention.ts';
import type { StepLog } from './step-log.ts';

/** Whether the run waits. It does not if no consumer can log in now, or if the wait would prolong an interruption. */
export function waitsForPropagation(
  { steps }: Pick<Plan, 'steps'>,
  { client, now, pool, secrets }: ObservedState,
): boolean {
  const adds = steps.some((step) => step.kind === 'associate-credentials' && step.to.includes(ISSUED));
  const interrupts = steps.some(
    (step) => step.kind === 'associate-credentials' && step.interrupts.length > 0,
  );
  const isHeld = secrets.some(({ times }) => times !== 'missing');
  const canLogIn = pool.some(
    ({ expiresAt = Number.POSITIVE_INFINITY, id }) =>
      client?.associated.includes(id) === true && expiresAt > now,
  );
  return adds && !interrupts && isHeld && canLogIn;
}

/**
 * The age in milliseconds up to which a credential is delivered. An older one means that this run was suspended. Another run may soon
 * consider that credential abandoned and remove it.
 */
const OLDEST = 10 * 60_000;

/** Refuses to deliver a credential that is too old. Both times are by Auth0's clock. @throws RotationError DEADLINE_EXCEEDED */
export function refuseOld(createdAt: number | undefined, now: number): void {
  if (createdAt !== undefined && now - createdAt > OLDEST) throw deadlineExceeded();
}

/** Waits until Auth0 shows the credential as associated. @throws RotationError ROTATION_IN_PROGRESS */
export async function requireAssociated(
  clientId: string,
  id: string,
  services: Waiting & { tenant: Tenant },
): Promise<void> {
  const attempt = async () => {
    const { associated } = await services.tenant.client(clientId);
    return { done: associated.includes(id), value: undefined };
  };
  await poll(services, attempt, () => changedMeanwhile("the client's associated credentials"));
}

/**
 * Waits until all of Auth0 knows a credential that was associated again, since other locations are about to get its pair.
 * @param healedAt local time. undefined: the run has associated none again
 */
export async function awaitHealing(
  { propagationTime }: Pick<DesiredState, 'propagationTime'>,
  { cancellation, clock }: Waiting,
  log: StepLog,
  healedAt = Number.NEGATIVE_INFINITY,
): Promise<void> {
  const wait = healedAt + propagationTime - clock.now();
  if (wait <= 0) return;
  const text = `Wait until ${propagationTime / 1000} s after the association`;
  await log.record(text, () => sleep(clock, wait, cancellation));
}
