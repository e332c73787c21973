/** What the emulated GitHub has in a repository besides secrets: environments, issues, workflows and their runs. */

import {
  type Answer,
  type Call,
  DOCS,
  invalid,
  isoSeconds,
  missing,
  NOT_FOUND,
  paged,
  parseBody,
  type Refusal,
  type Route,
} from './github-access.ts';

export interface Repository {
  id: number;
  fullName: string;
  createdAt: string;
  /** By lower-case name: "Environment names are not case sensitive" (docs, managing-environments-for-deployment). */
  environments: Map<string, { id: number; name: string; createdAt: string }>;
  issues: Issue[];
  workflows: Workflow[];
  runs: Run[];
}

export interface Comment {
  id: number;
  body: string;
  author: string;
  createdAt: string;
}

export interface Issue {
  number: number;
  title: string;
  body: string | null;
  labels: string[];
  state: 'open' | 'closed';
  author: string;
  comments: Comment[];
  createdAt: string;
  updatedAt: string;
  closedAt: string | null;
}

export interface Workflow {
  id: number;
  file: string;
  /** openapi schema `workflow`. */
  state: 'active' | 'deleted' | 'disabled_fork' | 'disabled_inactivity' | 'disabled_manually';
  createdAt: string;
}

export interface Run {
  id: number;
  file: string;
  event: string;
  status: string;
  conclusion: string | null;
  branch: string;
  createdAt: string;
}

const nodeId = (kind: string, id: number): string => Buffer.from(`${kind}:${id}`).toString('base64');

const USER_LINKS = {
  followers_url: '/followers',
  following_url: '/following{/other_user}',
  gists_url: '/gists{/gist_id}',
  starred_url: '/starred{/owner}{/repo}',
  subscriptions_url: '/subscriptions',
  organizations_url: '/orgs',
  repos_url: '/repos',
  events_url: '/events{/privacy}',
  received_events_url: '/received_events',
};

const links = (base: string, suffixes: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(suffixes).map(([key, suffix]) => [key, `${base}${suffix}`]));

export const simpleUser = (api: string, login: string, type = 'User') => ({
  login,
  id: 1,
  node_id: nodeId('User', 1),
  avatar_url: `${api}/avatars/${login}`,
  gravatar_id: '',
  url: `${api}/users/${login}`,
  html_url: `${api}/${login}`,
  ...links(`${api}/users/${login}`, USER_LINKS),
  type,
  user_view_type: 'public',
  site_admin: false,
});

export const publicUser = (api: string, login: string, createdAt: string) => ({
  ...simpleUser(api, login),
  name: login,
  company: null,
  blog: '',
  location: null,
  email: null,
  hireable: null,
  bio: null,
  twitter_username: null,
  public_repos: 0,
  public_gists: 0,
  followers: 0,
  following: 0,
  created_at: createdAt,
  updated_at: createdAt,
});

const REPOSITORY_LINKS = {
  archive_url: '/{archive_format}{/ref}',
  assignees_url: '/assignees{/user}',
  blobs_url: '/git/blobs{/sha}',
  branches_url: '/branches{/branch}',
  collaborators_url: '/collaborators{/collaborator}',
  comments_url: '/comments{/number}',
  commits_url: '/commits{/sha}',
  compare_url: '/compare/{base}...{head}',
  contents_url: '/contents/{+path}',
  contributors_url: '/contributors',
  deployments_url: '/deployments',
  downloads_url: '/downloads',
  events_url: '/events',
  forks_url: '/forks',
  git_commits_url: '/git/commits{/sha}',
  git_refs_url: '/git/refs{/sha}',
  git_tags_url: '/git/tags{/sha}',
  hooks_url: '/hooks',
  issue_comment_url: '/issues/comments{/number}',
  issue_events_url: '/issues/events{/number}',
  issues_url: '/issues{/number}',
  keys_url: '/keys{/key_id}',
  labels_url: '/labels{/name}',
  languages_url: '/languages',
  merges_url: '/merges',
  milestones_url: '/milestones{/number}',
  notifications_url: '/notifications{?since,all,participating}',
  pulls_url: '/pulls{/number}',
  releases_url: '/releases{/id}',
  stargazers_url: '/stargazers',
  statuses_url: '/statuses/{sha}',
  subscribers_url: '/subscribers',
  subscription_url: '/subscription',
  tags_url: '/tags',
  teams_url: '/teams',
  trees_url: '/git/trees{/sha}',
};

export function minimalRepository(api: string, repository: Repository) {
  const [owner = '', name = ''] = repository.fullName.split('/');
  const url = `${api}/repos/${repository.fullName}`;
  return {
    id: repository.id,
    node_id: nodeId('Repository', repository.id),
    name,
    full_name: repository.fullName,
    owner: simpleUser(api, owner),
    private: true,
    html_url: `${api}/${repository.fullName}`,
    description: null,
    fork: false,
    url,
    ...links(url, REPOSITORY_LINKS),
  };
}

export const fullRepository = (api: string, repository: Repository) => ({
  ...minimalRepository(api, repository),
  ...links(`${api}/${repository.fullName}`, {
    clone_url: '.git',
    git_url: '.git',
    ssh_url: '.git',
    svn_url: '',
  }),
  default_branch: 'main',
  visibility: 'private',
  ...{ forks: 0, forks_count: 0, open_issues: 0, open_issues_count: 0, stargazers_count: 0, size: 0 },
  ...{ watchers: 0, watchers_count: 0, network_count: 0, subscribers_count: 0 },
  ...{ has_issues: true, has_projects: false, has_wiki: false, has_pages: false, has_discussions: false },
  ...{ archived: false, disabled: false, homepage: null, language: null, mirror_url: null, license: null },
  pushed_at: repository.createdAt,
  created_at: repository.createdAt,
  updated_at: repository.createdAt,
});

export const environment = (
  api: string,
  repository: Repository,
  { id, name, createdAt }: { id: number; name: string; createdAt: string },
) => ({
  id,
  node_id: nodeId('Environment', id),
  name,
  url: `${api}/repos/${repository.fullName}/environments/${encodeURIComponent(name)}`,
  html_url: `${api}/${repository.fullName}/deployments/activity_log?environments_filter=${encodeURIComponent(name)}`,
  created_at: createdAt,
  updated_at: createdAt,
  protection_rules: [],
  deployment_branch_policy: null,
});

export function issue(api: string, repository: Repository, it: Issue) {
  const url = `${api}/repos/${repository.fullName}/issues/${it.number}`;
  return {
    id: repository.id * 1000 + it.number,
    node_id: nodeId('Issue', it.number),
    url,
    repository_url: `${api}/repos/${repository.fullName}`,
    ...links(url, { labels_url: '/labels{/name}', comments_url: '/comments', events_url: '/events' }),
    html_url: `${api}/${repository.fullName}/issues/${it.number}`,
    number: it.number,
    state: it.state,
    title: it.title,
    body: it.body,
    user: simpleUser(api, it.author),
    labels: it.labels.map((name, index) => ({ id: index + 1, name, color: 'ededed', default: false })),
    assignee: null,
    assignees: [],
    milestone: null,
    locked: false,
    comments: it.comments.length,
    closed_at: it.closedAt,
    created_at: it.createdAt,
    updated_at: it.updatedAt,
    author_association: 'MEMBER',
  };
}

export const comment = (api: string, repository: Repository, on: Issue, it: Comment) => ({
  id: it.id,
  node_id: nodeId('IssueComment', it.id),
  url: `${api}/repos/${repository.fullName}/issues/comments/${it.id}`,
  issue_url: `${api}/repos/${repository.fullName}/issues/${on.number}`,
  html_url: `${api}/${repository.fullName}/issues/${on.number}#issuecomment-${it.id}`,
  body: it.body,
  user: simpleUser(api, it.author),
  author_association: 'MEMBER',
  created_at: it.createdAt,
  updated_at: it.createdAt,
});

export const workflow = (api: string, repository: Repository, it: Workflow) => ({
  id: it.id,
  node_id: nodeId('Workflow', it.id),
  name: it.file,
  path: `.github/workflows/${it.file}`,
  state: it.state,
  created_at: it.createdAt,
  updated_at: it.createdAt,
  url: `${api}/repos/${repository.fullName}/actions/workflows/${it.id}`,
  html_url: `${api}/${repository.fullName}/blob/main/.github/workflows/${it.file}`,
  badge_url: `${api}/${repository.fullName}/workflows/${it.file}/badge.svg`,
});

const RUN_LINKS = {
  jobs_url: '/jobs',
  logs_url: '/logs',
  cancel_url: '/cancel',
  rerun_url: '/rerun',
  artifacts_url: '/artifacts',
};

export function run(api: string, repository: Repository, it: Run, number: number) {
  const url = `${api}/repos/${repository.fullName}/actions/runs/${it.id}`;
  const known = repository.workflows.find((candidate) => candidate.file === it.file);
  const small = minimalRepository(api, repository);
  return {
    id: it.id,
    node_id: nodeId('WorkflowRun', it.id),
    name: it.file,
    path: `.github/workflows/${it.file}`,
    display_title: it.file,
    run_number: number,
    run_attempt: 1,
    event: it.event,
    status: it.status,
    conclusion: it.conclusion,
    head_branch: it.branch,
    head_sha: '0'.repeat(40),
    head_commit: null,
    head_repository: small,
    repository: small,
    workflow_id: known?.id ?? 0,
    workflow_url: `${api}/repos/${repository.fullName}/actions/workflows/${known?.id ?? 0}`,
    url,
    html_url: `${api}/${repository.fullName}/actions/runs/${it.id}`,
    check_suite_url: `${api}/repos/${repository.fullName}/check-suites/${it.id}`,
    ...links(url, RUN_LINKS),
    pull_requests: [],
    created_at: it.createdAt,
    updated_at: it.createdAt,
    run_started_at: it.createdAt,
  };
}

type InRepository = (call: Call, repository: Repository) => Answer | Refusal;

/** The router has already looked the repository up; without one there is nothing here. */
const inRepository = (handler: InRepository) => (call: Call) =>
  call.repository === undefined ? NOT_FOUND : handler(call, call.repository);

const route = (line: string, need: string, docs: string, handler: InRepository): Route => {
  const [method = '', path = ''] = line.split(' ');
  return {
    method: method as Route['method'],
    path: `/repos/:owner/:repo${path}`,
    needs: [need],
    docs: `${DOCS}/${docs}`,
    handle: inRepository(handler),
  };
};

const listEnvironments: InRepository = (call, repository) => {
  const all = [...repository.environments.values()];
  const { items, headers } = paged(call, all);
  const environments = items.map((it) => environment(call.api, repository, it));
  return { status: 200, body: { total_count: all.length, environments }, headers };
};

const getEnvironment: InRepository = (call, repository) => {
  const found = repository.environments.get((call.params.environment ?? '').toLowerCase());
  return found === undefined ? NOT_FOUND : { status: 200, body: environment(call.api, repository, found) };
};

/** `state` open by default; `labels` is a comma-separated list, all of which must be there (openapi, issues/list-for-repo). */
const listIssues: InRepository = (call, repository) => {
  const state = call.query.get('state') ?? 'open';
  const labels = (call.query.get('labels') ?? '').split(',').filter((label) => label !== '');
  const all = repository.issues
    .filter((it) => state === 'all' || it.state === state)
    .filter((it) =>
      labels.every((label) => it.labels.some((own) => own.toLowerCase() === label.toLowerCase())),
    )
    .toReversed();
  const { items, headers } = paged(call, all);
  return { status: 200, body: items.map((it) => issue(call.api, repository, it)), headers };
};

/**
 * A label is a string or an object with a name; "Only users with push access can set labels for new issues. Labels are
 * silently dropped otherwise" (openapi, issues/create). One that the repository has not yet is made (w3c/horizontal-issue-tracker #31).
 */
const labelsOf = (call: Call, value: unknown): string[] =>
  call.grant.pushes === false ? [] : labelNames(value);
const labelNames = (value: unknown): string[] =>
  (Array.isArray(value) ? value : []).map((label) =>
    typeof label === 'string' ? label : `${label?.name ?? ''}`,
  );

const createIssue: InRepository = (call, repository) => {
  const body = parseBody(call.body);
  if (!('fields' in body)) return body;
  const absent = missing(body.fields, ['title']);
  if (absent !== undefined) return invalid(absent);
  const at = isoSeconds(call.now);
  const created: Issue = {
    number: repository.issues.length + 1,
    title: `${body.fields.title}`,
    body: typeof body.fields.body === 'string' ? body.fields.body : null,
    labels: labelsOf(call, body.fields.labels),
    state: 'open',
    author: authorOf(call),
    comments: [],
    createdAt: at,
    updatedAt: at,
    closedAt: null,
  };
  repository.issues.push(created);
  return { status: 201, body: issue(call.api, repository, created) };
};

const authorOf = (call: Call): string =>
  call.grant.login ?? (call.grant.kind === 'github-token' ? 'github-actions[bot]' : 'octocat');

/** A handler of one issue; an issue that is not there is 404 (openapi, issues/get). */
const ofIssue = (
  handler: (call: Call, repository: Repository, it: Issue) => Answer | Refusal,
): InRepository => {
  return (call, repository) => {
    const found = repository.issues.find((it) => `${it.number}` === call.params.number);
    return found === undefined ? NOT_FOUND : handler(call, repository, found);
  };
};

const getIssue = ofIssue((call, repository, it) => ({ status: 200, body: issue(call.api, repository, it) }));

const updateIssue = ofIssue((call, repository, it) => {
  const body = parseBody(call.body);
  if (!('fields' in body)) return body;
  const { title, body: text, state, labels } = body.fields;
  if (state !== undefined && state !== 'open' && state !== 'closed') {
    return { status: 422, message: 'Validation Failed' };
  }
  const at = isoSeconds(call.now);
  if (title !== undefined) it.title = `${title}`;
  if (typeof text === 'string') it.body = text;
  if (labels !== undefined) it.labels = labelsOf(call, labels);
  if (state !== undefined) {
    it.state = state;
    it.closedAt = state === 'closed' ? (it.closedAt ?? at) : null;
  }
  it.updatedAt = at;
  return { status: 200, body: issue(call.api, repository, it) };
});

const listComments = ofIssue((call, repository, it) => {
  const { items, headers } = paged(call, it.comments);
  return { status: 200, body: items.map((one) => comment(call.api, repository, it, one)), headers };
});

const createComment = ofIssue((call, repository, it) => {
  const body = parseBody(call.body);
  if (!('fields' in body)) return body;
  const absent = missing(body.fields, ['body']);
  if (absent !== undefined) return invalid(absent);
  const at = isoSeconds(call.now);
  const created: Comment = {
    id: call.nextId(),
    body: `${body.fields.body}`,
    author: authorOf(call),
    createdAt: at,
  };
  it.comments.push(created);
  it.updatedAt = at;
  return { status: 201, body: comment(call.api, repository, it, created) };
});

/** "The ID of the workflow. You can also pass the workflow file name as a string." (openapi parameter workflow-id) */
const getWorkflow: InRepository = (call, repository) => {
  const { workflow: id } = call.params;
  const found = repository.workflows.find((it) => it.file === id || `${it.id}` === id);
  return found === undefined ? NOT_FOUND : { status: 200, body: workflow(call.api, repository, found) };
};

/** `created` in the date syntax of the search: `>=d`, `>d`, `<=d`, `<d`, `a..b`, `a..*`, `*..b`, or one day (docs, understanding-the-search-syntax). */
function createdMatches(at: string, wanted: string): boolean {
  const time = Date.parse(at);
  const day = (text: string): number => Date.parse(text) + (text.includes('T') ? 0 : 86_400_000 - 1);
  const [from = '', to] = wanted.split('..');
  if (to !== undefined) {
    return (from === '*' || time >= Date.parse(from)) && (to === '*' || time <= day(to));
  }
  const [, operator = '', date = ''] = /^([<>]=?)?(.*)$/.exec(wanted) ?? [];
  if (operator === '>=') return time >= Date.parse(date);
  if (operator === '>') return time > day(date);
  if (operator === '<=') return time <= day(date);
  if (operator === '<') return time < Date.parse(date);
  return time >= Date.parse(date) && time <= day(date);
}

/** Of one workflow, which is named as in `getWorkflow`. */
const listRunsOfWorkflow: InRepository = (call, repository) => {
  const { workflow: id } = call.params;
  const found = repository.workflows.find((it) => it.file === id || `${it.id}` === id);
  if (found === undefined) return NOT_FOUND;
  return listRuns(call, { ...repository, runs: repository.runs.filter(({ file }) => file === found.file) });
};

/** `status` names a status or a conclusion (openapi parameter workflow-run-status); newest first. */
const listRuns: InRepository = (call, repository) => {
  const asked = (name: string): string | null => call.query.get(name);
  const [status, created, event, branch] = ['status', 'created', 'event', 'branch'].map(asked);
  const all = repository.runs
    .map((it, index) => ({ it, number: index + 1 }))
    .filter(({ it }) => !status || it.status === status || it.conclusion === status)
    .filter(({ it }) => !created || createdMatches(it.createdAt, created))
    .filter(({ it }) => (!event || it.event === event) && (!branch || it.branch === branch))
    .toSorted((a, b) => (a.it.createdAt < b.it.createdAt ? 1 : -1));
  const { items, headers } = paged(call, all);
  const workflow_runs = items.map(({ it, number }) => run(call.api, repository, it, number));
  return { status: 200, body: { total_count: all.length, workflow_runs }, headers };
};

/** Needs: fine-grained permissions as docs.github.com/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens lists them. */
export const REPOSITORY_ROUTES: readonly Route[] = [
  route('GET ', 'metadata=read', 'repos/repos#get-a-repository', (call, repository) => ({
    status: 200,
    body: fullRepository(call.api, repository),
  })),
  route('GET /environments', 'actions=read', 'deployments/environments#list-environments', listEnvironments),
  route(
    'GET /environments/:environment',
    'actions=read',
    'deployments/environments#get-an-environment',
    getEnvironment,
  ),
  route('GET /issues', 'issues=read', 'issues/issues#list-repository-issues', listIssues),
  route('POST /issues', 'issues=write', 'issues/issues#create-an-issue', createIssue),
  route('GET /issues/:number', 'issues=read', 'issues/issues#get-an-issue', getIssue),
  route('PATCH /issues/:number', 'issues=write', 'issues/issues#update-an-issue', updateIssue),
  route('GET /issues/:number/comments', 'issues=read', 'issues/comments#list-issue-comments', listComments),
  route(
    'POST /issues/:number/comments',
    'issues=write',
    'issues/comments#create-an-issue-comment',
    createComment,
  ),
  route('GET /actions/workflows/:workflow', 'actions=read', 'actions/workflows#get-a-workflow', getWorkflow),
  route(
    'GET /actions/workflows/:workflow/runs',
    'actions=read',
    'actions/workflow-runs#list-workflow-runs-for-a-workflow',
    listRunsOfWorkflow,
  ),
  route(
    'GET /actions/runs',
    'actions=read',
    'actions/workflow-runs#list-workflow-runs-for-a-repository',
    listRuns,
  ),
];

/**
 * The one GraphQL query that `gh secret set --org … --repos` asks (measured, gh 2.23):
 * `query MapRepositoryNames { repo_000: repository(owner: "o", name: "n") { databaseId } … }`.
 */
export function mapRepositoryNames(
  call: Call,
  visible: (fullName: string) => Repository | undefined,
): Answer | Refusal {
  const body = parseBody(call.body);
  if (!('fields' in body)) return body;
  const asked = [
    ...`${body.fields.query}`.matchAll(
      /(\w+):\s*repository\(owner:\s*"([^"]*)",\s*name:\s*"([^"]*)"\)\s*\{\s*databaseId\s*\}/g,
    ),
  ];
  if (asked.length === 0)
    return { status: 200, body: { errors: [{ message: 'not emulated: MapRepositoryNames only' }] } };
  const data: Record<string, { databaseId: number } | null> = {};
  const errors: unknown[] = [];
  for (const [, alias = '', owner, name] of asked) {
    const found = visible(`${owner}/${name}`);
    data[alias] = found === undefined ? null : { databaseId: found.id };
    const message = `Could not resolve to a Repository with the name '${owner}/${name}'.`;
    if (found === undefined) errors.push({ type: 'NOT_FOUND', path: [alias], message });
  }
  return { status: 200, body: errors.length === 0 ? { data } : { data, errors } };
}
