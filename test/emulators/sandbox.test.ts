import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sodium from 'libsodium-wrappers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { startConsumer } from './consumer.ts';
import {
  type ActionOptions,
  type ActionRun,
  fileCommand,
  inputDefaults,
  runAction,
  startAction,
} from './runner.ts';
import { API_AUDIENCE, type Sandbox, startSandbox } from './sandbox.ts';

const REFUSED = { status: 401, body: { error: 'access_denied', error_description: 'Unauthorized' } };
const SECRET = 'AUTH0_MTLS_PEM';
const SCOPE = 'repo:acme/shop';

let world: Sandbox;
let directory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sandbox-test-'));
  world = await startSandbox();
});
afterAll(async () => {
  await world[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});
beforeEach(() => world.transcript.clear());
afterEach(() => {
  world.conditions.fault = undefined;
  world.conditions.latencyMs = 0;
});

const clientUrl = (clientId: string, in_ = world) => `${in_.managementAudience}clients/${clientId}`;

/** What the action does by PATCH, here in one line. */
async function associate(in_: Sandbox, clientId: string, ids: string[]): Promise<number> {
  const answer = await in_.call(clientUrl(clientId, in_), {
    method: 'PATCH',
    headers: { authorization: `Bearer ${await in_.managementToken()}` },
    body: {
      client_authentication_methods: {
        self_signed_tls_client_auth: { credentials: ids.map((id) => ({ id })) },
      },
    },
  });
  return answer.status;
}

/** The sandbox's agent is not counted; this is a program of somebody else. */
const asProgram = (url: string, headers: Record<string, string> = {}) =>
  world.call(url, { headers: { 'user-agent': 'program/1', ...headers } });

describe('the world', () => {
  test('authenticates the hand-made certificate through edge and authorization server', async () => {
    const answer = await world.requestToken(world.clientId, world.client.pem);
    expect(answer).toMatchObject({ status: 200, body: { token_type: 'Bearer' } });
    const stranger = world.addServiceClient({ name: 'stranger' });
    expect(await world.requestToken(world.clientId, stranger.pem)).toMatchObject(REFUSED);
    expect(world.authorizationServer.statistics.granted.self_signed_tls_client_auth).toBe(1);
  });

  test('gives the token of a job no secret, and no other repository', async () => {
    world.github.addRepository('acme/else');
    const status = async (token: string, path: string, method = 'GET') => {
      const headers = { authorization: `Bearer ${token}` };
      return (await world.call(`${world.githubUrl}/repos/${path}`, { method, headers })).status;
    };
    const key = 'actions/secrets/public-key';
    expect(await status(world.githubToken, `acme/shop/${key}`)).toBe(200);
    expect(await status(world.workflowToken, `acme/shop/${key}`)).toBe(403);
    expect(await status(world.workflowToken, 'acme/shop/issues')).toBe(200);
    expect(await status(world.workflowToken, 'acme/else/issues')).not.toBe(200);
  });

  test('has a certificate that was made by hand a day ago', () => {
    const [made] = world.tenant.reveal(world.clientId).credentials;
    const age = world.tenantNow() - Date.parse(`${made?.created_at}`);
    expect(Math.round(age / 3_600_000)).toBe(24);
  });

  test('dates an answer that no service gave by the clock of the service', async () => {
    await using early = await startSandbox({ tenantSkewMs: -86_400_000 * 400 });
    early.conditions.fault = () => ({ kind: 'answer', response: { status: 503, headers: {}, body: '' } });
    const { headers } = await early.call(clientUrl('any', early), { headers: { 'user-agent': 'program/1' } });
    expect(Date.now() - Date.parse(`${headers.date}`)).toBeGreaterThan(86_400_000 * 399);
  });

  test('knows a client that has the method and no credential', async () => {
    const { clientId, credentialId } = world.addServiceClient({ credentials: [] });
    expect(credentialId).toBeUndefined();
    expect(world.tenant.reveal(clientId)).toMatchObject({
      credentials: [],
      client: { client_authentication_methods: { self_signed_tls_client_auth: { credentials: [] } } },
    });
    expect(await world.requestToken(clientId, world.client.pem)).toMatchObject(REFUSED);
  });

  test('has a management client with a working token', async () => {
    const headers = { authorization: `Bearer ${await world.managementToken()}` };
    const { status, body } = await world.call(`${clientUrl(world.clientId)}/credentials`, { headers });
    expect({ status, body }).toMatchObject({ status: 200, body: [{ id: world.client.credentialId }] });
  });

  test('names the edge in discovery, or not', async () => {
    const url = `${world.tenantUrl}/.well-known/openid-configuration`;
    const alias = { mtls_endpoint_aliases: { token_endpoint: `${world.edgeUrl}/oauth/token` } };
    expect((await world.call(url)).body).toMatchObject(alias);
    world.conditions.mtlsAlias = false;
    expect((await world.call(url)).body).not.toHaveProperty('mtls_endpoint_aliases');
    world.conditions.mtlsAlias = true;
  });

  test('takes a sealed secret from the app and refuses GITHUB_TOKEN', async () => {
    const path = `${world.githubUrl}/repos/acme/shop/actions/secrets`;
    const store = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` };
      const { status, body } = await world.call(`${path}/public-key`, { headers });
      if (status !== 200) return status;
      const { key, key_id } = body as { key: string; key_id: string };
      const sealed = sodium.crypto_box_seal('hello', Buffer.from(key, 'base64'));
      const encrypted_value = Buffer.from(sealed).toString('base64');
      const options = { method: 'PUT', headers, body: { encrypted_value, key_id } };
      return (await world.call(`${path}/HELLO`, options)).status;
    };
    expect(await store(world.githubToken)).toBe(201);
    expect(world.github.secret(SCOPE, 'HELLO')?.value).toBe('hello');
    expect(await store(world.workflowToken)).toBe(403);
  });

  test('shows the skewed clocks of its services, and lets time pass', async () => {
    await using skewed = await startSandbox({ tenantSkewMs: 60_000, githubSkewMs: -60_000 });
    const urls = [`${skewed.tenantUrl}/.well-known/openid-configuration`, `${skewed.tenantUrl}/api/v2/`];
    const ahead = async (url: string) => {
      const { headers } = await skewed.call(url);
      return Math.round((Date.parse(String(headers.date)) - Date.now()) / 5_000) * 5;
    };
    for (const url of urls) expect(await ahead(url)).toBe(60);
    expect(await ahead(`${skewed.githubUrl}/user`)).toBe(-60);
    skewed.advance(900_000);
    expect(await ahead(`${skewed.githubUrl}/user`)).toBe(840);
    // Tokens live in real time: a leap of the tenant's clock does not end them.
    expect(await skewed.managementToken()).toBeTypeOf('string');
  });

  test('delays what the authorization server sees of a PATCH', async () => {
    await using slow = await startSandbox({ propagationDelayMs: 4_000 });
    const { clientId, pem } = slow.client;
    expect(await associate(slow, clientId, [])).toBe(200);
    expect((await slow.requestToken(clientId, pem)).status).toBe(200);
    const status = async () => (await slow.requestToken(clientId, pem)).status;
    await expect.poll(status).toBe(401);
  });

  test('opens a broken edge to everyone', async () => {
    await using open = await startSandbox({ openToAll: true });
    const stranger = open.addServiceClient({ name: 'stranger' });
    expect((await open.requestToken(open.clientId, stranger.pem)).status).toBe(200);
  });

  test('disposes', async () => {
    const gone = await startSandbox();
    expect(existsSync(gone.caFile)).toBe(true);
    await gone[Symbol.asyncDispose]();
    expect(existsSync(gone.caFile)).toBe(false);
    for (const url of [gone.tenantUrl, gone.edgeUrl, gone.githubUrl]) {
      await expect(gone.call(url)).rejects.toThrow('ECONNREFUSED');
    }
  });
});

describe('the transcript', () => {
  test('counts requests and round trips', async () => {
    const { tenantUrl, githubUrl, clientId } = world;
    // A busy machine pulls apart by less what began together.
    world.conditions.latencyMs = 500;
    await asProgram(`${tenantUrl}/.well-known/openid-configuration`);
    await Promise.all([
      asProgram(clientUrl(clientId)),
      asProgram(`${clientUrl(clientId)}/credentials/cred_1`),
      asProgram(`${clientUrl('another')}/credentials/cred_2`),
      asProgram(`${githubUrl}/repos/acme/shop/actions/secrets/A`),
    ]);
    await asProgram(clientUrl(clientId));
    await world.managementToken();
    expect(world.transcript.count()).toBe(6);
    expect(world.transcript.count('github')).toBe(1);
    expect(world.transcript.roundTrips()).toBe(3);
    expect(world.transcript.requests().toSorted()).toHaveLength(6);
    expect(world.transcript.requests().at(-1)).toMatch(/^auth0 GET \/api\/v2\/clients\/\{client(-2)?\}$/);
    const rendered = world.transcript.render();
    expect(rendered.split('\n')).toHaveLength(6);
    expect(rendered).not.toContain(clientId);
    world.transcript.clear();
    expect(world.transcript.requests()).toEqual([]);
  });

  test('tells identifiers apart by their order', async () => {
    for (const id of ['a', 'b', 'a']) await asProgram(`${clientUrl('x')}/credentials/${id}`);
    expect(world.transcript.requests()).toEqual([
      'auth0 GET /api/v2/clients/{client}/credentials/{credential}',
      'auth0 GET /api/v2/clients/{client}/credentials/{credential-2}',
      'auth0 GET /api/v2/clients/{client}/credentials/{credential}',
    ]);
  });

  test('does not count what the edge asks on behalf of the program', async () => {
    const { clientId, edge, client } = world;
    await world.call(edge.tokenEndpoint, {
      pem: client.pem,
      headers: { 'user-agent': 'program/1' },
      body: { grant_type: 'client_credentials', client_id: clientId, audience: API_AUDIENCE },
    });
    expect(world.transcript.requests()).toEqual(['edge POST /oauth/token']);
    expect(world.transcript.render()).toMatch(/edge POST.*\n.*└ auth0 POST/);
  });

  test('reports faults, which spare the sandbox itself', async () => {
    world.conditions.fault = (service) => (service === 'auth0' ? { kind: 'drop' } : undefined);
    const url = `${world.tenantUrl}/.well-known/openid-configuration`;
    await expect(asProgram(url)).rejects.toThrow();
    expect((await world.call(url)).status).toBe(200);
    expect(world.transcript.render()).toMatch(/dropped {2}\d+ ms {2}\(fault: drop\)/);
  });
});

describe('the runner', () => {
  function script(source: string, name = 'action.mjs'): string {
    const path = join(directory, name);
    writeFileSync(path, source);
    return path;
  }

  function run(source: string, inputs = {}, options: ActionOptions = {}): Promise<ActionRun> {
    return runAction(world, inputs, { main: script(source), actionFile: '/none', ...options });
  }

  const FAKE = `
    import { appendFileSync, writeFileSync } from 'node:fs';
    const env = process.env;
    console.log('before topsecret');
    console.log('::add-mask::topsecret%0A  second line');
    console.log('after topsecret and second line ' + Buffer.from('topsecret').toString('base64'));
    console.log('::group::Plan topsecret\\n::endgroup::');
    console.log('::error file=a%2Cb.ts,line=3::went wrong: topsecret%0Amore');
    console.log('::debug::hidden');
    console.log('::stop-commands::halt\\n::error::not one\\n::halt::');
    console.log('::unknown::line');
    console.error('::notice::from stderr');
    console.log(env['INPUT_GITHUB-TOKEN']);
    appendFileSync(env.GITHUB_OUTPUT, 'plain=a=b\\nlong<<EOF\\none\\ntwo\\nEOF\\nleak=my topsecret\\n');
    appendFileSync(env.GITHUB_STEP_SUMMARY, '# Done\\ntopsecret\\n');
    appendFileSync(env.GITHUB_STATE, 'phase=1\\n');
    writeFileSync(env.RUNNER_TEMP + '/left.txt', 'left behind');
    writeFileSync(env.HOME + '/.left', 'left at home');
    writeFileSync(env.GITHUB_WORKSPACE + '/left.log', 'left at work');
    process.stdout.write('no line end');
    process.exitCode = 3;`;

  test('reads a run as GitHub does', async () => {
    const result = await run(FAKE);
    expect(result.exitCode).toBe(3);
    expect(result.signal).toBeNull();
    expect(result.masks).toEqual(['topsecret\n  second line']);
    expect(result.outputs).toEqual({ plain: 'a=b', long: 'one\ntwo' });
    expect(result.droppedOutputs).toEqual(['leak']);
    expect(result.state).toEqual({ phase: '1' });
    expect(result.summary).toBe('# Done\n***\n');
    expect(result.groups).toEqual(['Plan ***']);
    expect(result.files).toEqual(['temp/left.txt', 'workspace/left.log', 'home/.left']);
    for (const text of ['left behind', 'left at work', 'left at home']) expect(result.traces).toContain(text);
    expect(result.stdout).toContain('::add-mask::topsecret');
    const byLevel = Object.groupBy(result.annotations, ({ level }) => level);
    expect(byLevel.error).toEqual([
      { level: 'error', message: 'went wrong: ***\nmore', properties: { file: 'a,b.ts', line: '3' } },
    ]);
    expect(byLevel.notice?.[0]?.message).toBe('from stderr');
    const lines = result.log.split('\n').filter((line) => !line.includes('stderr'));
    expect(lines).toEqual([
      'before topsecret',
      'after *** and *** ***',
      '##[group]Plan ***',
      '##[endgroup]',
      '##[error]went wrong: ***',
      'more',
      '::error::not one',
      '::unknown::line',
      '***',
      'no line end',
      '',
    ]);
  });

  test('gives the process the environment of a runner and nothing else', async () => {
    const actionFile = join(directory, 'action.yml');
    const yaml = `name: x
inputs:
  destinations:
    description: d
    default: 'repo:\${{ github.repository }}'
  empty:
runs:
  using: node24`;
    writeFileSync(actionFile, yaml);
    process.env.SANDBOX_CANARY = 'own';
    const source = 'console.log(JSON.stringify(process.env))';
    const { stdout, annotations } = await run(source, { 'key-size': '3072' }, { actionFile, debug: true });
    const env = JSON.parse(stdout);
    expect(env).toMatchObject({
      'INPUT_AUTH0-DOMAIN': world.domain,
      'INPUT_KEY-SIZE': '3072',
      INPUT_DESTINATIONS: 'repo:acme/shop',
      INPUT_EMPTY: '',
      'INPUT_CLIENT-ID': world.clientId,
      GITHUB_API_URL: world.githubUrl,
      RUNNER_DEBUG: '1',
      NODE_EXTRA_CA_CERTS: world.caFile,
    });
    expect(annotations[0]?.message).toMatch(
      /Unexpected input.*'key-size', valid inputs are \['destinations', 'empty'\]/,
    );
    expect(env).not.toHaveProperty('SANDBOX_CANARY');
    expect(Object.keys(env).filter((name) => name.startsWith('VITEST'))).toEqual([]);
  });

  test('lets the process trust the world, and kills it at a chosen request', async () => {
    const source = `
      const get = (path) => fetch('https://' + process.env['INPUT_AUTH0-DOMAIN'] + path);
      console.log((await get('/.well-known/openid-configuration')).status);
      await get('/api/v2/clients');
      console.log('never');`;
    const result = await run(
      source,
      {},
      {
        killWhen: ({ phase, count }) => (phase === 'arrived' && count === 2 ? 'SIGKILL' : undefined),
      },
    );
    expect(result).toMatchObject({ exitCode: null, signal: 'SIGKILL', stdout: '200\n' });
    await world.idle();
    expect(world.transcript.requests()).toEqual([
      'auth0 GET /.well-known/openid-configuration',
      'auth0 GET /api/v2/clients',
    ]);
  });

  test('runs two at once, and cancels', async () => {
    const main = script(
      'process.once("SIGINT", () => process.exit(7)); console.log("up"); setInterval(() => {}, 99)',
    );
    const ready = Promise.withResolvers<void>();
    const options = { main, actionFile: '/none' };
    const [one, two] = [
      startAction(world, {}, { ...options, onOutput: () => ready.resolve() }),
      startAction(world, {}, { ...options, timeoutMs: 600 }),
    ];
    await ready.promise;
    one.cancel();
    expect(await one.done).toMatchObject({ exitCode: 7, timedOut: false });
    expect(await two.done).toMatchObject({ signal: 'SIGKILL', timedOut: true });
  });

  test('reads defaults of every notation', () => {
    const yaml = `
inputs:
  # a comment
  plain:
    description: 'inputs: are not here'
    default: until-next-rotation # why
  quoted:
    default: 'it''s'
  double:
    default: "a\\tb"
  number:
    default: 2048
  block:
    default: |-
      one
      two
    required: true
  none:
    description: x
outputs:
  plain:
    default: no`.slice(1);
    expect(inputDefaults(yaml)).toEqual({
      plain: 'until-next-rotation',
      quoted: "it's",
      double: 'a\tb',
      number: '2048',
      block: 'one\ntwo',
      none: '',
    });
  });

  test('refuses malformed output files', () => {
    expect(() => fileCommand('nothing')).toThrow('Invalid format');
    expect(() => fileCommand('a<<EOF\nb\n')).toThrow('Matching delimiter not found');
    expect(fileCommand('a<<EOF\nEOF\nb=<<x\n')).toEqual({ a: '', b: '<<x' });
  });
});

describe('the consumer', () => {
  test('is granted tokens, and counts the failure when its credential is removed', async () => {
    const shop = world.addServiceClient({ name: 'consumed' });
    await using consumer = startConsumer(world, { clientId: shop.clientId, secretName: 'CONSUMED' });
    await expect.poll(() => consumer.report.absent).toBeGreaterThan(0);
    world.github.seedSecret(SCOPE, 'CONSUMED', shop.pem);
    await consumer.attempts(3);
    expect(consumer.report.failures).toEqual([]);
    expect(await associate(world, shop.clientId, [])).toBe(200);
    await consumer.attempts(3);
    const { attempts, granted, failures, thumbprints } = await consumer.stop();
    expect(granted).toBeGreaterThanOrEqual(3);
    expect(attempts).toBe(granted + failures.length);
    expect(failures[0]).toMatchObject({ ...REFUSED, thumbprint: thumbprints[0] });
    expect(world.transcript.count()).toBe(0);
  });

  test('notices a secret whose key and certificate do not belong together', async () => {
    const [a, b] = [world.client.pem, world.addServiceClient({ name: 'other' }).pem];
    const mixed = a.slice(0, a.indexOf('-----BEGIN CERT')) + b.slice(b.indexOf('-----BEGIN CERT'));
    world.github.seedSecret(SCOPE, SECRET, mixed);
    await using consumer = startConsumer(world, { mode: 'tight' });
    await consumer.attempts(1);
    expect((await consumer.stop()).failures[0]).toMatchObject({ status: 0, body: /key values mismatch/ });
  });
});
