/** What a person should know and do: of a watch. Pure. */

import type { RotationError } from '../errors.ts';
import { code, inert, row } from './markdown.ts';

/** In both sentences whatever a server has said stands in a code span, and no day counts down. */
export interface Finding {
  severity: 'warning' | 'failure';
  /** Its kind, and what it is about: stays the same as long as the finding does. */
  key: string;
  what: string;
  todo: string;
}

/** What an error says that a watch has met, as a finding. */
export function findingOf(key: string, error: RotationError): Finding {
  return failure(key, code(error.failed), error.remedy);
}

export function failure(key: string, what: string, todo: string): Finding {
  return { severity: 'failure', key, what, todo };
}

export function warning(key: string, what: string, todo: string): Finding {
  return { severity: 'warning', key, what, todo };
}

export function findingTable(findings: readonly Finding[]): string {
  return [
    '| | What is found | What to do |',
    '| --- | --- | --- |',
    ...findings.map(({ severity, todo, what }) => row([ICONS[severity], inert(what), inert(todo)])),
  ].join('\n');
}

const ICONS = { failure: '❌', warning: '⚠️' };
