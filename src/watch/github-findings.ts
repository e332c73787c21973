/** Findings in GitHub: a rotation workflow that does not run, and secrets that hide delivered ones. Pure. */

import type { Shadows } from '../github/shadows.ts';
import type { ObservedWorkflow } from '../github/workflows.ts';
import { type Finding, failure, said, warning } from '../model/finding.ts';
import { code } from '../model/markdown.ts';
import { printDestination, printLocation } from '../model/secret-location.ts';

export function workflowFindings({ conclusion, file, owner, repo, state }: ObservedWorkflow): Finding[] {
  const name = code(`${owner}/${repo}/.github/workflows/${file}`);
  if (state !== 'active')
    return [
      failure(
        'WorkflowDisabled',
        `${name} does not run: GitHub says ${code(state)}.`,
        ENABLING[state] ??
          'If nobody disabled it on purpose, enable it on its page in Actions. If another workflow rotates this client now, name that one in the input workflow.',
      ),
    ];
  if (conclusion === undefined || !FAILED.includes(conclusion)) return [];
  return [
    warning(
      'WorkflowFailed',
      `The last run of ${name} ended with ${code(conclusion)}.`,
      'Look at that run: its message says what to do.',
    ),
  ];
}

const ENABLING: Readonly<Record<string, string>> = {
  disabled_inactivity:
    'Enable it on its page in Actions: GitHub disables schedules after 60 days without activity in a public repository.',
  deleted: 'Restore the file on the default branch.',
};

/** GitHub ends a job that reaches its `timeout-minutes` as cancelled (docs/facts.md#github-timeouts). */
const FAILED = ['failure', 'startup_failure', 'timed_out', 'cancelled'];

export function shadowFindings({ found, unread }: Shadows): Finding[] {
  return [
    ...found.map(({ by, hidden }) =>
      warning(
        `SecretShadowed ${printDestination(by)} ${printLocation(hidden)}`,
        `${code(`${printDestination(by)} ${hidden.secretName}`)} hides ${code(printLocation(hidden))}, so jobs that see it use a credential that nobody rotates.`,
        'If it is an old copy of the pair of this client, delete it: its readers then get the delivered one. If it belongs to another client or workflow, give one of the two another secret-name, and let its readers read that.',
      ),
    ),
    ...unread.map(({ error, repository }) =>
      warning(
        `ShadowsUnread ${printDestination(repository)}`,
        `The watch could not check whether another secret hides a delivered one: ${said(error)}.`,
        `Give github-token 'Secrets: read', 'Environments: read' and 'Actions: read' for ${code(printDestination(repository))}.`,
      ),
    ),
  ];
}
