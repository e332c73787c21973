/** The notes about a run, worst first and each once. */

import { type Note, printNote } from '../model/note.ts';
import type { RunResult } from '../model/run-result.ts';

const ORDER = ['interruption', 'warning', 'notice'] as const satisfies Note['severity'][];

/** The notes of plan and outcome. A run that failed did not complete its plan, so the plan's notices are left out. */
export function notes({ error, outcome, plan }: RunResult): readonly Note[] {
  const all = (plan?.notes ?? []).map(printed);
  const planned = error
    ? all
        .filter(({ severity }) => severity !== 'notice')
        .map(({ severity, text }) => ({ severity, text: `The plan was: ${text}` }))
    : all;
  const found = [...planned, ...(outcome?.notes ?? []).map(printed)];
  const once = found.filter(({ text }, index) => found.findIndex((one) => one.text === text) === index);
  return once.toSorted((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}

function printed(note: Note): Note {
  return { ...note, text: printNote(note) };
}
