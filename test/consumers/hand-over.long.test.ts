/** What examples/hand-over-*.yml and notify.yml do after a rotation: their scripts run, with what the environment's secret then holds. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test, vi } from 'vitest';
import { parse } from 'yaml';
import { REPOSITORY } from '../emulators/sandbox.ts';
import { serve } from '../emulators/serve.ts';
import { operate, sharedWorld } from '../scenarios/operations.ts';
import { held } from '../scenarios/support.ts';
import { Cluster } from './cluster.ts';
import { listenForMail } from './mail.ts';
import { BASH, freePort, program, requirePrograms, run, snippet, temporaryFolder } from './recipe.ts';

requirePrograms(['curl', 'jq', 'kubectl']);

const folder = temporaryFolder();
const shared = sharedWorld();
const stack = new AsyncDisposableStack();
afterAll(() => stack.disposeAsync());

const ENVIRONMENT = `env:${REPOSITORY}/production`;

interface Job {
  if?: string;
  needs?: string;
  environment?: string;
  steps: { name?: string; run?: string; env?: Record<string, string> }[];
}

const jobsOf = (name: string): Record<string, Job> =>
  parse(readFileSync(`examples/${name}.yml`, 'utf8')).jobs;

/** The script of a step, by its name. */
function scriptOf(file: string, job: string, step: string): string {
  const found = jobsOf(file)[job]?.steps.find(({ name }) => name === step)?.run;
  expect(found, `${file}: ${step}`).toBeDefined();
  return `${found}`;
}

/** What the workflow's environment has besides what a test gives. */
const environment = (given: Record<string, string>) => ({
  PATH: process.env.PATH ?? '',
  HOME: folder,
  TMPDIR: folder,
  CURL_CA_BUNDLE: shared().caFile,
  ...given,
});

interface Asked {
  url: string;
  headers: IncomingMessage['headers'];
  body: unknown;
}

/** GitHub's token for OIDC at /identity, Vault by its API's documentation, a chat that takes everything. */
async function listen(): Promise<{ url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const answers: Record<string, object> = {
    '/identity': { value: 'header.claims.signature' },
    '/v1/auth/jwt/login': { auth: { client_token: 'hvs.of-this-test' } },
  };
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const text = Buffer.concat(chunks).toString();
    const { url = '', headers } = request;
    asked.push({ url, headers, body: text === '' ? undefined : JSON.parse(text) });
    response.end(JSON.stringify(answers[url.split('?')[0] ?? ''] ?? {}));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const identityOf = (url: string) => ({
  ACTIONS_ID_TOKEN_REQUEST_URL: `${url}/identity?api-version=2.0`,
  ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of-the-job',
});

let PEM: string;
beforeAll(async () => {
  const world = shared();
  const before = world.client.pem;
  const run = await operate(world, { destinations: ENVIRONMENT, 'current-credential': '' });
  expect([run.exitCode, run.outputs.rotated]).toEqual([0, 'true']);
  // The job that follows starts now: it reads the new one.
  PEM = held(world, ENVIRONMENT);
  expect(PEM).not.toBe(before);
});

const FOLLOWING = ['aws', 'azure', 'google', 'kubernetes', 'vault'].map((name) => `hand-over-${name}`);

/** There the same pair changes nothing that matters. Elsewhere each write makes a version that stays, or restarts a service. */
const REPEATED = ['hand-over-kubernetes', 'hand-over-vault'];

it.each(FOLLOWING)('%s follows a rotation, in a job of its own that names the environment', (file) => {
  const { rotate, 'hand-over': after } = jobsOf(file);
  const condition = REPEATED.includes(file)
    ? `\${{ !cancelled() && (inputs.hand-over || inputs.operation != 'plan') }}`
    : "always() && (inputs.hand-over || needs.rotate.outputs.rotated == 'true')";
  expect(after).toMatchObject({ needs: 'rotate', if: condition });
  expect([rotate?.environment, after?.environment]).toEqual(['auth0-rotation', 'production']);
  expect(JSON.stringify(after?.steps)).toContain('secrets.AUTH0_MTLS_PEM');
});

it('a deployment follows a rotation, one that could not deliver everywhere, too', () => {
  const condition = "always() && needs.rotate.outputs.rotated == 'true'";
  expect(jobsOf('hand-over-deploy').deploy).toMatchObject({ needs: 'rotate', if: condition });
});

it.each([...FOLLOWING, 'hand-over-deploy', 'notify'])('the scripts of %s are bash', async (file) => {
  for (const { steps } of Object.values(jobsOf(file)))
    for (const { run: script } of steps)
      if (script !== undefined) await run(['bash', '-n', '-c'], script, environment({}));
});

it('Vault gets the pair, as it is', async () => {
  const { url, asked } = await listen();
  const script = scriptOf('hand-over-vault', 'hand-over', 'Write the pair into Vault');
  const shown = await run(BASH, script, environment({ PEM, VAULT_ADDR: url, ...identityOf(url) }));
  // GitHub masks neither by itself.
  expect(shown).toBe('::add-mask::header.claims.signature\n::add-mask::hvs.of-this-test\n');
  expect(asked).toMatchObject([
    { url: '/identity?api-version=2.0&audience=vault', headers: { authorization: 'bearer of-the-job' } },
    { url: '/v1/auth/jwt/login', body: { role: 'auth0-hand-over', jwt: 'header.claims.signature' } },
    {
      url: '/v1/secret/data/auth0/mtls',
      headers: { 'x-vault-token': 'hvs.of-this-test' },
      body: { data: { pem: PEM } },
    },
  ]);
});

/** The real CLI, and moto, which answers as AWS does: both of test/consumers/python/requirements.txt. */
const PROGRAMS = dirname(process.env.CONSUMERS_PYTHON ?? program('moto_server') ?? '');
const READY = ['aws', 'moto_server'].every((name) => existsSync(join(PROGRAMS, name)));
test.skipIf(process.env.CI !== 'true' && !READY)('the AWS CLI and moto are installed', () =>
  expect(READY).toBe(true),
);

it.skipIf(!READY)(
  'AWS Secrets Manager gets the pair, as it is',
  async () => {
    const port = await freePort();
    const moto = spawn(join(PROGRAMS, 'moto_server'), ['-H', '127.0.0.1', '-p', `${port}`], {
      stdio: 'ignore',
    });
    stack.defer(() => void moto.kill());
    const AWS_ENDPOINT_URL = `http://127.0.0.1:${port}`;
    await vi.waitFor(() => fetch(AWS_ENDPOINT_URL), { timeout: 20_000, interval: 200 });
    const { url, asked } = await listen();
    const env = {
      ...environment({ PEM, ...identityOf(url) }),
      PATH: `${PROGRAMS}:${process.env.PATH}`,
      AWS_ENDPOINT_URL,
      AWS_REGION: 'eu-central-1',
      AWS_DEFAULT_REGION: 'eu-central-1',
    };
    const own = { ...env, AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
    const names = '--name auth0-mtls --secret-string old';
    await run(BASH, `aws secretsmanager create-secret ${names}`, own);
    const script = scriptOf('hand-over-aws', 'hand-over', 'Write the pair into Secrets Manager');
    await run(BASH, script, { ...env, AWS_ROLE_ARN: 'arn:aws:iam::123456789012:role/hand-over' });
    expect(asked[0]?.url).toContain('audience=sts.amazonaws.com');
    const stored = await run(BASH, 'aws secretsmanager get-secret-value --secret-id auth0-mtls', own);
    expect(JSON.parse(stored).SecretString).toBe(PEM);
  },
  300_000,
);

describe.skipIf(!program('kubectl'))('Kubernetes', () => {
  const ROLE = snippet('A service account for Kubernetes', 'yaml');
  const script = scriptOf('hand-over-kubernetes', 'hand-over', 'Write the pair into the cluster');

  it('a service of a fleet does the same by itself', () => {
    const { deploy } = jobsOf('fleet/deploy-kubernetes');
    const { 'hand-over': after } = jobsOf('hand-over-kubernetes');
    expect(deploy).toMatchObject({ environment: 'production', steps: after?.steps });
  });

  /** The real kubectl, with the rights of the Role in docs/recipes.md, against what it asks of a cluster. */
  async function handOver(set: Partial<Cluster> = {}, role = ROLE) {
    return repeat(Object.assign(new Cluster('of-the-account', role), set));
  }

  async function repeat(cluster: Cluster, pair = PEM) {
    const served = await serve(cluster, { tls: shared().authority.serverCertificate() });
    stack.defer(() => served[Symbol.asyncDispose]());
    const given = {
      SERVER: served.url,
      SERVER_CA: readFileSync(shared().caFile, 'utf8'),
      TOKEN: 'of-the-account',
    };
    let told = '';
    const failed = await run(BASH, script, environment({ PEM: pair, ...given })).then(
      (stdout) => {
        told = stdout;
        return '';
      },
      (error: { stderr: string }) => error.stderr,
    );
    return { cluster, failed, told };
  }

  it.each<[string, Partial<Cluster>]>([
    ['into an empty Secret', {}],
    [
      'into one that something else has written',
      { secret: { 'auth0.pem': 'b2xk' }, manager: 'kubectl-create' },
    ],
  ])('gets the pair, as it is, %s, and the pods are replaced', async (_, set) => {
    const { cluster, failed } = await handOver(set);
    expect([failed, cluster.restarts]).toEqual(['', 1]);
    expect(Buffer.from(`${cluster.secret?.['auth0.pem']}`, 'base64').toString()).toBe(PEM);
    expect(new Set(cluster.granted)).toEqual(
      new Set(['patch secrets', ...['get', 'patch', 'list', 'watch'].map((verb) => `${verb} deployments`)]),
    );
  });

  it('replaces the pods again only for another pair', async () => {
    const { cluster } = await handOver();
    expect([(await repeat(cluster)).failed, cluster.restarts]).toEqual(['', 1]);
    expect([(await repeat(cluster, `${PEM}another`)).failed, cluster.restarts]).toEqual(['', 2]);
  });

  it('replaces them in the next run if one has failed after it had written the Secret', async () => {
    const { cluster, failed } = await handOver({ fails: 'patch deployments' });
    expect([failed, cluster.restarts]).toEqual([expect.stringContaining('InternalError'), 0]);
    expect(cluster.secret?.['auth0.pem']).toBeDefined();
    cluster.fails = undefined;
    expect([(await repeat(cluster)).failed, cluster.restarts]).toEqual(['', 1]);
  });

  it('prints nothing of the key', async () => {
    const { cluster, told } = await handOver();
    const lines = PEM.split('\n').filter((line) => line !== '' && !line.startsWith('-----'));
    const shown = told + (await repeat(cluster)).told;
    expect(shown).toContain('secret/auth0-mtls serverside-applied');
    for (const line of [...lines, `${cluster.secret?.['auth0.pem']}`]) expect(shown).not.toContain(line);
  });

  it('says in each run that no new pod gets ready', async () => {
    const { cluster, failed } = await handOver({ healthy: false });
    expect(failed).toContain('exceeded its progress deadline');
    expect((await repeat(cluster)).failed).toContain('exceeded its progress deadline');
  });

  it('makes the Secret only with the right to create Secrets', async () => {
    expect((await handOver({ secret: undefined })).failed).toContain('cannot create secrets');
    const more = `${ROLE}  - { apiGroups: [''], resources: [secrets], verbs: [create] }\n`;
    const { cluster, failed } = await handOver({ secret: undefined }, more);
    expect([failed, cluster.restarts]).toEqual(['', 1]);
  });
});

describe('a failure is reported', () => {
  const told = { CLIENT_ID: 'shop', RUN_URL: 'https://github.example/acme/shop/actions/runs/1' };

  it('only if the rotation has failed', () => {
    expect(jobsOf('notify').notify).toMatchObject({
      needs: 'rotate',
      if: `\${{ always() && (contains(needs.*.result, 'failure') || contains(needs.*.result, 'cancelled')) }}`,
    });
  });

  it('to a chat', async () => {
    const { url, asked } = await listen();
    const env = environment({ ...told, WEBHOOK_URL: `${url}/services/T0/B0/secret` });
    await run(BASH, scriptOf('notify', 'notify', 'Tell the chat'), env);
    const text = `The rotation or hand-over of shop failed: ${told.RUN_URL}`;
    expect(asked).toMatchObject([{ url: '/services/T0/B0/secret', body: { text } }]);
  });

  it('by e-mail', async () => {
    const { port, mail } = await listenForMail(shared().authority.serverCertificate(), stack);
    const env = {
      ...environment({ ...told, SENDER: 'rotation@example.test', RECIPIENT: 'team@example.test' }),
      SMTP_URL: `smtps://localhost:${port}`,
      SMTP_USER: 'rotation:password',
    };
    await run(BASH, scriptOf('notify', 'notify', 'Send an e-mail'), env);
    expect(mail()).toMatch(/^MAIL FROM:<rotation@example\.test>/m);
    expect(mail()).toMatch(/^RCPT TO:<team@example\.test>/m);
    expect(mail()).toContain('Subject: The rotation or hand-over of shop failed');
    expect(mail()).toContain(told.RUN_URL);
    expect(mail()).toContain(Buffer.from('\0rotation\0password').toString('base64'));
  });
});
