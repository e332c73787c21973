/** Says who cannot log in if a plan has to stop or to leave a destination out. Pure. */

import { RotationError } from '../errors.ts';
import { expiredAlarm } from '../model/advice.ts';
import { longDay } from '../model/markdown.ts';
import { whyUnwritable, writtenTimes } from '../model/observed-state.ts';
import { printLocation } from '../model/secret-location.ts';
import { cannotCompare } from './incomparable-keys.ts';
import { refusalOf } from './left-out.ts';
import type { PlanBuilder } from './plan-builder.ts';

/** A refusal is urgent if consumers cannot log in any more, since the schedule tries again only tomorrow. */
export function withLockoutAlarm(error: RotationError, builder: PlanBuilder): RotationError {
  return error.withAlarm(error.alarm ?? lockoutOf(builder, builder.keptSteps));
}

/**
 * Who cannot log in with what the destinations hold, once the first steps of the plan are carried out.
 * @param carriedOut the number of those steps
 */
export function lockoutOf(builder: PlanBuilder, carriedOut: number): string | undefined {
  const { associatedAtStart, desired, inUseAtStart, observed, steps } = builder;
  const { expiresAt, held, isExpiryEstimated, staleCurrent, unregistered } = inUseAtStart;
  if (observed.client?.method !== desired.method) return undefined;
  const isOver = isExpiryEstimated ? undefined : expiredAlarm(expiresAt, observed.now);
  if (isOver !== undefined) return isOver;
  const associated = steps
    .slice(0, carriedOut)
    .reduce((ids, step) => (step.kind === 'associate-credentials' ? step.to : ids), associatedAtStart);
  // A key that cannot be compared may well be the pair: that alone is no reason for an alarm.
  const isUnregistered = unregistered && staleCurrent === undefined && !cannotCompare(builder);
  const out = observed.secrets.filter(({ times }, index) => {
    const [head] = held[index] ?? [];
    const isUnknown = index === 0 && isUnregistered;
    return writtenTimes(times) && (isUnknown || (head !== undefined && !associated.includes(head.id)));
  });
  return out.length === 0
    ? undefined
    : `perhaps the consumers of ${out.map(({ location }) => printLocation(location)).join(', ')} CANNOT LOG IN. Act at once`;
}

/**
 * A location that refuses writes or is left out does not stop the others or a due rotation. The run fails at its end. A revert does not,
 * since it stores nothing.
 */
export function unwritableError(builder: PlanBuilder): RotationError | undefined {
  const { desired, observed } = builder;
  const refusal = refusalOf(desired, observed);
  if (!refusal || desired.operation === 'revert') return undefined;
  const { leftOut = [], refusedTrials = [] } = observed;
  const { alarm, stateNow } = describeUnwritable(builder);
  const names = (of: typeof leftOut) => of.map(({ location }) => location).join(', ');
  const clauses = [
    ...(leftOut.length > 0 ? [`leaves out ${names(leftOut)}`] : []),
    ...(refusedTrials.length > 0 ? [`cannot write ${names(refusedTrials)}`] : []),
  ];
  return new RotationError(refusal.code === 'SECRET_EXISTS' ? 'SECRET_EXISTS' : 'DELIVERY_INCOMPLETE', {
    failed: `This run ${clauses.join(', and ')}. ${refusal.failed}`,
    remedy: refusal.remedy,
    stateNow: `${stateNow} Everything else is done.`,
    alarm,
    cause: refusal.cause,
  });
}

const FOREVER = Number.POSITIVE_INFINITY;

/** What is true of the locations that refuse writes. */
function describeUnwritable({ associated, inUse, observed }: PlanBuilder): {
  stateNow: string;
  alarm: string | undefined;
} {
  const places = observed.secrets.flatMap(({ location, refused, times }, index) => {
    if (!whyUnwritable(observed, location)) return [];
    const working = inUse.held[index]?.find(
      ({ expiresAt: end = FOREVER, id }) => associated.includes(id) && end > observed.now,
    );
    if (refused) return [{ name: printLocation(location), state: 'unread', until: FOREVER }];
    const state = working ? 'kept' : times === 'missing' ? 'missing' : 'out';
    return [{ name: printLocation(location), state, until: working?.expiresAt ?? FOREVER }];
  });
  const until = Math.min(...places.map((place) => place.until));
  const inState = (of: string) =>
    places.flatMap(({ name, state }) => (state === of ? [name] : [])).join(', ');
  const [kept, missing, out] = [inState('kept'), inState('missing'), inState('out')];
  const unread = inState('unread');
  return {
    stateNow: [
      ...(out ? [`The consumers of ${out} CANNOT LOG IN until a write succeeds there.`] : []),
      ...(kept
        ? [
            `What is stored in ${kept} stays associated${until < FOREVER ? ` and expires on ${longDay(until)}` : ''}.`,
          ]
        : []),
      ...(unread ? [`It is unknown what is stored in ${unread}. Nothing was written there.`] : []),
      ...(missing ? [`There is no secret yet in ${missing}.`] : []),
    ].join(' '),
    alarm: out ? `the consumers of ${out} CANNOT LOG IN. Act at once` : undefined,
  };
}
