/** Findings about credentials in the client's pool that are not needed or not known. Pure. */

import { type Finding, warning } from '../model/finding.ts';
import { code, day } from '../model/markdown.ts';
import { type Credential, isYoung } from '../model/observed-state.ts';
import { isDigest, type Ownership, readOwnership } from '../model/ownership.ts';
import { adviceForUsers, removalOf } from '../plan/announce.ts';
import { mayBeHeld } from '../plan/holders.ts';
import { keepOneWorkflowAdvice } from '../plan/other-owners.ts';
import type { PlanBuilder } from '../plan/plan-builder.ts';

/** @param next when the next rotation is due, if that lies ahead. Milliseconds, Auth0's clock */
export function unmanagedFindings(builder: PlanBuilder, next: number | undefined): Finding[] {
  const { owners, observed, desired } = builder;
  return observed.pool
    .filter(({ id }) => !desired.keepCredentials.has(id))
    .flatMap((credential) => {
      if (owners.isOursOrReplaced(credential) || owners.isLeftover(credential))
        return findingsOfOurs(builder, credential, next);
      const others = owners.otherOwnership(credential);
      return others
        ? [findingOfOthers(builder, credential, others)]
        : findingsOfUnmarked(builder, credential, next);
    });
}

/** A credential made by hand that one of ours has replaced. Someone other than the destinations may still use it. */
function findingOfReplaced(
  builder: PlanBuilder,
  credential: Credential,
  next: number | undefined,
): Finding[] {
  const { associated, desired, inUse, owners } = builder;
  const { id } = credential;
  if (!owners.isUnmarked(credential) || !associated.includes(id) || mayBeHeld(inUse, credential)) return [];
  if (desired.removableCredentials.has(id) || builder.isCertainlyExpired(credential)) return [];
  const removal = removalOf(builder, credential, next, code(id));
  if (removal === undefined) return [];
  const released = `If nobody does, name it in removable-credentials, which ends this warning.`;
  return [
    warning(`ReplacedCredential ${id}`, removal, `${adviceForUsers(builder, credential, next)} ${released}`),
  ];
}

/**
 * Findings about credentials that nobody holds, our own and those that they replaced. The key of an abandoned one was lost with
 * its run, and a retired one should have been deleted.
 */
function findingsOfOurs(builder: PlanBuilder, credential: Credential, next: number | undefined): Finding[] {
  const { owners, observed } = builder;
  const isOrphan =
    builder.isAbandoned(credential) ||
    owners.isLeftover(credential) ||
    builder.toPlanned(credential).stage === 'retired';
  const run = readOwnership(credential.name)?.run;
  const made = run === undefined ? '' : ` (run ${code(run)} made it on ${day(credential.createdAt)})`;
  if (!isOrphan) return findingOfReplaced(builder, credential, next);
  if (isYoung(credential, observed.now)) return [];
  const limit = 'Until then it counts towards the limit of the client.';
  return [
    owners.isUnmarked(credential)
      ? warning(
          `Orphan ${credential.id}`,
          `${code(credential.id)} was made by hand, and this workflow has replaced it. It is not associated, so nobody can log in with it.`,
          `Delete it in Auth0, or wait until a run of the rotation workflow does. ${limit}`,
        )
      : warning(
          `Orphan ${credential.id}`,
          `${code(credential.id)} is a credential of this workflow that nobody holds${made}.`,
          `Start the rotation workflow, which removes it. ${limit}`,
        ),
  ];
}

function findingOfOthers(builder: PlanBuilder, { id }: Credential, { owner, run }: Ownership): Finding {
  return warning(
    `OthersCredential ${id}`,
    `${code(id)} belongs to another workflow: run ${code(run)} made it for ${code(owner)}.`,
    `${moved(owner)}${keepOneWorkflowAdvice(builder, code(owner))}`,
  );
}

function moved(owner: string): string {
  return isDigest(owner)
    ? ''
    : `If ${code(owner)} used to be the first destination of this workflow, add the line ${code(`moved-from: ${owner}`)}. `;
}

/** Findings about credentials made by hand. An associated one counts as in use until we have delivered one of ours. */
function findingsOfUnmarked(
  builder: PlanBuilder,
  credential: Credential,
  next: number | undefined,
): Finding[] {
  const { inUse, owners } = builder;
  const { id } = credential;
  const on = next === undefined ? '' : ` (${day(next)})`;
  const isAssociated = owners.isAssociated(credential);
  const unheld = isAssociated
    ? `Find out who uses it. If nobody does, disassociate and delete it in Auth0. If somebody does, name it in keep-credentials, and let its users read the delivered secret, or give them another client, before the next rotation${on}, which needs its slot.`
    : `Find out what uses it, such as signed_request_object or another tool. If nothing does, delete it in Auth0. If something does, name it in keep-credentials, and move that use elsewhere before the next rotation${on}, which needs its slot.`;
  const todo = mayBeHeld(inUse, credential)
    ? `It is ${builder.whyKept(credential)}. Do not delete it in Auth0 while anybody reads that secret.`
    : unheld;
  if (!isAssociated)
    return [
      warning(
        `UnknownCredential ${id}`,
        `${code(id)} is a credential of this client that this workflow did not make. It is not associated, so nobody can log in with it.`,
        todo,
      ),
    ];
  const delivered = inUse.newest !== undefined && owners.isOurs(inUse.newest);
  if (!delivered) return [];
  return [
    warning(
      `UnknownCredential ${id}`,
      `${code(id)} is associated, but this workflow does not know it. Anybody who has its key can log in as this client.`,
      todo,
    ),
  ];
}
