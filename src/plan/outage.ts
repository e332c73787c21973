/** Says who cannot log in where a plan has to stop, or leaves a destination out. Pure. */

import { RotationError } from '../errors.ts';
import { longDay } from '../model/markdown.ts';
import { refusalOf, writtenTimes } from '../model/observed-state.ts';
import { takeOutLine } from '../model/ownership.ts';
import { printLocation } from '../model/secret-location.ts';
import type { PlanBuilder } from './plan-builder.ts';

/** A refusal is urgent where consumers cannot log in any more: the schedule would try again tomorrow. */
export function alarming(error: RotationError, builder: PlanBuilder): RotationError {
  const leaked = builder.desired.revoke ? NOT_REVOKED : undefined;
  return error.withStateNow(error.stateNow, error.alarm ?? outageOf(builder, builder.keptSteps) ?? leaked);
}

export const NOT_REVOKED = 'what was to be revoked is STILL VALID. Act at once';

/**
 * @param carriedOut how many steps are
 * @returns who cannot log in then with what the destinations hold
 */
export function outageOf(
  { associatedAtStart, desired, inUseAtStart, observed, steps }: PlanBuilder,
  carriedOut: number,
): string | undefined {
  const { expiresAt, held, stale, unregistered } = inUseAtStart;
  if (observed.client?.method !== desired.method) return undefined;
  // Without current-credential, the expiry of a subject DN is an estimate.
  const isRecorded = desired.method !== 'tls_client_auth' || desired.current !== undefined;
  if (expiresAt !== undefined && expiresAt <= observed.now && isRecorded)
    return `the current key expired on ${longDay(expiresAt)}: its consumers CANNOT LOG IN. Act at once`;
  const associated = steps
    .slice(0, carriedOut)
    .reduce((ids, step) => (step.kind === 'associate-credentials' ? step.to : ids), associatedAtStart);
  const out = observed.secrets.filter(({ times }, index) => {
    const [head] = held[index] ?? [];
    const isUnknown = index === 0 && unregistered && stale === undefined;
    return writtenTimes(times) && (isUnknown || (head !== undefined && !associated.includes(head.id)));
  });
  return out.length === 0
    ? undefined
    : `perhaps the consumers of ${out.map(({ location }) => printLocation(location)).join(', ')} CANNOT LOG IN. Act at once`;
}

/** A location that refuses writes or is left out does not stop the others or a due rotation. The run fails at its end. */
export function unwritableError(builder: PlanBuilder): RotationError | undefined {
  const { leftOut = [], secrets, unwritable = [] } = builder.observed;
  const all = [...leftOut, ...unwritable];
  const [first] = all;
  if (!first) return undefined;
  const secret = secrets.find(({ location }) => printLocation(location) === first.location);
  const { alarm, stateNow } = whatRefusingHold(builder);
  const isOthers = first.error.code === 'SECRET_EXISTS';
  const did = leftOut.length > 0 ? 'was left out' : 'cannot be written';
  return new RotationError(isOthers ? 'SECRET_EXISTS' : 'DELIVERY_INCOMPLETE', {
    failed: `${all.map(({ location }) => location).join(', ')} ${did}. ${first.error.failed}`,
    remedy: first.error.remedy + (secret && !isOthers ? takeOutLine(secret.location, builder.desired) : ''),
    stateNow: `${stateNow} Everything else is done.`,
    alarm,
    cause: first.error,
  });
}

function whatRefusingHold({ associated, inUse, observed }: PlanBuilder): {
  stateNow: string;
  alarm: string | undefined;
} {
  const places = observed.secrets.flatMap(({ location, refused, times }, index) => {
    const error = refusalOf(observed, location);
    if (!error) return [];
    const works = inUse.held[index]?.some(({ id }) => associated.includes(id)) === true;
    const isOthers = error.code === 'SECRET_EXISTS' && times !== 'missing';
    const known = works ? 'kept' : times === 'missing' ? 'missing' : 'out';
    return [{ name: printLocation(location), state: refused ? 'unread' : isOthers ? 'others' : known }];
  });
  const inState = (of: string) =>
    places.flatMap(({ name, state }) => (state === of ? [name] : [])).join(', ');
  const [kept, missing, out] = [inState('kept'), inState('missing'), inState('out')];
  const [unread, others] = [inState('unread'), inState('others')];
  return {
    stateNow: [
      ...(out ? [`The consumers of ${out} CANNOT LOG IN until it can be written.`] : []),
      ...(kept ? [`${kept} keeps what it holds, which stays associated.`] : []),
      ...(others ? [`${others} keeps what it holds.`] : []),
      ...(unread ? [`It is unknown what ${unread} holds: it got nothing.`] : []),
      ...(missing ? [`${missing} has no secret yet.`] : []),
    ].join(' '),
    alarm: out ? `the consumers of ${out} CANNOT LOG IN. Act at once` : undefined,
  };
}
