/** One sentence: what happened, and whether anything is to be done. */

import { quote } from '../http/json.ts';
import type { Account } from '../report.ts';
import { watchHeadline } from './findings.ts';
import { day } from './markdown.ts';

export function headline(account: Account): string {
  const { error, planOnly, outcome, plan, wish } = account;
  const client = `\`${quote(account.state?.client?.name ?? wish.clientName ?? wish.clientId)}\``;
  const watched = watchHeadline(account, client);
  if (watched) return watched;
  const due = nextRotation(account);
  const next = due === undefined ? '' : ` The next rotation is due on ${day(due)}.`;
  if (error) return `❌ ${client}: ${error.code}.`;
  if (planOnly) return `📋 ${client}: ${planned(account) ?? `nothing is due.${next}`}`;
  if (outcome?.rotated) return `✅ ${client} ${rotated(account)}${next}`;
  if (plan?.reason === 'MethodDiffers')
    return `✅ ${client} uses ${wish.revertTo} again. Its consumers need the client secret.`;
  const steps = plan?.steps.length ?? 0;
  if (outcome && steps > 0)
    return `✅ ${client}: no rotation was due; ${steps} ${steps === 1 ? 'step' : 'steps'} put things in order.${next}`;
  return `✅ ${client}: nothing is due.${next}`;
}

function planned({ plan, wish }: Account): string | undefined {
  if (!plan?.rotates && plan?.reason !== 'MethodDiffers') return undefined;
  return `${PLANNED[wish.operation]} (${plan.reason}). This was only a plan.`;
}

function rotated(account: Account): string {
  const { plan, wish } = account;
  const what = wish.method === 'private_key_jwt' ? 'key' : 'certificate';
  const done = plan?.reason === 'MethodDiffers' ? 'Its consumers need it now.' : 'Nothing is to be done.';
  const todo = notProven(account) ? 'It was NOT proven.' : done;
  return `has a new ${what} (${plan?.reason}). ${todo}`;
}

const PLANNED = {
  rotate: 'a rotation is due',
  create: 'a client would be created, or its key rotated',
  enroll: 'the client would move to another method',
  revert: 'the client would go back to a client secret',
} as const;

/** Undefined where a rotation was due and failed: then it is overdue. */
export function nextRotation({ planOnly, outcome, plan }: Account): number | undefined {
  const hypothetical = plan?.rotates && !planOnly && !outcome?.rotated;
  return hypothetical ? undefined : plan?.nextRotation;
}

/** What must be said aloud: it was delivered, and nobody knows whether it works. */
export function notProven({ outcome }: Account): string | undefined {
  if (!outcome?.rotated || outcome.proof.startsWith('proven')) return undefined;
  return outcome.proof === 'not authorized' ? NOT_AUTHORIZED : NOT_PROVEN;
}

const NOT_PROVEN =
  'The new certificate was delivered WITHOUT a proof: no mTLS token endpoint was found, or verify is off. Set mtls-domain and verify: required to have every certificate proven before it is delivered.';
const NOT_AUTHORIZED =
  'The new client was delivered WITHOUT a proof: it may not use any API yet, so that it could not get a token. Create a client grant for it in Auth0, then run once with force: true and verify: required.';
