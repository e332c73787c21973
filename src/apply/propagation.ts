/** Auth0's nodes may know an association up to half a minute later than it answers (docs/facts.md#auth0-propagation): nothing is delivered before. */

import type { Tenant } from '../auth0/tenant.ts';
import { deadlineExceeded, type Waiting } from '../http/clock.ts';
import { poll } from '../http/poll.ts';
import type { ObservedState } from '../model/observed-state.ts';
import type { Plan } from '../model/plan.ts';
import { ISSUED } from '../model/step.ts';
import { changedMeanwhile } from './contention.ts';

/** Not where it serves nobody, or where somebody is out for as long as it takes. */
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

/** A run that was frozen meanwhile: by then another one may have taken its credential for abandoned. */
const OLDEST = 10 * 60_000;

/** @param now Auth0's clock @throws RotationError DEADLINE_EXCEEDED */
export function refuseOld(createdAt: number | undefined, now: number): void {
  if (createdAt !== undefined && now - createdAt > OLDEST) throw deadlineExceeded();
}

/** What is about to be delivered must be associated still: nobody may have displaced it meanwhile. @throws RotationError ROTATION_IN_PROGRESS */
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
