/** Uploads the new credential exactly once, even if an answer is lost. */

import { isRefusal, type Refusal, refused, type Tenant } from '../auth0/tenant.ts';
import { RotationError } from '../errors.ts';
import type { Clock } from '../http/clock.ts';
import type { OnUncertain } from '../http/retry.ts';
import { LONGEST_FLIGHT } from '../http/wire.ts';
import { credentialLimit } from '../model/capacity.ts';
import type { DesiredState } from '../model/desired-state.ts';
import type { Registration } from '../model/key-pair.ts';
import type { Credential } from '../model/observed-state.ts';
import { isOwnedBy, ownerOf, readOwnership } from '../model/ownership.ts';
import type { PlannedCredential } from '../model/plan.ts';
import { findRival, rotationInProgress } from '../model/rivals.ts';
import type { Job } from './job.ts';

const ATTEMPTS = 3;

/** A POST without an answer. */
export interface Flight {
  /** Local time until which it may land. 0 if none may. */
  until: number;
}

/** The credential to upload, and what the caller learns on the way. */
export interface Upload {
  registration: Registration;
  /** Together with the name in the registration, it identifies the credential. */
  identity: string;
  /** Receives the time until which a POST may still land. */
  flight: Flight;
  /** Called if the upload failed and the credential certainly does not exist. */
  onNotMade: () => void;
}

/** Uploads the credential, or finds it if an answer was lost. @throws RotationError CREDENTIAL_LIMIT, ROTATION_IN_PROGRESS, AUTH0_… */
export async function upload(
  job: Job,
  { clock, tenant }: { clock: Clock; tenant: Tenant },
  { flight, identity, onNotMade, registration }: Upload,
): Promise<Credential> {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
    const untilBefore = flight.until;
    const onUncertain = () => {
      flight.until = clock.now() + LONGEST_FLIGHT;
    };
    // guard: what was refused after a lost answer may be there
    const isFirst = attempt === 1;
    const answer = isFirst
      ? await sendFirst(job, tenant, registration, onUncertain, onNotMade)
      : await send(job, tenant, registration, onUncertain);
    if (answer !== 'lost' && !isRefusal(answer)) return answer;
    // The POST may have landed, so it is never blindly repeated. Identity and name identify our credential.
    const landed = await findMade(job.desired, tenant, registration.name, identity);
    // guard: a lost POST is adopted
    if (landed) {
      // This POST has landed: only an earlier one may still be on its way.
      flight.until = untilBefore;
      return landed;
    }
    if (answer === 'lost') continue;
    // The list may lag behind. If it never shows the credential as ours, it belongs to somebody else.
    if (!isDuplicate(answer) || attempt === ATTEMPTS) throw await whyRefused(answer, job, tenant);
  }
  throw new RotationError('AUTH0_REQUEST_FAILED', {
    failed: `Auth0 did not answer ${ATTEMPTS} uploads of the credential.`,
    remedy: 'Look at the status page of Auth0, then start a new run.',
  });
}

type Answer = Credential | Refusal | 'lost';

/**
 * Sends the first attempt. If it throws, nothing has landed, since a POST that may have landed returns `lost`. A later attempt proves no
 * such thing.
 */
async function sendFirst(
  job: Job,
  tenant: Tenant,
  registration: Registration,
  onUncertain: OnUncertain,
  onNotMade: () => void,
): Promise<Answer> {
  try {
    const answer = await send(job, tenant, registration, onUncertain);
    if (isRefusal(answer) && !isDuplicate(answer)) throw await whyRefused(answer, job, tenant);
    return answer;
  } catch (error) {
    onNotMade();
    throw error;
  }
}

function send(
  { desired }: Job,
  tenant: Tenant,
  registration: Registration,
  onUncertain: OnUncertain,
): Promise<Answer> {
  return tenant.createCredential(desired.clientId, registration, onUncertain);
}

/** Finds this run's credential by identity and name, since another credential may have the same subject DN. */
export async function findMade(
  desired: DesiredState,
  tenant: Tenant,
  name: string,
  identity: string,
): Promise<Credential | undefined> {
  const pool = await tenant.credentials(desired.clientId);
  // guard: what is adopted has the mark of its run
  return pool.find((credential) => credential.identity === identity && credential.name === name);
}

/** Auth0 already has the credential, from an attempt whose answer was lost or from somebody else (docs/facts.md#auth0-duplicate). */
function isDuplicate({ message }: Refusal): boolean {
  return /already exist/i.test(message);
}

async function whyRefused(refusal: Refusal, job: Job, tenant: Tenant): Promise<RotationError> {
  if (/maximum of \d+ credentials/i.test(refusal.message)) return full(job, tenant);
  return refused('credential', refusal);
}

/** Uses the current pool, since another run may have used the room that this one made. */
async function full({ desired, observed, plan }: Job, tenant: Tenant): Promise<RotationError> {
  const [{ associated }, pool] = await Promise.all([
    tenant.client(desired.clientId),
    tenant.credentials(desired.clientId),
  ]);
  const rival = findRival(desired, observed, pool);
  if (rival) return rotationInProgress(rival);
  const planned = new Map(plan.credentials.map((credential) => [credential.id, credential]));
  const kept = pool.map(({ id }) => ({
    id,
    whyKept: planned.get(id)?.whyKept ?? 'made since this run began',
  }));
  // `associated` is of any method: before an enrollment the consumers use the credentials of the previous one.
  const isUnused = ({ id }: Credential) => isNobodys(planned.get(id), desired) && !associated.includes(id);
  const unused = pool.filter(isUnused).map(({ id }) => id);
  const remedy =
    unused.length > 0
      ? `Nobody can log in with ${unused.join(', ')} by this method. Delete ${unused.length > 1 ? 'one of them' : 'it'} in the Auth0 Dashboard (Applications, the client, Credentials), unless another feature such as signed requests uses it.`
      : undefined;
  return credentialLimit(desired.clientId, kept, remedy);
}

/** Whether no secret of ours can hold it, and no other workflow made it. */
function isNobodys(planned: PlannedCredential | undefined, desired: DesiredState): boolean {
  // A secret may hold what is not foreign, even if it is not associated.
  if (planned?.stage !== 'foreign') return false;
  const { heldBy, id, name } = planned;
  const ownership = readOwnership(name);
  const isOthers = ownership !== undefined && !isOwnedBy(ownership, ownerOf(desired));
  return heldBy.length === 0 && !isOthers && !desired.keepCredentials.has(id);
}
