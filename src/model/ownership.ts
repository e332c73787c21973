/** The mark in a credential's name. It names the owner, so that no workflow touches another's (docs/facts.md#auth0-pool-ownership). */

import { createHash } from 'node:crypto';
import type { DesiredState } from './desired-state.ts';
import { printDestination, type SecretLocation } from './secret-location.ts';

export interface Ownership {
  owner: string;
  /** Run id and attempt, `123456.1`. */
  run: string;
  /** Id of the credential that it replaces, if that one was made by hand and has no mark. */
  after?: string | undefined;
  /** A rehearsal made it, to prove it and remove it again. No destination ever holds it. */
  rehearsal?: boolean;
}

/** Auth0 allows 128 characters in a credential's name (Management API, POST /clients/{id}/credentials). */
const LONGEST_NAME = 128;
const PREFIX = 'auth0-mtls-rotation';
const FORM = new RegExp(`^${PREFIX} (.+) run (\\S+?)(?: after (\\S+))?( rehearsal)?$`);

/** The owner that a workflow with this primary has. */
export function ownerAt({ destination, secretName }: SecretLocation): string {
  return ownerOf({ destinations: [destination], secretName });
}

/** Primary destination and secret in a canonical spelling, since GitHub's names ignore case. */
export function ownerOf(desired: Pick<DesiredState, 'destinations' | 'secretName'>): string {
  return `${printDestination(desired.destinations[0]).toLowerCase()}#${desired.secretName.toUpperCase()}`;
}

export function writeOwnership({ owner, run, after, rehearsal }: Ownership): string {
  const rest = ` run ${run}${after === undefined ? '' : ` after ${after}`}${rehearsal ? ' rehearsal' : ''}`;
  return `${PREFIX} ${shortened(owner, rest)}${rest}`;
}

/** The name of the credential that a run makes. @param after id of the credential made by hand that it replaces, if any */
export function credentialNameFor(desired: DesiredState, after: string | undefined): string {
  const { operation, run } = desired;
  return writeOwnership({ owner: ownerOf(desired), run, after, rehearsal: operation === 'rehearse' });
}

/** The key of `client_metadata` that holds the owner of a client made by `create`. */
export const CLIENT_OWNER_KEY = PREFIX;

/** Auth0 allows 255 characters in a value of `client_metadata` (docs/facts.md#auth0-client-metadata), so a longer owner becomes a digest. */
export function writeClientOwner(owner: string): string {
  return owner.length <= 255 ? owner : digest(owner);
}

/** Reads the mark in a credential's name. undefined: the credential was made by hand, or by another tool. */
export function readOwnership(name: string | undefined): Ownership | undefined {
  const match = FORM.exec(name ?? '');
  return match
    ? { owner: `${match[1]}`, run: `${match[2]}`, after: match[3], rehearsal: match[4] !== undefined }
    : undefined;
}

/** Whether a mark names this owner. An owner that is too long for a name is marked by its digest. */
export function isOwnedBy(ownership: Pick<Ownership, 'owner'> | undefined, owner: string): boolean {
  return ownership !== undefined && (ownership.owner === owner || ownership.owner === digest(owner));
}

function shortened(owner: string, rest: string): string {
  const longest = LONGEST_NAME - `${PREFIX} ${rest}`.length;
  return owner.length <= longest ? owner : digest(owner);
}

const DIGEST = 'sha256:';

/** Whether an owner was too long for its mark. Its digest names no place. */
export function isDigest(owner: string): boolean {
  return owner.startsWith(DIGEST);
}

function digest(owner: string): string {
  return `${DIGEST}${createHash('sha256').update(owner).digest('hex').slice(0, 32)}`;
}

/** The owner that `client_metadata` names, for a client that `create` made. */
export function clientOwnerOf(desired: DesiredState): string {
  return writeClientOwner(ownerOf(desired));
}
