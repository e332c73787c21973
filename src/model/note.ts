/** Something a person should know about a run. */

export interface Note {
  /** `interruption`: somebody cannot log in. `warning`: look at it. `notice`: good to know. */
  severity: 'interruption' | 'warning' | 'notice';
  text: string;
}

const PREFIX = { interruption: 'INTERRUPTION: ', warning: 'WARNING: ', notice: '' } as const;

export function printNote({ severity, text }: Note): string {
  return PREFIX[severity] + text;
}
