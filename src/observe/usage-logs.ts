/** Reads the tenant logs for `retire: when-unused`, if a plan depends on them. */

import { latestUses, readUses } from '../auth0/logs.ts';
import { proveKey, refusedHere } from '../auth0/proof.ts';
import type { Tenant } from '../auth0/tenant.ts';
import { sleep, type Waiting } from '../http/clock.ts';
import type { Service } from '../http/service.ts';
import type { DesiredState } from '../model/desired-state.ts';
import type { Pair } from '../model/key-pair.ts';
import type { ObservedState, Usage } from '../model/observed-state.ts';
import type { LogQuestion } from '../model/plan.ts';
import { UNCERTAINTY } from '../model/timing.ts';

/** How long to wait until an entry appears, in milliseconds. Auth0 documents no time. */
const LOG_DELAY = 30_000;

export interface UsageServices extends Waiting {
  tenant: Tenant;
  proofService: Service;
  domain: string;
  proofEndpoint: () => Promise<string | undefined>;
}

/**
 * Answers the plan's question. Auth0 counts machine-to-machine tokens, so the run requests one only if the logs are all that the
 * plan still waits for. `operation: plan` requests it too, and so shows what a run would do.
 * @param currentPair what `current-credential` holds
 * @throws RotationError
 */
export async function observeUsage(
  { since, upToDate }: LogQuestion,
  desired: DesiredState,
  observed: ObservedState,
  services: UsageServices,
  currentPair: Pair | undefined,
): Promise<ObservedState> {
  const isAsked = upToDate && currentPair !== undefined;
  const upTo = isAsked ? await watermark(desired, currentPair, services) : 'not asked';
  const from = Math.min(since, observed.usage?.since ?? since);
  return { ...observed, usage: { ...(await readUses(services.tenant, desired.clientId, from)), upTo } };
}

/**
 * Requests a token and waits until the logs show that request. Then they also show everything before it.
 * @returns the time of its entry, or why there is none
 */
async function watermark(desired: DesiredState, pair: Pair, services: UsageServices): Promise<Usage['upTo']> {
  const { cancellation, clock, domain, proofService, proofEndpoint, tenant } = services;
  const { clientId, currentKey, run, verifyAudience: audience } = desired;
  const { identity = '', thumbprint = '' } = currentKey ?? {};
  const endpoint = await proofEndpoint();
  if (endpoint === undefined) return 'no endpoint';
  const since = tenant.now() - UNCERTAINTY;
  const asked = { endpoint, domain, clientId, pair, thumbprint, audience, mustBind: false, run };
  const result = await proveKey(proofService, asked).catch(refusedHere);
  if (typeof result === 'string' || result.outcome !== 'proven') return 'refused';
  const until = clock.now() + LOG_DELAY;
  for (let delay = 500; ; delay = Math.min(delay * 2, 8_000)) {
    const uses = await latestUses(tenant, clientId);
    const own = uses.find((use) => use.isProof && use.identity === identity && use.at >= since);
    if (own) return own.at;
    if (clock.now() + delay > until) return 'late';
    await sleep(clock, delay, cancellation);
  }
}
