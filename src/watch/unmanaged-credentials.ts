/** Credentials of the client's pool that nobody needs or knows, as findings. Pure. */

import { code, day, type Finding, warning } from '../model/finding.ts';
import type { Credential } from '../model/observed-state.ts';
import { readMark } from '../model/ownership.ts';
import { isYoung } from '../plan/in-use.ts';
import type { Draft } from '../plan/plan-builder.ts';

export function ofPool(draft: Draft): Finding[] {
  const { pool, state, wish } = draft;
  return state.pool
    .filter(({ id }) => !wish.keepCredentials.has(id))
    .flatMap((credential) => {
      if (pool.isManaged(credential) || pool.isLeftover(credential)) return ofOurs(draft, credential);
      const others = pool.othersMark(credential);
      return others ? [ofOthers(credential, others.owner, others.run)] : ofUnmarked(draft, credential);
    });
}

/** The key of a pending one died with the run that made it; a retired one should have been deleted. */
function ofOurs(draft: Draft, credential: Credential): Finding[] {
  const { pool, state } = draft;
  const isOrphan =
    draft.isAbandoned(credential) ||
    pool.isLeftover(credential) ||
    draft.describe(credential).stage === 'retired';
  if (!isOrphan || isYoung(credential, state.now)) return [];
  const run = readMark(credential.name)?.run;
  const made = run === undefined ? '' : ` (run ${code(run)} made it on ${day(credential.createdAt)})`;
  return [
    warning(
      `Orphan ${credential.id}`,
      `${code(credential.id)} is a credential of this workflow that nobody holds${made}.`,
      'Start the rotation workflow: it removes it. Until then it takes one of the few places.',
    ),
  ];
}

function ofOthers({ id }: Credential, owner: string, run: string): Finding {
  return warning(
    `OthersCredential ${id}`,
    `${code(id)} belongs to another workflow: made for ${code(owner)} by run ${code(run)}.`,
    'Rotate a client from one workflow with many destinations, or name it in keep-credentials.',
  );
}

/** What is associated and was made by hand is in use until we have delivered: only then nothing explains it any more. */
function ofUnmarked({ evidence, pool }: Draft, credential: Credential): Finding[] {
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
  const delivered = evidence.newest !== undefined && pool.isOurs(evidence.newest);
  if (!delivered) return [];
  return [
    warning(
      `UnknownCredential ${id}`,
      `${code(id)} is associated, and this workflow does not know it: whoever has its key can log in as this client.`,
      todo,
    ),
  ];
}
