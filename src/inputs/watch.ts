/** Reads what `watch` checks besides the client, and where it reports. */

import { parseDestination } from '../model/secret-location.ts';
import type { WatchRequest } from '../model/watch-request.ts';
import type { Reader } from './reader.ts';

/** undefined if the run is not a watch, or if there is a problem. */
export function readWatch(reader: Reader, isWatch: boolean): WatchRequest | undefined {
  const workflow = reader.text('workflow');
  const reportIssue = reader.boolean('report-issue');
  if (!isWatch) {
    if (workflow !== undefined) reader.problem('workflow', 'is only for operation: watch');
    if (reportIssue) reader.problem('report-issue', 'is only for operation: watch');
    return undefined;
  }
  const {
    GITHUB_REPOSITORY = '',
    GITHUB_RUN_ID = '',
    GITHUB_SERVER_URL = 'https://github.com',
  } = reader.environment;
  const home = parseDestination(`repo:${GITHUB_REPOSITORY}`);
  const token = reader.required('workflow-token');
  reader.checkToken('workflow-token');
  const match = WORKFLOW.exec(workflow ?? '');
  if (workflow !== undefined && !match)
    reader.problem(
      'workflow',
      `is '${workflow}'; write a file name such as rotate.yml, or owner/name/.github/workflows/rotate.yml`,
    );
  if (home?.kind !== 'repo') return reader.problem('operation', 'is watch, but GITHUB_REPOSITORY is not set');
  const [, owner = home.owner, repo = home.repo, file = ''] = match ?? [];
  const runUrl = `${GITHUB_SERVER_URL}/${GITHUB_REPOSITORY}/actions/runs/${GITHUB_RUN_ID}`;
  return { token, home, workflow: match ? { owner, repo, file } : undefined, reportIssue, runUrl };
}

const WORKFLOW = /^(?:([\w-]+)\/([\w.-]+)\/\.github\/workflows\/)?([\w-][\w.-]*\.ya?ml)$/;
