/** The outputs, for later steps. They contain no key and no PEM, since the runner drops an output that matches a mask. */

import { currentFactsOf, secretLocations } from '../model/desired-state.ts';
import { iso } from '../model/markdown.ts';
import { printNote } from '../model/note.ts';
import type { RunResult } from '../model/run-result.ts';
import { printDestination, printLocation } from '../model/secret-location.ts';
import { describeStep } from '../model/step.ts';
import { nextRotation } from './headline.ts';

/** The outputs of every run, whatever it did. */
export const OUTPUT_NAMES = [
  'client-id',
  'rotated',
  'reason',
  'credential-id',
  'thumbprint',
  'key-id',
  'not-before',
  'not-after',
  'removed-credential-ids',
  'next-rotation',
  'plan',
  'result',
  'matrix',
] as const;

export function outputs(result: RunResult): Record<(typeof OUTPUT_NAMES)[number], string> {
  const { plan } = result;
  const {
    destination: _,
    delivered: __,
    proof: ___,
    error: ____,
    findings: _____,
    ...entry
  } = entryOf(result);
  const shown = plan && {
    reason: plan.reason,
    explanation: plan.explanation,
    steps: plan.steps.map((step) => describeStep(step)),
    notes: plan.notes.map(printNote),
  };
  return {
    ...entry,
    rotated: `${entry.rotated}`,
    'removed-credential-ids': JSON.stringify(entry['removed-credential-ids']),
    plan: JSON.stringify(shown ?? null),
    result: JSON.stringify([entryOf(result)]),
    matrix: '[]',
  };
}

/** One client's entry in the output `result`. */
export function entryOf(result: RunResult) {
  const { plan, outcome, desired, error, watch } = result;
  const held = heldNow(result);
  return {
    'client-id': outcome?.clientId ?? desired.clientId,
    destination: printDestination(desired.destinations[0]),
    rotated: outcome?.rotated ?? false,
    reason: plan?.reason ?? '',
    'credential-id': held?.id ?? '',
    thumbprint: held?.thumbprint ?? '',
    'key-id': (desired.method === 'private_key_jwt' && held?.thumbprint) || '',
    'not-before': held?.notBefore ?? '',
    'not-after': held?.notAfter ?? '',
    delivered: outcome?.delivered ?? [],
    proof: outcome?.proof ?? '',
    'removed-credential-ids': outcome?.removed ?? [],
    'next-rotation': iso(nextRotation(result)),
    ...(watch ? { findings: watch.findings } : {}),
    ...(error ? { error: { code: error.code, message: error.message } } : {}),
  };
}

interface Held {
  id: string;
  thumbprint: string;
  notBefore: string;
  notAfter: string;
}

/** Whether the primary may hold the new credential or what it held before, since its write got no clear answer. */
export function isPrimaryInDoubt({ desired, outcome }: RunResult): boolean {
  const [primary] = secretLocations(desired);
  return primary !== undefined && (outcome?.inDoubt.includes(printLocation(primary)) ?? false);
}

/** The credential that the destinations hold after the run. undefined: none, or it is not certain which one. */
function heldNow(result: RunResult): Held | undefined {
  const { outcome, plan, desired } = result;
  if (isPrimaryInDoubt(result)) return undefined;
  const made = outcome?.credential;
  if (made) {
    const { id, thumbprint, notBefore, notAfter } = made;
    return { id, thumbprint, notBefore: iso(notBefore?.getTime()), notAfter: iso(notAfter?.getTime()) };
  }
  const current = plan?.credentials.find(({ stage }) => stage === 'current');
  if (!current || outcome?.removed.includes(current.id)) return undefined;
  const facts = currentFactsOf(current.identity, desired);
  const known = desired.method === 'tls_client_auth' ? '' : (current.identity ?? '');
  return {
    id: current.id,
    thumbprint: facts?.thumbprint ?? known,
    notBefore: iso(facts?.notBefore?.getTime()),
    notAfter: iso(current.expiresAt ?? facts?.notAfter?.getTime()),
  };
}
