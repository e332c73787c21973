/** Refuses a run whose `current-credential` is not what the primary holds, and says what it may have read instead. Pure. */

import { capitalized, NEW_RUN, RotationError } from '../errors.ts';
import { currentCredentialLine } from '../model/advice.ts';
import type { DesiredState } from '../model/desired-state.ts';
import { type Credential, writtenTimes } from '../model/observed-state.ts';
import { isOwnedBy, ownerAt, readOwnership } from '../model/ownership.ts';
import {
  type Destination,
  printDestination,
  printLocation,
  type SecretLocation,
  shadows,
} from '../model/secret-location.ts';
import { DAY, LEASE, UNCERTAINTY } from '../model/timing.ts';
import { isCurrentLatest } from './by-time.ts';
import { claimedBy } from './claim.ts';
import { endOfIssued } from './expiry.ts';
import { movedFromAdvice } from './other-owners.ts';
import type { PlanBuilder } from './plan-builder.ts';

/**
 * Refuses if the primary does not hold `current-credential`: the run would decide by it, and could remove what is in use.
 * @throws RotationError STALE_CREDENTIAL
 */
export function refuseStaleCurrent(builder: PlanBuilder): void {
  const { desired, inUse, observed } = builder;
  const { staleCurrent, unregistered } = inUse;
  if (staleCurrent === undefined) return;
  const { location } = observed.secrets[0] ?? {};
  const primary = location ? printLocation(location) : 'the primary secret';
  const line = currentCredentialLine(desired);
  const given = claimedBy(desired, observed);
  const elsewhere = readElsewhere(builder, given);
  if (staleCurrent.because === 'never held') {
    throw new RotationError('STALE_CREDENTIAL', {
      failed: `current-credential is ${given?.id}, which the primary secret cannot hold: it is another workflow's, or was made after that secret was written.`,
      remedy: `${movedFromAdvice(builder)}Pass the secret of the primary destination itself (${line}). ${elsewhere}`,
    });
  }
  if (staleCurrent.because === 'written since') {
    throw new RotationError('STALE_CREDENTIAL', {
      failed: `${primary} was written after this job began. It changed after this job's secrets were read, so current-credential is what it held before.`,
      remedy: `${ANEW}.`,
    });
  }
  const { later } = staleCurrent;
  if (unregistered) {
    throw new RotationError('STALE_CREDENTIAL', {
      failed: `current-credential is none of the client's credentials, but ${primary} holds ${later.id}, which a run of this workflow stored right after making it.`,
      remedy: `Make the input exactly ${line}. If it already is, this job was queued before the last rotation, so ${NEW_RUN}. If a new run says the same, another secret may hide it. ${elsewhere} ${onPurpose(later)}`,
    });
  }
  throw new RotationError('STALE_CREDENTIAL', {
    failed: `current-credential is ${given?.id}, but the primary secret was written right after ${later.id} was made, so it changed after this job's secrets were read.`,
    remedy: `${ANEW}. If a new run says the same, check that the input reads ${line}. ${elsewhere} ${onPurpose(later)}`,
  });
}

/**
 * Warns of a `current-credential` that makes a rotation due soon after the primary was written. With a subject DN no time contradicts it,
 * so if the line names another secret, each run would rotate.
 */
export function noteOlderCurrent(builder: PlanBuilder): void {
  const { desired, observed } = builder;
  const { currentKey, method, renewBeforeDays } = desired;
  const [primary] = observed.secrets;
  const times = writtenTimes(primary?.times);
  if (method !== 'tls_client_auth' || !currentKey || !primary || !times || isCurrentLatest(desired, observed))
    return;
  if (observed.now >= endOfIssued(desired, times.updatedAt) - renewBeforeDays * DAY) return;
  const given = claimedBy(desired, observed);
  builder.note(
    'warning',
    `current-credential was not issued right before ${printLocation(primary.location)} was last written. If the next run says this again, check that the input reads ${currentCredentialLine(desired)}: until then each run rotates. ${readElsewhere(builder, given)}`,
  );
}

const ANEW = capitalized(NEW_RUN);

const HIDES =
  'In a job with an environment, an environment secret hides the repository secret of the same name.';

/** The remedy if a person wrote the secret right after a run, which looks the same. */
function onPurpose({ createdAt, id }: Credential): string {
  const until = new Date(createdAt + LEASE + UNCERTAINTY).toISOString();
  return `If somebody stored another pair there right after ${id} was made, save that secret once more: a run believes what is written after ${until}.`;
}

/**
 * The advice if this job seems to read another secret than the primary's, so that each new run would fail in the same way.
 * @param given the credential in `current-credential`. undefined: Auth0 does not know it
 */
function readElsewhere({ desired, inUse, observed }: PlanBuilder, given: Credential | undefined): string {
  const [primary, ...others] = observed.secrets;
  const holds = (candidates: readonly Credential[] = []) =>
    given === undefined || candidates.some(({ id }) => id === given.id);
  const today = others.filter(
    ({ location }, index) => location.part === 'pair' && holds(inUse.held[index + 1]),
  );
  const former = (observed.former ?? []).flatMap(({ secret }) => {
    const name = printLocation(secret.location);
    const found = inUse.formerHeld.find(({ location }) => location === name);
    return found && holds(found.candidates) ? [secret] : [];
  });
  const places = [...today, ...former].filter(
    ({ location, times }) => isReadAs(location, desired) && writtenTimes(times) !== undefined,
  );
  const hiding =
    primary && places.find(({ location }) => shadows(location.destination, primary.location.destination));
  if (hiding) return deleteHiding(hiding.location, primary.location, desired);
  const [place] = places;
  if (!primary || !place || given === undefined) return HIDES;
  const canBeFirst = today.includes(place) && !observed.pool.some((c) => isMarkedAt(c, place.location));
  return passPrimary(place.location, primary.location, canBeFirst);
}

/** Whether the line `current-credential` of a job can read this location: it names a secret of this name, and no job of ours sees Dependabot's. */
function isReadAs({ destination, secretName }: SecretLocation, desired: DesiredState): boolean {
  return destination.kind !== 'dependabot' && secretName.toUpperCase() === desired.secretName.toUpperCase();
}

function isMarkedAt({ name }: Credential, location: SecretLocation): boolean {
  return isOwnedBy(readOwnership(name), ownerAt(location));
}

/** The deletion locks nobody out: the readers of `near` then read `far`, which a run has delivered. */
function deleteHiding(near: SecretLocation, far: SecretLocation, desired: DesiredState): string {
  const { certificateSecretName, pkcs12SecretName, privateKeySecretName, secretName } = desired;
  const names = [secretName, privateKeySecretName, certificateSecretName, pkcs12SecretName].filter(Boolean);
  const access =
    far.destination.kind === 'org' ? `give its repository access to ${printLocation(far)}, then ` : '';
  const or =
    near.destination.kind === 'env'
      ? `, or take the line \`environment: ${near.destination.environment}\` out of the job`
      : '';
  return `Perhaps this job reads ${printLocation(near)}, which hides ${printLocation(far)}. If so, ${access}delete ${names.join(', ')} in ${printDestination(near.destination)}, so that its readers read ${printDestination(far.destination)}${or}.`;
}

/** @param canBeFirst whether the read location can become the first destination. Else runs would take this workflow for another one. */
function passPrimary(read: SecretLocation, primary: SecretLocation, canBeFirst: boolean): string {
  const perhaps = `Perhaps this job reads ${printLocation(read)}. If so,`;
  const { destination } = primary;
  if (destination.kind === 'env' && isBeside(read.destination, destination))
    return `${perhaps} write \`environment: ${destination.environment}\` into the job.`;
  return canBeFirst
    ? `${perhaps} put ${printDestination(read.destination)} first in destinations.`
    : `${perhaps} take the line current-credential out, since the job cannot read ${printLocation(primary)}. First start operation: plan without it, to see who would be interrupted.`;
}

/** Whether a job that reads the one can read the other by naming its environment. */
function isBeside(read: Destination, environment: Extract<Destination, { kind: 'env' }>): boolean {
  if (shadows(environment, read)) return true;
  return read.kind === 'env' && shadows(read, { ...environment, kind: 'repo' });
}
