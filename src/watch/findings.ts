/** Derives findings from the desired and the observed state, and from the error that a rotation would meet. Pure. */

import type { ErrorCode, RotationError } from '../errors.ts';
import { dropDestinationAdvice, START_EMERGENCY } from '../model/advice.ts';
import type { DesiredState } from '../model/desired-state.ts';
import { type Finding, failure, kindOf, said, warning } from '../model/finding.ts';
import { code, day } from '../model/markdown.ts';
import {
  type Credential,
  isYoung,
  lastExpiry,
  type ObservedState,
  whyUnwritable,
} from '../model/observed-state.ts';
import type { Lifetime } from '../model/run-result.ts';
import { printLocation, type SecretLocation } from '../model/secret-location.ts';
import { DAY } from '../model/timing.ts';
import type { CredentialsInUse } from '../plan/in-use.ts';
import { cannotCompare, causeOf } from '../plan/incomparable-keys.ts';
import { KEEP_ONE } from '../plan/other-owners.ts';
import { PlanBuilder } from '../plan/plan-builder.ts';
import { dueAt, firstReason, nextDue } from '../plan/reasons.ts';
import { adviceOnIncomparable } from '../plan/unknown-secret.ts';
import { lifetimeOf } from './lifetime.ts';
import { unmanagedFindings } from './unmanaged-credentials.ts';

/** The error that stops a rotation. */
export interface RefusedRotation {
  error: RotationError;
  /** It stopped the plan of this run. false: it stopped only a simulated plan, as for the next rotation. */
  isActual: boolean;
}

/** The findings about the client. @param refusal why a rotation would be refused, if it would */
export function assess(
  desired: DesiredState,
  observed: ObservedState,
  refusal: RefusedRotation | undefined,
): Finding[] {
  const builder = new PlanBuilder(desired, observed);
  const next = nextRotation(builder);
  const refused = refusal ? [refusedRotation(refusal, next === undefined ? undefined : day(next))] : [];
  if (observed.client?.method !== desired.method) return refused;
  return [
    ...refused,
    ...lifetimeFindings(builder),
    ...[...destinationFindings(builder), ...unmanagedFindings(builder, next), ...clientFindings(builder)].map(
      (finding) => (refusal ? besideRefusal(finding, refusal) : finding),
    ),
  ];
}

/** When the next rotation is due. undefined: nothing records it, or one is due now. */
function nextRotation(builder: PlanBuilder): number | undefined {
  const next = nextDue(builder, false);
  return next === undefined || next <= builder.observed.now ? undefined : next;
}

/** Starting a rotation that would be refused is no use. Another finding has the advice on the refusal, so this one refers to it. */
function besideRefusal(finding: Finding, { error, isActual }: RefusedRotation): Finding {
  const advice = 'the advice above about the rotation that would be refused';
  if (kindOf(finding) === 'OthersCredential' && error.remedy.includes(KEEP_ONE))
    return { ...finding, todo: `Follow ${advice}.` };
  const todo = finding.todo.replace(/^Start the rotation/, `First follow ${advice}. Then start the rotation`);
  return isActual ? { ...finding, todo } : finding;
}

/**
 * Whether another run is at work or has just ended, so the observed state is in transition. That passes within the lease. A refusal
 * that lasts longer, as between two workflows, is a finding.
 */
export function isAtWork(
  desired: DesiredState,
  observed: ObservedState,
  refusal: RefusedRotation | undefined,
): boolean {
  // If the current-credential is stale, GitHub read this job's secrets before the other run delivered.
  const mayPass: readonly (ErrorCode | undefined)[] = ['ROTATION_IN_PROGRESS', 'STALE_CREDENTIAL'];
  const { owners } = new PlanBuilder(desired, observed);
  return (
    mayPass.includes(refusal?.error.code) &&
    observed.pool.some((c) => owners.isOurs(c) && isYoung(c, observed.now))
  );
}

/** The alarm for each kind of finding that says that consumers cannot log in now. The most urgent kind comes first. */
const LOCKOUTS: Readonly<Record<string, string>> = {
  NothingAssociated: 'NOBODY CAN LOG IN. Act at once',
  CertificateExpired: 'consumers CANNOT LOG IN. Act at once',
  NotAssociated: 'consumers CANNOT LOG IN. Act at once',
  SecretUnknown: 'consumers CANNOT LOG IN. Act at once',
  // A destination that is new may have no consumers yet.
  SecretMissing: 'perhaps consumers CANNOT LOG IN. Act at once',
};

/** The most urgent news of a watch. @param code of the error that would stop a rotation today */
export function lockout(failures: readonly Finding[], code: ErrorCode | undefined): string | undefined {
  const kinds = failures.map(kindOf);
  const kind = Object.keys(LOCKOUTS).find((one) => kinds.includes(one));
  // With an outdated current-credential it is unknown what the primary holds.
  if (kind === undefined || (code === 'STALE_CREDENTIAL' && kind === 'SecretUnknown')) return undefined;
  return LOCKOUTS[kind];
}

function refusedRotation({ error, isActual }: RefusedRotation, next: string | undefined): Finding {
  const which = isActual ? 'A rotation' : `The next rotation${next === undefined ? '' : `, on ${next},`}`;
  const what = `${which} would be refused (${error.code}): ${said(error)}.`;
  return (isActual ? failure : warning)('RotationRefused', what, error.remedy);
}

/** GitHub may skip a scheduled run, so a rotation on the next day is not overdue. */
const GRACE = 2 * DAY;

function lifetimeFindings({ inUse, observed, desired }: PlanBuilder): Finding[] {
  const lifetime = lifetimeOf(desired, observed, inUse);
  const isBareKey = desired.method === 'private_key_jwt';
  // Another finding reports that Auth0 does not know what the primary holds.
  const isUnknown = inUse.unregistered && !cannotCompare({ desired, inUse, observed });
  if (inUse.heldByPrimary === undefined || isUnknown) return [];
  if (lifetime === undefined)
    return [
      warning(
        'ExpiryUnknown',
        `The expiry of the ${isBareKey ? 'key' : 'certificate'} in use is not recorded.`,
        isBareKey
          ? RECORDS
          : 'Pass current-credential. Or pass github-token, and set validity-days as the rotation workflow does.',
      ),
    ];
  const due = dueAt(desired, lifetime.until);
  const estimated = warning(
    'ExpiryEstimated',
    `The expiry on ${day(lifetime.until)} is an estimate, since Auth0 records none: the credential may expire earlier.`,
    isBareKey ? RECORDS : 'Pass current-credential, which shows it.',
  );
  const isOverdue = due + GRACE <= observed.now;
  const overdue = warning(
    'RotationOverdue',
    `A rotation has been due since ${day(due)}, and none has succeeded since.`,
    'Look at the last runs of the rotation workflow, and start it.',
  );
  return [
    ...lifetimeLeftFindings(lifetime, due, observed.now),
    ...(isOverdue ? [overdue] : []),
    ...(inUse.isExpiryEstimated ? [estimated] : []),
  ];
}

/** A bare key shows no expiry of its own. */
const RECORDS =
  'The next rotation replaces it by one with a recorded expiry. To have that now, start the rotation workflow by hand once with force: true.';

/** @param due when a rotation is due */
function lifetimeLeftFindings({ left, until }: Lifetime, due: number, now: number): Finding[] {
  const rotate =
    due <= now
      ? 'Start the rotation workflow now. If it fails, its message says what to do.'
      : `A rotation is due only on ${day(due)}. Let it rotate earlier (renew-before-days), or start the rotation workflow by hand once with force: true.`;
  if (left <= 0)
    return [
      failure(
        'CertificateExpired',
        `The credential in the primary destination expired on ${day(until)}, so its consumers cannot log in.`,
        rotate,
      ),
    ];
  const what = (part: string) =>
    `The credential in use has less than a ${part} of its validity left. It expires on ${day(until)}.`;
  if (left < FAILS) return [failure('CertificateExpiring', what('tenth'), rotate)];
  const isDueButNotOverdue = due <= now && due + GRACE > now;
  if (left >= WARNS || isDueButNotOverdue) return [];
  return [warning('CertificateExpiring', what('third'), rotate)];
}

const WARNS = 1 / 3;
const FAILS = 1 / 10;

function destinationFindings(builder: PlanBuilder): Finding[] {
  const { desired, inUse, observed } = builder;
  if (observed.secrets.some(({ refused, times }) => times === 'unread' && !refused))
    return [
      warning(
        'SecretsUnread',
        'The secrets of the destinations were not read.',
        "Pass a github-token that may read them ('Secrets: read'; for environments 'Environments: read').",
      ),
    ];
  if (isNothingDelivered(builder)) return [nothingDelivered(builder)];
  const due = firstReason(builder);
  const unclear =
    (inUse.primaryUnexplained || inUse.perhapsDisplaced) && inUse.heldByPrimary && !inUse.unregistered;
  return [
    ...observed.secrets.flatMap((_, index) => destinationFinding(builder, index)),
    ...(unclear && (due?.reason === 'NotDelivered' || due?.reason === 'UnidentifiedSecret')
      ? [
          warning(
            'DeliveryUnclear',
            `${code(due.explanation)}.`,
            cannotCompare(builder)
              ? adviceOnIncomparable(builder)
              : `${desired.currentKey ? '' : 'Pass current-credential. '}Start the rotation workflow.`,
          ),
        ]
      : []),
  ];
}

/** Before the first delivery nobody reads a secret of this workflow. People log in with what was made by hand. */
function isNothingDelivered({ associated, observed, owners, pool }: PlanBuilder): boolean {
  const isMissing = observed.secrets.every(({ times }) => times === 'missing');
  const works = (lastExpiry(observed) ?? Number.POSITIVE_INFINITY) > observed.now;
  return isMissing && works && associated.length > 0 && !pool.some(owners.isOursOrReplaced);
}

function nothingDelivered({ associated, observed }: PlanBuilder): Finding {
  const places = observed.secrets.map(({ location }) => code(printLocation(location))).join(', ');
  const end = lastExpiry(observed);
  const until = end === undefined ? '' : `until ${day(end)} `;
  return warning(
    'NothingDelivered',
    `Nothing has been delivered to ${places} yet. Consumers can log in ${until}with ${associated.map(code).join(' and ')}, which this workflow did not make.`,
    'Start the rotation workflow. Then let the consumers read the secret.',
  );
}

function destinationFinding(builder: PlanBuilder, index: number): Finding[] {
  const { desired, inUse, owners, observed } = builder;
  const secret = observed.secrets[index];
  if (secret === undefined) return [];
  const location = code(printLocation(secret.location));
  const [held] = inUse.held[index] ?? [];
  const rotate = 'Start the rotation workflow.';
  const leftOut = whyUnwritable(observed, secret.location);
  if (leftOut)
    return [
      failure(
        `LeftOut ${printLocation(secret.location)}`,
        `Every run leaves out ${location}: ${said(leftOut)}.`,
        leftOut.remedy + (secret.refused ? dropDestinationAdvice(secret.location, desired) : ''),
      ),
    ];
  if (secret.times === 'missing')
    return [
      failure(
        `SecretMissing ${printLocation(secret.location)}`,
        `${location} is missing, so its consumers cannot log in.`,
        (index === 0 ? rotate : WITH_CURRENT) + dropDestinationAdvice(secret.location, desired),
      ),
    ];
  if (held === undefined || (index === 0 && inUse.unregistered))
    return [unknownAt(builder, secret.location, index)];
  if (!owners.isAssociated(held))
    return [
      failure(
        `NotAssociated ${printLocation(secret.location)}`,
        `${location} holds ${code(held.id)}, which is not associated, so its consumers cannot log in.`,
        `${rotate} It associates the credential again. But if it was taken out because its key has leaked, ${START_EMERGENCY} instead.`,
      ),
    ];
  return inUse.lacking.includes(index) ? [stale(secret.location, held, inUse)] : [];
}

/** A key that cannot be compared may well be the pair. That alone is no failure. */
function unknownAt(builder: PlanBuilder, at: SecretLocation, index: number): Finding {
  const { inUse, observed } = builder;
  const location = code(printLocation(at));
  if (index === 0 && cannotCompare(builder))
    return warning(
      'DeliveryUnclear',
      `${causeOf(observed, code)}, so the watch cannot see whether ${location} holds a key of this client.`,
      adviceOnIncomparable(builder),
    );
  return failure(
    `SecretUnknown ${printLocation(at)}`,
    `${location} does not hold a credential of the client, so its consumers cannot log in.`,
    `Start the rotation workflow.${inUse.unregistered ? UNREGISTERED : ''}`,
  );
}

/** Of a subject DN every location holds the same credential, and perhaps an older certificate of it. */
function stale(at: SecretLocation, { id }: Credential, { newest }: CredentialsInUse): Finding {
  const location = code(printLocation(at));
  return warning(
    `SecretStale ${printLocation(at)}`,
    id === newest?.id
      ? `${location} was written before the primary destination, so it holds an older certificate with the same subject. Its consumers cannot log in once that certificate expires.`
      : `${location} holds an older credential (${code(id)}) than another destination. Its consumers cannot log in once that credential is removed.`,
    'Start the rotation workflow. With current-credential it updates this secret.',
  );
}

/** The watch knows the primary's pair only by this input. */
const UNREGISTERED = ' But if the line current-credential of the watch names another secret, correct that.';

/** For a destination other than the primary. Without the pair, a run leaves it to the next rotation. */
const WITH_CURRENT = 'Start the rotation workflow with current-credential: it stores the pair there.';

function clientFindings({ associated, observed, desired }: PlanBuilder): Finding[] {
  const found: Finding[] = [];
  if (associated.length === 0)
    found.push(
      failure(
        'NothingAssociated',
        'No credential is associated, so nobody can log in.',
        `Start the rotation workflow. But if the credential was taken out because its key has leaked, ${START_EMERGENCY} instead.`,
      ),
    );
  const isBound = observed.client?.binding.required ?? false;
  if (desired.tokenBinding !== 'unchanged' && (desired.tokenBinding === 'required') !== isBound)
    found.push(
      warning(
        'TokenBindingDiffers',
        `Access tokens are ${isBound ? '' : 'not '}bound to the certificate, but token-binding is ${desired.tokenBinding}.`,
        `Start the rotation workflow${isBound ? '' : ' with current-credential'}, which corrects this, or find out who changed it.`,
      ),
    );
  return found;
}
