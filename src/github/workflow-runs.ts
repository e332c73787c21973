/** Finds unfinished workflow runs that were queued before a secret was stored. They hold its former value. */

import { asRotationError, RotationError } from '../errors.ts';
import { isObject, type Json, stringOf } from '../model/json.ts';
import type { EarlierRuns, WorkflowRun } from '../model/run-result.ts';
import { type Destination, printDestination, type Repository } from '../model/secret-location.ts';
import type { SecretStore } from './secret-store.ts';

/** The statuses of a run that is not completed (OpenAPI, parameter workflow-run-status). The other values of that parameter are conclusions. */
const STATUSES = ['in_progress', 'queued', 'waiting', 'pending', 'requested'] as const;

/**
 * Finds the runs in the destinations' repositories. Never throws, since the rotation has succeeded in any case.
 * @param before milliseconds, GitHub's clock
 * @param own id of the current run, which is left out
 */
export async function findEarlierRuns(
  store: SecretStore,
  destinations: readonly Destination[],
  before: number,
  own: string,
): Promise<EarlierRuns> {
  const runs: WorkflowRun[] = [];
  const searched: string[] = [];
  const unsearched: { destination: string; why: string }[] = [];
  for (const destination of repositoriesOf(destinations)) {
    try {
      runs.push(...(await activeRuns(store, destination, before, own)));
      searched.push(`${destination.owner}/${destination.repo}`);
    } catch (thrown) {
      const { code, failed } = asRotationError(thrown);
      const need =
        code === 'GITHUB_FORBIDDEN' ? " The token needs the repository permission 'Actions: read'." : '';
      unsearched.push({ destination: printDestination(destination), why: `${failed}${need}` });
    }
  }
  for (const destination of destinations.filter(({ kind }) => kind === 'org'))
    unsearched.push({
      destination: printDestination(destination),
      why: 'The repositories that see the secret of an organization are not searched.',
    });
  return { runs, searched, unsearched };
}

function repositoriesOf(destinations: readonly Destination[]): Repository[] {
  const found = new Map<string, Repository>();
  for (const destination of destinations) {
    if (destination.kind === 'org') continue;
    const { owner, repo } = destination;
    found.set(`${owner}/${repo}`.toLowerCase(), { kind: 'repo', owner, repo });
  }
  return [...found.values()];
}

async function activeRuns(
  store: SecretStore,
  repository: Repository,
  before: number,
  own: string,
): Promise<WorkflowRun[]> {
  const found = new Map<number, WorkflowRun>();
  const name = `${repository.owner}/${repository.repo}`;
  for (const status of STATUSES) {
    const path = `/repos/${name}/actions/runs?status=${status}`;
    for (const item of await store.api.listAll(path, 'workflow_runs', repository, 'show the workflow runs')) {
      const run = readRun(item, name);
      // A run may change its status between two requests, and counts once.
      const isOver = run.status === 'completed';
      if (!isOver && Date.parse(run.createdAt) <= before && `${run.id}` !== own) found.set(run.id, run);
    }
  }
  return [...found.values()];
}

/** @throws RotationError GITHUB_REQUEST_FAILED, since a run that cannot be read may hold the credential */
function readRun(item: Json | undefined, repository: string): WorkflowRun & { id: number } {
  const id = isObject(item) ? item.id : undefined;
  const [url = '', status, createdAt = ''] = ['html_url', 'status', 'created_at'].map((key) =>
    stringOf(item, key),
  );
  const isReadable = LINK.test(url) && !Number.isNaN(Date.parse(createdAt));
  if (typeof id !== 'number' || status === undefined || !isReadable) {
    throw new RotationError('GITHUB_REQUEST_FAILED', {
      failed: `GitHub's record of a workflow run in ${repository} cannot be read.`,
      remedy: 'Look at the runs of that repository.',
    });
  }
  const name = stringOf(item, 'name') ?? stringOf(item, 'path') ?? `${id}`;
  return { id, repository, name, url, status, createdAt };
}

/** An address without characters that would end a Markdown link. */
const LINK = /^https:\/\/[^\s()<>|]+$/;
