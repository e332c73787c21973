/** The log lines about the observed state and the plan. */

import { oneLine } from '../model/markdown.ts';
import { printNote } from '../model/note.ts';
import type { ObservedState } from '../model/observed-state.ts';
import type { Plan } from '../model/plan.ts';
import { printLocation } from '../model/secret-location.ts';
import { describeStep } from '../model/step.ts';
import { reasonName } from './reason-names.ts';

export function observedLines({ client, pool, secrets }: ObservedState): string[] {
  const associated = client?.associated.join(', ') || 'nothing';
  return [
    ...(client ? [`Client ${oneLine(client.name)} uses ${client.method}; associated: ${associated}.`] : []),
    ...(client ? [`In its pool: ${pool.map(({ id }) => id).join(', ') || 'nothing'}.`] : []),
    ...secrets.map(({ location, times }) => {
      const written =
        typeof times === 'string' ? times : `written ${new Date(times.updatedAt).toISOString()}`;
      return `${printLocation(location)}: ${written}.`;
    }),
  ];
}

export function planLines({ explanation, notes, reason, steps }: Plan): string[] {
  return [
    `Plan: ${reasonName(reason)}, since ${explanation}.`,
    ...steps.map((step, index) => `  ${index + 1}. ${describeStep(step)}`),
    ...notes.map((note) => `  Note: ${printNote(note)}`),
  ];
}
