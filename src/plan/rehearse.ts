/** Plans a rehearsal: a rotation without a delivery. Its credential is proven and removed again. Pure. */

import { RotationError } from '../errors.ts';
import { METHOD_CAPACITY } from '../model/capacity.ts';
import { isYoung } from '../model/observed-state.ts';
import { ISSUED } from '../model/step.ts';
import { capacityExhausted, subjectTaken } from './no-room.ts';
import type { PlanBuilder } from './plan-builder.ts';
import { materialOf } from './rotate.ts';
import { refuseUnknownSecret } from './unknown-secret.ts';

/** @throws RotationError CREDENTIAL_LIMIT, since it makes room only by removing what earlier rehearsals left, and what `requireWritable` throws */
export function rehearse(builder: PlanBuilder): { reason: 'Rehearsal'; explanation: string } {
  const { owners, observed, steps, desired } = builder;
  builder.requireWritable();
  noteRefusal(builder);
  const isLeftByRehearsal = (c: PlanBuilder['pool'][number]) =>
    owners.isMadeByRehearsal(c) && !isYoung(c, observed.now);
  for (const credential of builder.pool.filter((c) => isLeftByRehearsal(c) && !builder.isProtected(c)))
    builder.remove(credential, 'discard');
  builder.reuses = registeredSubject(builder);
  const before = builder.associated;
  steps.push({ kind: 'issue-certificate', what: materialOf(desired) });
  if (builder.reuses === undefined) {
    if (before.length >= METHOD_CAPACITY) throw capacityExhausted(builder);
    steps.push({ kind: 'create-credential' });
    builder.associate([...before, ISSUED], 'add');
  }
  steps.push({ kind: 'authenticate' }, { kind: 'authenticate-unregistered' });
  if (builder.reuses === undefined) {
    builder.associate(before, 'rehearse', { confirm: true });
    steps.push({ kind: 'delete-credential', id: ISSUED, why: 'rehearse' });
  }
  return { reason: 'Rehearsal', explanation: 'a rehearsal was requested, which delivers nothing' };
}

/** Warns of what would stop a rotation, and not this rehearsal: a secret that may belong to another client. */
function noteRefusal(builder: PlanBuilder): void {
  try {
    refuseUnknownSecret(builder);
  } catch (error) {
    if (!(error instanceof RotationError)) throw error;
    builder.note('warning', `A rotation would be refused (${error.code}): ${error.failed} ${error.remedy}`);
  }
}

/**
 * Id of the credential with the desired subject DN. A certificate with a registered subject DN needs no new credential (RFC 8705 2.1).
 * @throws RotationError CREDENTIAL_LIMIT
 */
function registeredSubject(builder: PlanBuilder): string | undefined {
  const { associated, owners, pool, desired } = builder;
  const same = pool.find(({ identity }) => identity === desired.subject);
  if (desired.method !== 'tls_client_auth' || !same) return undefined;
  if (owners.isForeign(same) || !associated.includes(same.id)) throw subjectTaken(builder, same);
  return same.id;
}
