import { cpSync } from 'node:fs';
import { join } from 'node:path';

const {
  CHECKOUTS,
  CALLED_REPOSITORY = '',
  GITHUB_WORKSPACE,
  INPUT_PATH = '',
  INPUT_REPOSITORY,
} = process.env;
// act knows neither job.workflow_repository nor job.workflow_sha (pkg/model/job_context.go): the inputs are empty, where GitHub
// gives the repository and the commit of the called workflow.
const repository = INPUT_REPOSITORY || CALLED_REPOSITORY;
const folder = JSON.parse(CHECKOUTS)[repository];
if (folder === undefined) throw new Error(`no repository ${repository}`);
cpSync(folder, join(GITHUB_WORKSPACE, INPUT_PATH), { recursive: true });
