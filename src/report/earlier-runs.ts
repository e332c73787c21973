/** Lists workflow runs that may still hold the revoked credential, and repositories that could not be searched. */

import { code, iso, oneLine, plain, row, shortenedList } from '../model/markdown.ts';
import type { RunResult } from '../model/run-result.ts';

export function earlierRunsTable({ outcome }: RunResult): string {
  const earlierRuns = outcome?.earlierRuns;
  if (!earlierRuns) return '';
  const { runs, searched, unsearched } = earlierRuns;
  const rows = runs.map(({ createdAt, name, repository, status, url }) =>
    row([
      `[${plain(oneLine(name))}](${url})`,
      code(repository),
      plain(oneLine(status)),
      iso(Date.parse(createdAt)),
    ]),
  );
  const rest = (count: number) => row([`… and ${count} more (shortened)`, '', '', '']);
  const table = ['| Workflow run | Repository | Status | Queued |', '| --- | --- | --- | --- |'];
  return [
    '### Who may still hold the revoked credential',
    '',
    ...(runs.length > 0 ? [plain(found(runs.length)), '', ...table, ...shortenedList(rows, rest)] : []),
    ...(runs.length === 0 && searched.length > 0 ? [plain(`${NONE} ${searched.join(', ')}.`)] : []),
    ...unsearched.map(({ destination, why }) => `\n${code(destination)} was not searched. ${plain(why)}`),
  ].join('\n');
}

const NONE = 'No workflow run that was queued before the delivery is still at work in';

function found(count: number): string {
  const [runs, cancel] =
    count === 1
      ? ['1 workflow run was', 'Cancel it, or start it again as a new run']
      : [`${count} workflow runs were`, 'Cancel them, or start them again as new runs'];
  return `${runs} queued before the delivery and may hold the revoked key. A login with that key fails. ${cancel}.`;
}

/** The same information as annotations. */
export function earlierRunsWarnings({ outcome }: RunResult): string[] {
  const { runs = [], unsearched = [] } = outcome?.earlierRuns ?? {};
  const locations = unsearched.map(({ destination }) => destination).join(', ');
  return [
    ...(runs.length > 0 ? [found(runs.length)] : []),
    ...(unsearched.length > 0
      ? [
          `${locations} could not be searched for workflow runs that hold the revoked key. Look at the runs there yourself: a login with that key fails.`,
        ]
      : []),
  ];
}
