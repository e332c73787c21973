/** The findings of a watch: what is wrong, and what to do. Pure. */

import type { RotationError } from '../errors.ts';
import { code, inert, row } from './markdown.ts';

/** Both sentences quote servers only in code spans. They contain no number that changes each day, so that the issue changes only with the findings. */
export interface Finding {
  severity: 'warning' | 'failure';
  /** The kind of the finding, and its subject after a space. It stays the same as long as the finding lasts. */
  key: string;
  what: string;
  todo: string;
}

/** The first word of its key. */
export function kindOf({ key }: Finding): string {
  return key.split(' ')[0] ?? '';
}

/** The finding for an error that a watch met. */
export function findingOf(key: string, error: RotationError): Finding {
  return failure(key, `${said(error)}.`, error.remedy);
}

/** What failed, without its full stop. */
export function said({ failed }: RotationError): string {
  return code(failed.replace(/\.$/, ''));
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
