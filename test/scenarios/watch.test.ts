/** `operation: watch`: looks, tells, keeps one issue, and changes nothing else. */

import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { ActionOptions, ActionRun } from '../emulators/runner.ts';
import { REPOSITORY } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { effects, type Inputs, killed, LEASE_OVER, sharedWorld, told, warnings } from './operations.ts';
import { code, DAY, held, json, MINUTE, rotate, SCOPE, SECRET } from './support.ts';

const world = sharedWorld();
/** A client that has just been rotated, with nothing to find. */
let clientId = '';
let before = '';

beforeAll(() => {
  const { github } = world();
  github.addWorkflow(REPOSITORY, 'rotate.yml');
  github.addRun(REPOSITORY, 'rotate.yml', { conclusion: 'success' });
  github.addWorkflow(REPOSITORY, 'asleep.yml', 'disabled_inactivity');
  github.addWorkflow(REPOSITORY, 'broken.yml');
  github.addRun(REPOSITORY, 'broken.yml', { conclusion: 'failure' });
});

/** As a rotation leaves it, half an hour ago. */
beforeEach(() => {
  const { github } = world();
  const at = (now: number, minutes: number) => new Date(now - minutes * MINUTE).toISOString();
  const { clientId: id, pem } = world().addServiceClient({
    name: 'orders',
    certificate: selfSignedCertificate('orders', 3_000),
    credentialName: `auth0-mtls-rotation ${SCOPE}#${SECRET} run 1.1`,
    createdAt: at(world().tenantNow(), 30),
  });
  const times = { createdAt: at(world().githubNow(), 29), updatedAt: at(world().githubNow(), 29) };
  github.seedSecret(SCOPE, SECRET, pem, times);
  clientId = id;
  before = everything();
});

/** The real thing. */
async function rotated(): Promise<void> {
  await remove(`actions/secrets/${SECRET}`);
  clientId = world().addServiceClient({ name: 'orders' }).clientId;
  const first = await rotate(world(), { 'client-id': clientId });
  expect(first.outputs.rotated, first.log).toBe('true');
  world().advance(8 * DAY);
  before = everything();
}

/** All of Auth0 and of the secrets. */
function everything(): string {
  const scopes = [SCOPE, `env:${REPOSITORY}/production`, 'org:acme'];
  const secrets = scopes.map((scope) => world().github.secret(scope, SECRET) ?? null);
  return JSON.stringify([world().tenant.reveal(clientId), secrets]);
}

async function watch(inputs: Inputs = {}, options: ActionOptions = {}): Promise<ActionRun> {
  const all = { operation: 'watch', 'client-id': clientId, workflow: 'rotate.yml', ...inputs };
  const run = await rotate(world(), all, options);
  const writes = effects(world());
  expect(writes.filter((line) => !/ (POST|PATCH) \/repos\/acme\/shop\/issues/.test(line))).toEqual([]);
  if (inputs['report-issue'] !== 'true') expect(writes).toEqual([]);
  return run;
}

interface Found {
  severity: string;
  key: string;
  what: string;
  todo: string;
}

function findings(run: ActionRun): Found[] {
  const [entry] = JSON.parse(run.outputs.result ?? '[]') as { findings: Found[] }[];
  return entry?.findings ?? [];
}

const keys = (run: ActionRun) => findings(run).map(({ key, severity }) => `${severity} ${key}`);
const lastCode = (run: ActionRun) =>
  run.annotations.findLast(({ level }) => level === 'error')?.properties.title;

/** A credential that no workflow has made. */
const seed = (name: string, associate: boolean) =>
  world().tenant.seedCredential(clientId, {
    credential_type: 'x509_cert',
    pem: selfSignedCertificate('stranger').cert,
    name,
    associate,
  });

function token(permissions: Record<string, 'read' | 'write'>, more: object = {}): string {
  const text = `ghs_token${tokens++}ofawatchthatreads`;
  world().github.addToken(text, { kind: 'app', permissions, ...more });
  return text;
}
let tokens = 0;

const READS = {
  secrets: 'read',
  environments: 'read',
  organization_secrets: 'read',
  actions: 'read',
} as const;

describe('all is well', () => {
  it('and a watch says so, having written nothing, with a token that only reads', async () => {
    await rotated();
    const run = await watch({ 'report-issue': 'true', 'github-token': token(READS) });
    expect([run.exitCode, keys(run), run.annotations]).toEqual([0, [], []]);
    expect(effects(world())).toEqual([]);
    expect(everything()).toBe(before);
    expect(run.summary).toMatch(
      /^## ✅ `orders`: 91 % of the validity of its certificate is left, until \d+ \w+ 20\d\d\. No action needed\.\n/,
    );
    expect(run.summary).not.toContain('What to do');
    expect(run.outputs).toMatchObject({ rotated: 'false', reason: 'NotDue' });
    expect(run.outputs['next-rotation']).toMatch(/^20/);
  });

  it('a rotation is at work: nothing is judged', async () => {
    await killed(world(), { 'client-id': clientId, force: 'true' }, ({ phase, arrival }) => {
      return (
        phase === 'answered' && arrival.request.method === 'POST' && /credentials$/.test(arrival.request.path)
      );
    });
    const run = await watch({ 'report-issue': 'true' });
    expect([run.exitCode, keys(run), effects(world())]).toEqual([0, [], []]);
    expect(run.summary).toMatch(/^## ⏳ `orders`: a rotation is at work/);
    world().advance(LEASE_OVER);
    expect(keys(await watch())).toEqual([expect.stringMatching(/^warning Orphan cred_/)]);
  });
});

describe('what is found', () => {
  it('life that runs out: a warning at a third, a failure at a tenth, by the clock of Auth0', async () => {
    await rotated();
    world().advance(63 * DAY);
    const third = await watch();
    expect([third.exitCode, keys(third)]).toEqual([
      0,
      ['warning CertificateExpiring', 'warning RotationOverdue'],
    ]);
    expect(warnings(third)).toMatch(/less than a third .* Start the rotation workflow/);
    expect(third.summary).toMatch(/^## ⚠️ `orders`: 21 % of the validity .* 2 things need attention\./);
    world().advance(11 * DAY);
    const tenth = await watch();
    expect([tenth.exitCode, lastCode(tenth)]).toEqual([1, 'WATCH_FAILED']);
    expect(keys(tenth)).toEqual(['failure CertificateExpiring', 'warning RotationOverdue']);
    expect(tenth.summary).toMatch(/^## ❌ `orders`: 8 % of the validity/);
    expect(told(tenth)).toMatch(
      /The watch has found a failure: The credential in use has less than a tenth .*A watch changes nothing but its issue\./,
    );
    world().advance(9 * DAY);
    expect(keys(await watch())).toEqual(['failure CertificateExpired', 'warning RotationOverdue']);
    expect(everything()).toBe(before);
  });

  it('strangers, whose names do nothing to whoever reads of them', async () => {
    const name =
      'auth0-mtls-rotation @acme/admins `x` ::error::![](https://evil.example) <img src=x>| run @octocat';
    const id = seed(name, false);
    const run = await watch({ 'report-issue': 'true' });
    expect(keys(run)).toEqual([`warning OthersCredential ${id}`]);
    const issue = await openIssue();
    for (const text of [issue.body, run.summary]) {
      const outside = text.replaceAll(/`[^`\n]*`/g, '');
      expect(outside).not.toMatch(/@acme|@octocat|evil\.example|<img|::error/);
      expect(text).toContain("`@acme/admins 'x'");
    }
    expect(run.annotations.map(({ level }) => level)).toEqual(['warning']);
  });

  it('somebody who can log in as this client', async () => {
    const id = seed('by hand', true);
    const run = await watch();
    expect(keys(run)).toContain(`warning UnknownCredential ${id}`);
    expect(warnings(run)).toContain('Anybody who has its key can log in as this client');
    expect(keys(await watch({ 'keep-credentials': id })).join()).not.toContain('UnknownCredential');
  });

  it('a destination without the secret, and one whose token cannot tell', async () => {
    const run = await watch({ destinations: `${SCOPE}\nenv:${REPOSITORY}/staging` });
    expect([run.exitCode, lastCode(run)]).toEqual([1, 'INVALID_INPUT']);
    const org = await watch({ destinations: `env:${REPOSITORY}/staging\nenv:${REPOSITORY}/production` });
    expect(keys(org)).toContain(`failure SecretMissing env:${REPOSITORY}/staging ${SECRET}`);
  });

  it('a secret that hides the one that is delivered', async () => {
    const { github } = world();
    github.seedSecret(`env:${REPOSITORY}/production`, SECRET, 'older');
    expect(keys(await watch())).toEqual([
      `warning SecretShadowed env:${REPOSITORY}/production ${SCOPE} ${SECRET}`,
    ]);
    github.seedSecret('org:acme', 'SHARED', 'x');
    github.seedSecret(SCOPE, 'SHARED', 'x');
    const run = await watch({ destinations: 'org:acme', 'secret-name': 'SHARED' });
    expect(keys(run)).toContain(`warning SecretShadowed ${SCOPE} org:acme SHARED`);
    await remove(`environments/production/secrets/${SECRET}`);
  });

  it.each([
    ['asleep.yml', 1, 'failure WorkflowDisabled', /GitHub disables schedules after 60 days/],
    ['broken.yml', 0, 'warning WorkflowFailed', /Look at that run/],
    ['none.yml', 1, 'failure WorkflowUnread', /404.*actions: read/],
    [
      'other/ops/.github/workflows/rotate.yml',
      1,
      'failure WorkflowUnread',
      /404.*workflow-token that has it there/,
    ],
  ])('a rotation workflow that does not run: %s', async (workflow, exitCode, key, words) => {
    const run = await watch({ workflow });
    expect([run.exitCode, keys(run)]).toEqual([exitCode, [key]]);
    expect(run.annotations[0]?.message).toMatch(words);
  });

  it('another method: the rotation would be refused', async () => {
    const headers = { authorization: `Bearer ${await world().managementToken()}` };
    const body = { client_authentication_methods: null, token_endpoint_auth_method: 'client_secret_post' };
    const url = `${world().tenantUrl}/api/v2/clients/${clientId}`;
    expect((await world().call(url, { method: 'PATCH', body, headers })).status).toBe(200);
    const run = await watch();
    expect([run.exitCode, keys(run)]).toEqual([1, ['failure RotationRefused']]);
    expect(run.annotations[0]?.message).toContain('METHOD_MISMATCH');
  });
});

describe('a token that may not', () => {
  it('see the workflow fails, and says which permission', async () => {
    const run = await watch({ 'workflow-token': token({ issues: 'write' }) });
    expect([run.exitCode, keys(run)]).toEqual([1, ['failure WorkflowUnread']]);
    expect(told(run)).toContain("'actions: read'");
  });

  it('see the environments is reported, once', async () => {
    const run = await watch({ 'github-token': token({ secrets: 'read' }) });
    expect([run.exitCode, keys(run)]).toEqual([0, [`warning ShadowsUnread ${SCOPE}`]]);
    expect(warnings(run)).toContain("'Environments: read' and 'Actions: read'");
  });

  it('see the secrets fails', async () => {
    const run = await watch({ 'github-token': token({ actions: 'read' }) });
    expect([run.exitCode, lastCode(run), keys(run)[0]]).toEqual([
      1,
      'GITHUB_FORBIDDEN',
      'failure GITHUB_FORBIDDEN',
    ]);
    expect(told(run)).toContain('secrets=read');
  });

  it('is not given: a finding says that the secrets were not read', async () => {
    const run = await watch({ 'github-token': '' });
    expect([run.exitCode, keys(run)]).toEqual([0, ['warning SecretsUnread']]);
  });

  it('write the issue fails', async () => {
    const run = await watch({
      workflow: 'broken.yml',
      'report-issue': 'true',
      'workflow-token': token({ actions: 'read', issues: 'read' }),
    });
    expect([run.exitCode, keys(run)]).toEqual([1, ['warning WorkflowFailed', 'failure IssueNotReported']]);
    expect(told(run)).toContain("'issues: write'");
  });

  it('label the issue closes it again, since no later run would find it', async () => {
    const inputs = {
      workflow: 'broken.yml',
      'report-issue': 'true',
      'workflow-token': token({ actions: 'read', issues: 'write' }, { pushes: false }),
    };
    const run = await watch(inputs);
    expect([run.exitCode, keys(run)]).toEqual([1, ['warning WorkflowFailed', 'failure IssueNotReported']]);
    const [last] = await issues();
    expect(last).toMatchObject({ state: 'closed', labels: [] });
  });
});

interface Issue {
  number: number;
  state: string;
  title: string;
  body: string;
  labels: unknown[];
  comments: number;
}

const as = () => ({ authorization: `Bearer ${world().githubToken}` });
const api = (path: string) => `${world().githubUrl}/repos/${REPOSITORY}/${path}`;

async function issues(): Promise<Issue[]> {
  return (await world().call(api('issues?state=all&per_page=100'), { headers: as() })).body as Issue[];
}

/** The one of the client that is watched, and no other. */
async function issueOf(client = clientId): Promise<Issue | undefined> {
  const all = (await issues()).filter(({ title }) => title.includes(client));
  expect(all.length).toBeLessThanOrEqual(1);
  return all[0];
}

async function openIssue(): Promise<Issue> {
  const issue = await issueOf();
  if (issue?.state !== 'open') throw new Error(`no open issue: ${JSON.stringify(issue)}`);
  return issue;
}

async function edit(number: number, fields: object): Promise<void> {
  expect(
    (await world().call(api(`issues/${number}`), { method: 'PATCH', body: fields, headers: as() })).status,
  ).toBe(200);
}

async function remove(path: string): Promise<void> {
  expect((await world().call(api(path), { method: 'DELETE', headers: as() })).status).toBe(204);
}

describe('the issue', () => {
  const BAD = { 'report-issue': 'true', workflow: 'broken.yml' };
  const WORSE = { 'report-issue': 'true', workflow: 'asleep.yml' };
  const GOOD = { 'report-issue': 'true' };

  it('is opened, updated when the findings change, closed when all is well, and opened again', async () => {
    await watch(BAD);
    const opened = await openIssue();
    expect(opened.body).toContain('broken.yml` ended with `failure`');
    expect(opened.body).toMatch(/\[this run\]\(https:\/\/github\.com\/acme\/shop\/actions\/runs\/\d+\)/);
    await watch(BAD);
    expect(effects(world())).toEqual([]);
    await watch(WORSE);
    const updated = await openIssue();
    expect([updated.number, updated.body.includes('asleep.yml')]).toEqual([opened.number, true]);
    await watch(GOOD);
    expect(await issueOf()).toMatchObject({ number: opened.number, state: 'closed', comments: 1 });
    await watch(GOOD);
    expect(effects(world())).toEqual([]);
    await watch(WORSE);
    expect((await openIssue()).number).toBe(opened.number);
  });

  it('that a person has closed stays closed until something else is found', async () => {
    await watch(BAD);
    const { number } = await openIssue();
    await edit(number, { state: 'closed' });
    await watch(BAD);
    expect([effects(world()), (await issueOf())?.state]).toEqual([[], 'closed']);
    await watch(WORSE);
    expect((await openIssue()).number).toBe(number);
  });

  it('is one, if two watches have opened two, and another client has its own', async () => {
    await watch(BAD);
    const { body, number, title } = await openIssue();
    const twin = await world().call(api('issues'), {
      body: { title: 'twin', body, labels: ['auth0-mtls-rotation'] },
      headers: as(),
    });
    const stranger = await world().call(api('issues'), { body: { title, body }, headers: as() });
    const numbers = [twin, stranger].map((answer) => (answer.body as Issue).number);
    await edit(numbers[1] ?? 0, { title: 'what has no label is not ours' });
    const other = world().addServiceClient({ name: 'other' }).clientId;
    await watch({ ...BAD, 'client-id': other });
    expect((await issueOf(other))?.state).toBe('open');
    await watch(BAD);
    const states = Object.fromEntries((await issues()).map((one) => [one.number, one.state]));
    expect([number, ...numbers].map((one) => states[one])).toEqual(['open', 'closed', 'open']);
    await watch(GOOD);
    await watch(BAD);
    expect((await openIssue()).number).toBe(number);
  });

  it('tells of a login that is refused, and nothing of a service that does not answer', async () => {
    const refused = await watch({ ...GOOD, 'management-client-secret': 'outdated-secret-of-the-rotator' });
    expect([refused.exitCode, lastCode(refused)]).toEqual([1, 'AUTH0_UNAUTHORIZED']);
    expect((await openIssue()).body).toContain('Auth0');
    world().conditions.fault = (service, { path }) =>
      service === 'auth0' && path.startsWith('/api/v2/') ? json(200, 'no client') : undefined;
    const away = await watch(GOOD);
    expect([away.exitCode, code(away), effects(world())]).toEqual([1, 'AUTH0_REQUEST_FAILED', []]);
    expect((await issueOf())?.state).toBe('open');
  });

  it('is not opened if nobody asks for it', async () => {
    await watch({ workflow: 'broken.yml' });
    expect(await issueOf()).toBeUndefined();
  });
});

it('has nothing of what the secret holds in anything it leaves', async () => {
  seed('by hand', true);
  const run = await watch({ 'report-issue': 'true' });
  const key = held(world()).split('\n').slice(1, -1);
  const everywhere = [
    run.stdout.replaceAll(/^::add-mask::.*$/gm, ''),
    run.summary,
    (await openIssue()).body,
  ].join();
  expect(key.filter((line) => line.length > 20 && everywhere.includes(line))).toEqual([]);
});
