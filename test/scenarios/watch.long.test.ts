/** `operation: watch`, more of it: what else is found, tokens that may not, and issues that people have touched. The main stories: watch.test.ts. */

import { describe, expect, it } from 'vitest';
import { REPOSITORY } from '../emulators/sandbox.ts';
import { effects, killed, LEASE_OVER, told, warnings } from './operations.ts';
import { code, json, SCOPE, SECRET } from './support.ts';
import {
  api,
  as,
  BAD,
  clientId,
  edit,
  GOOD,
  type Issue,
  issueOf,
  issues,
  keys,
  lastCode,
  openIssue,
  remove,
  seed,
  token,
  WORSE,
  watch,
  world,
} from './watches.ts';

describe('all is well', () => {
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

describe('the issue', () => {
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
