/** Deletes a credential that was disassociated before: Auth0 may be slow to see that. */

import type { Tenant } from '../auth0/tenant.ts';
import { eventually, type Patience } from '../http/poll.ts';
import { stillAssociated } from './failure-state.ts';

/** @throws RotationError RETIREMENT_FAILED, AUTH0_… */
export async function deleteCredential(
  clientId: string,
  id: string,
  edges: Patience & { tenant: Tenant },
): Promise<void> {
  const attempt = async () => {
    const answer = await edges.tenant.deleteCredential(clientId, id);
    return { done: answer === 'deleted', value: undefined };
  };
  await eventually(edges, attempt, () => stillAssociated(id));
}
