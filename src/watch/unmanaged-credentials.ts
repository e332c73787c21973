/** Credentials of the client's pool that nobody needs or knows, as findings. Pure. */

import { type Finding, warning } from '../model/finding.ts';
import { code, day } from '../model/markdown.ts';
import { type Credential, isYoung } from '../model/observed-state.ts';
import { readOwnership } from '../model/ownership.ts';
import type { PlanBuilder } from '../plan/plan-builder.ts';

export function unmanagedFindings(builder: PlanBuilder): Finding[] {
  const { pool, observed, desired } = builder;
  return observed.pool
    .filter(({ id }) => !desired.keepCredentials.has(id))
    .flatMap((credential) => {
      if (pool.isManaged(credential) || pool.isLeftover(credential))
        return findingsOfOurs(builder, credential);
      const others = pool.otherOwnership(credential);
      return others
        ? [findingOfOthers(credential, others.owner, others.run)]
        : findingsOfUnmarked(builder, credential);
    });
}

/** The key of a pending one died with the run that made it; a retired one should have been deleted. */
function findingsOfOurs(builder: PlanBuilder, credential: Credential): Finding[] {
  const { pool, observed } = builder;
  const isOrphan =
    builder.isAbandoned(credential) ||
    pool.isLeftover(credential) ||
    builder.describe(credential).stage === 'retired';
  if (!isOrphan || isYoung(credential, observed.now)) return [];
  const run = readOwnership(credential.name)?.run;
  const made = run === undefined ? '' : ` (run ${code(run)} made it on ${day(credential.createdAt)})`;
  return [
    warning(
      `Orphan ${credential.id}`,
      `${code(credential.id)} is a credential of this workflow that nobody holds${made}.`,
      'Start the rotation workflow: it removes it. Until then it takes one of the few places.',
    ),
  ];
}

function findingOfOthers({ id }: Credential, owner: string, run: string): Finding {
  return warning(
    `OthersCredential ${id}`,
    `${code(id)} belongs to another workflow: made for ${code(owner)} by run ${code(run)}.`,
    'Rotate a client from one workflow with many destinations, or name it in keep-credentials.',
  );
}

/** What is associated and was made by hand is in use until we have delivered: only then nothing explains it any more. */
function findingsOfUnmarked({ inUse, pool }: PlanBuilder, credential: Credential): Finding[] {
  const { id } = credential;
  const todo = 'Find out who uses it. Delete it in Auth0, or name it in keep-credentials.';
  if (!pool.isAssociated(credential))
    return [
      warning(
        `UnknownCredential ${id}`,
        `${code(id)} is in the pool, and this workflow does not know it.`,
        todo,
      ),
    ];
  const delivered = inUse.newest !== undefined && pool.isOurs(inUse.newest);
  if (!delivered) return [];
  return [
    warning(
      `UnknownCredential ${id}`,
      `${code(id)} is associated, and this workflow does not know it: anybody who has its key can log in as this client.`,
      todo,
    ),
  ];
}
