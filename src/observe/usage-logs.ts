/** Asks the tenant logs what the plan needs to know before anything may go (`retire: when-unused`). Changes nothing. */

import type { Services } from '../apply/job.ts';
import { latestUses, readUses } from '../auth0/logs.ts';
import { proveKey } from '../auth0/proof.ts';
import type { Pair } from '../certificate/inspect.ts';
import { sleep } from '../http/retry.ts';
import type { DesiredState } from '../model/desired-state.ts';
import type { ObservedState, Usage } from '../model/observed-state.ts';
import { UNCERTAINTY } from '../plan/in-use.ts';
import { plan } from '../plan/plan.ts';

/** How long an entry may take to appear: Auth0 names no time, so bounded. */
const LOG_DELAY = 30_000;

/**
 * The plan says what it lacks. A token request is made only where it is the last thing: it changes nothing, but Auth0
 * counts the tokens of machines. So `operation: plan` may make it, too, and tells what a run would do.
 * @throws RotationError
 */
export async function observeUsage(
  desired: DesiredState,
  observed: ObservedState,
  services: Services,
  currentPair: Pair | undefined,
): Promise<ObservedState> {
  // Without this nobody plans twice.
  if (desired.quietWindow === undefined) return observed;
  const { asks } = plan(desired, observed);
  if (asks === undefined) return observed;
  const read = () => readUses(services.tenant, desired.clientId, asks.since);
  const asked: ObservedState = { ...observed, usage: { ...(await read()), upTo: 'not asked' } };
  if (!currentPair || !plan(desired, asked).asks?.upToDate) return asked;
  const upTo = await watermark(desired, currentPair, services);
  return { ...observed, usage: { ...(await read()), upTo } };
}

/** A token request of our own: once it is in the logs, so is what was before it. */
async function watermark(desired: DesiredState, pair: Pair, services: Services): Promise<Usage['upTo']> {
  const { cancellation, clock, domain, edge, preparation, tenant } = services;
  const { clientId, current, run, verifyAudience: audience } = desired;
  const { identity = '', thumbprint = '' } = current ?? {};
  const endpoint = await preparation.endpoint();
  if (endpoint === undefined) return 'no endpoint';
  const since = tenant.now() - UNCERTAINTY;
  const asked = { endpoint, domain, clientId, pair, thumbprint, audience, mustBind: false, run };
  if ((await proveKey(edge, asked)).outcome !== 'proven') return 'refused';
  const until = clock.now() + LOG_DELAY;
  for (let delay = 500; ; delay = Math.min(delay * 2, 8_000)) {
    const uses = await latestUses(tenant, clientId);
    const own = uses.find((use) => use.isProof && use.identity === identity && use.at >= since);
    if (own) return own.at;
    if (clock.now() + delay > until) return 'late';
    await sleep(clock, delay, cancellation);
  }
}
