/** The notes about a run, worst first and each once. */

import { type Note, printNote } from '../model/note.ts';
import type { RunResult } from '../model/run-result.ts';

const ORDER = ['interruption', 'warning', 'notice'] as const satisfies Note['severity'][];

/** The notes of plan and outcome. A run that failed did not complete its plan, so the plan's notices are left out. */
export function notes({ error, outcome, plan }: RunResult): readonly Note[] {
  const all = plan?.notes ?? [];
  const planned = error
    ? all.filter(({ severity }) => severity !== 'notice').map(printedAsPlanned)
    : all.map(printed);
  const found = [...planned, ...(outcome?.notes ?? []).map(printed)];
  const once = found.filter(({ text }, index) => found.findIndex((one) => one.text === text) === index);
  return once.toSorted((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity));
}

/** For a run that failed, which perhaps did not do what the note says. */
function printedAsPlanned({ severity, text }: Note): Note {
  return { severity, text: `${severity.toUpperCase()} (planned): ${text}` };
}

function printed(note: Note): Note {
  return { ...note, text: printNote(note) };
}
