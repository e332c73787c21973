/** Deletes a disassociated credential. Repeats, since Auth0 may be slow to notice the disassociation. */

import type { Tenant } from '../auth0/tenant.ts';
import type { Waiting } from '../http/clock.ts';
import { poll } from '../http/poll.ts';
import { stillAssociated } from './failure-state.ts';

/** @throws RotationError RETIREMENT_FAILED, AUTH0_… */
export async function deleteCredential(
  clientId: string,
  id: string,
  services: Waiting & { tenant: Tenant },
): Promise<void> {
  const attempt = async () => {
    const answer = await services.tenant.deleteCredential(clientId, id);
    return { done: answer === 'deleted', value: undefined };
  };
  await poll(services, attempt, () => stillAssociated(id));
}
