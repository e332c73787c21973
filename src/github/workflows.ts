/** Reads whether a workflow is enabled and how its last run ended. */

import { isObject, stringOf } from '../model/json.ts';
import type { WorkflowFile } from '../model/watch-request.ts';
import type { Answer } from './answer.ts';
import type { GitHubApi } from './api.ts';
import { callRefused } from './refusals.ts';

export interface ObservedWorkflow extends WorkflowFile {
  /** `active`, `deleted`, `disabled_fork`, `disabled_inactivity`, `disabled_manually` (OpenAPI, schema workflow). */
  state: string;
  /** The conclusion of the last completed run. */
  conclusion: string | undefined;
}

/** @throws RotationError GITHUB_… */
export async function readWorkflow(api: GitHubApi, of: WorkflowFile): Promise<ObservedWorkflow> {
  const path = `/repos/${of.owner}/${of.repo}/actions/workflows/${of.file}`;
  const read = async (rest = ''): Promise<Answer> => {
    const answer = await api.request('GET', `${path}${rest}`);
    if (answer.status === 200) return answer;
    throw callRefused(`show the workflow ${of.file} of ${of.owner}/${of.repo}`, answer, 'actions: read');
  };
  const state = stringOf((await read()).data, 'state');
  const { data } = await read('/runs?status=completed&per_page=1');
  const runs = isObject(data) ? data.workflow_runs : undefined;
  if (state === undefined || !Array.isArray(runs))
    throw callRefused(`show the runs of ${of.file} of ${of.owner}/${of.repo}`, { status: 200, data }, '');
  return { ...of, state, conclusion: stringOf(runs[0], 'conclusion') };
}
