/** What a watch finds: (wish, what was observed, what the rotation would say) → what a person should do. Pure. */

import type { RotationError } from '../errors.ts';
import { DAY, type Wish } from '../model/desired-state.ts';
import { code, day, type Finding, failure, warning } from '../model/finding.ts';
import type { State } from '../model/observed-state.ts';
import { printPlace } from '../model/secret-location.ts';
import { isYoung } from '../plan/in-use.ts';
import { Draft } from '../plan/plan-builder.ts';
import { firstReason, nextRotation } from '../plan/reasons.ts';
import { type Life, lifeOf } from './lifetime.ts';
import { ofPool } from './unmanaged-credentials.ts';

/** Why a rotation would change nothing: a run today, or only the one that is due some day. */
export interface Refusal {
  error: RotationError;
  isToday: boolean;
}

export function judge(wish: Wish, state: State, refusal: Refusal | undefined): Finding[] {
  const draft = new Draft(wish, state);
  const refused = refusal ? [refusedRotation(refusal)] : [];
  if (state.client?.method !== wish.method) return refused;
  return [...refused, ...ofLife(draft), ...ofDestinations(draft), ...ofPool(draft), ...ofClient(draft)];
}

/** Another run is at work, or has been a moment ago: what is there now is no state to judge. */
export function isAtWork(wish: Wish, state: State, refusal: Refusal | undefined): boolean {
  const code = refusal?.error.code;
  if (code === 'ROTATION_IN_PROGRESS') return true;
  const { pool } = new Draft(wish, state);
  // This job's secrets were read before that run has delivered.
  return code === 'STALE_CREDENTIAL' && state.pool.some((c) => pool.isOurs(c) && isYoung(c, state.now));
}

function refusedRotation({ error, isToday }: Refusal): Finding {
  const what = `${isToday ? 'A' : 'The next'} rotation would be refused (${error.code}): ${code(error.failed)}.`;
  return (isToday ? failure : warning)('RotationRefused', what, error.remedy);
}

/** A schedule may drop a run: the one of the next day counts as in time. */
const GRACE = 2 * DAY;

function ofLife({ evidence, state, wish }: Draft): Finding[] {
  const life = lifeOf(wish, state, evidence);
  // What the primary holds is unknown to Auth0, which is a finding of its own.
  if (evidence.current === undefined || evidence.unregistered) return [];
  if (life === undefined)
    return [
      warning(
        'ExpiryUnknown',
        'Nobody records when the certificate in use expires.',
        'Pass current-credential, or github-token and the validity-days of the rotation.',
      ),
    ];
  const due = nextRotation(wish, life.until);
  const isOverdue = due + GRACE <= state.now;
  const overdue = warning(
    'RotationOverdue',
    `A rotation has been due since ${day(due)}, and nothing has rotated.`,
    'Look at the last runs of the rotation workflow, and start it.',
  );
  return [...ofLifeLeft(wish, life, due <= state.now && !isOverdue), ...(isOverdue ? [overdue] : [])];
}

function ofLifeLeft(wish: Wish, { left, until }: Life, isDueToday: boolean): Finding[] {
  const rotate = 'Start the rotation workflow now; if it fails, its message says what to do.';
  if (left <= 0)
    return [
      failure('CertificateExpired', `What is in use expired on ${day(until)}: nobody can log in.`, rotate),
    ];
  const what = (part: string) =>
    `Less than a ${part} of its life is left to what is in use: it expires on ${day(until)}.`;
  if (left < FAILS) return [failure('CertificateExpiring', what('tenth'), rotate)];
  if (left >= WARNS || isDueToday) return [];
  const todo = `Start the rotation workflow, or let it rotate earlier (renew-before-days is ${wish.renewBeforeDays}).`;
  return [warning('CertificateExpiring', what('third'), todo)];
}

const WARNS = 1 / 3;
const FAILS = 1 / 10;

function ofDestinations(draft: Draft): Finding[] {
  const { evidence, state, wish } = draft;
  if (state.secrets.some(({ times }) => times === 'unread'))
    return [
      warning(
        'SecretsUnread',
        'GitHub was not asked what the destinations hold.',
        "Give a github-token that may read them ('Secrets: read', for environments 'Environments: read' as well).",
      ),
    ];
  const due = firstReason({ wish, state, evidence });
  const unclear = (evidence.unexplained || evidence.displaced) && evidence.current && !evidence.unregistered;
  return [
    ...state.secrets.flatMap((_, index) => ofDestination(draft, index)),
    ...(unclear && due?.reason === 'NotDelivered'
      ? [
          warning(
            'DeliveryUnclear',
            `${code(due.explanation)}.`,
            'Pass current-credential, and start the rotation workflow.',
          ),
        ]
      : []),
  ];
}

function ofDestination({ evidence, pool, state }: Draft, index: number): Finding[] {
  const secret = state.secrets[index];
  if (secret === undefined) return [];
  const place = code(printPlace(secret.place));
  const [held] = evidence.held[index] ?? [];
  const rotate = 'Start the rotation workflow.';
  if (secret.times === 'missing')
    return [
      failure(
        `SecretMissing ${printPlace(secret.place)}`,
        `${place} is missing: its consumers have nothing to log in with.`,
        `${rotate} Or take it out of destinations.`,
      ),
    ];
  if (held === undefined || (index === 0 && evidence.unregistered))
    return [
      failure(
        `SecretUnknown ${printPlace(secret.place)}`,
        `${place} holds nothing that the client knows: its consumers cannot log in.`,
        rotate,
      ),
    ];
  if (!pool.isAssociated(held))
    return [
      failure(
        `NotAssociated ${printPlace(secret.place)}`,
        `${place} holds ${code(held.id)}, which is not associated: its consumers cannot log in.`,
        `${rotate} It associates it again.`,
      ),
    ];
  if (!evidence.lacking.includes(index)) return [];
  return [
    warning(
      `SecretStale ${printPlace(secret.place)}`,
      `${place} holds an older credential than another destination (${code(held.id)}): its consumers cannot log in once that gives way.`,
      `${rotate} With current-credential it brings this one up to date.`,
    ),
  ];
}

function ofClient({ associated, state, wish }: Draft): Finding[] {
  const found: Finding[] = [];
  if (associated.length === 0)
    found.push(
      failure(
        'NothingAssociated',
        'No credential is associated: nobody can log in.',
        'Start the rotation workflow.',
      ),
    );
  const isBound = state.client?.binding.required ?? false;
  if (wish.tokenBinding !== 'unchanged' && (wish.tokenBinding === 'required') !== isBound)
    found.push(
      warning(
        'TokenBindingDiffers',
        `Access tokens are ${isBound ? '' : 'not '}bound to the certificate, and token-binding is ${wish.tokenBinding}.`,
        'Start the rotation workflow, which sets it, or find out who has changed it.',
      ),
    );
  return found;
}
