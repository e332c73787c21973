/**
 * `npm run demo`: the main job in the sandbox, told in scenes. Ends non-zero where anything is not as told.
 * `-- --verbose` shows the whole log, `-- --open` writes the summary of the last scene as a page.
 */

import { strict as assert } from 'node:assert';
import { mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startConsumer } from './emulators/consumer.ts';
import { type ActionRun, runAction, startAction } from './emulators/runner.ts';
import {
  API_AUDIENCE,
  MANAGEMENT_SCOPES,
  REPOSITORY,
  type Sandbox,
  startSandbox,
} from './emulators/sandbox.ts';

const SECRET = 'AUTH0_MTLS_PEM';
const SCOPE = `repo:${REPOSITORY}`;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const { values: options } = parseArgs({
  options: { verbose: { type: 'boolean', default: false }, open: { type: 'boolean', default: false } },
});

const colour = (code: string, text: string) =>
  process.stdout.isTTY ? `\u001b[${code}m${text}\u001b[0m` : text;
const say = (text: string) => console.log(text);
/** Only with `--verbose`. */
const detail = (text: string) => {
  if (options.verbose) say(text);
};
let scenes = 0;
let lastSummary = '';

function scene(title: string, ...lines: string[]): void {
  scenes += 1;
  detail('');
  say(colour('1;36', `${String(scenes).padStart(2)}. ${title}`));
  for (const line of lines) detail(line);
}

/** With `--verbose` the action's own log, as GitHub shows it. */
async function act(world: Sandbox, inputs: Record<string, string> = {}): Promise<ActionRun> {
  world.transcript.clear();
  const current = held(world, inputs['secret-name']);
  // A person ticks force, a schedule never does.
  const env = inputs.force === 'true' ? { GITHUB_EVENT_NAME: 'workflow_dispatch' } : {};
  const run = await runAction(world, { 'current-credential': current, ...inputs }, { env });
  lastSummary = run.summary;
  const log = run.log
    .replaceAll('##[group]', '▸ ')
    .replaceAll(/##\[(\w+)\]/g, '$1: ')
    .split('\n');
  for (const line of log.filter((one) => one !== '' && !one.startsWith('::') && !one.startsWith('endgroup')))
    detail(colour('2', `    │ ${line}`));
  detail(
    `    exit code ${run.exitCode}, ${world.transcript.count()} requests, ${(run.durationMs / 1000).toFixed(1)} s`,
  );
  return run;
}

function expect(condition: unknown, what: string): void {
  assert.ok(condition, what);
  say(colour('32', `    ✓ ${what}`));
}

/** Writes that the last run sent, the request for its own token aside. */
const writes = (world: Sandbox) =>
  world.transcript.requests().filter((line) => !/ GET /.test(line) && !line.endsWith('POST /oauth/token'));

/** The query of a request is of no interest here. */
const requestsOf = (world: Sandbox) =>
  world.transcript.render().replace(/(auth0 GET \S+?)\?fields=\S+/g, (_, line: string) => line.padEnd(76));

const held = (world: Sandbox, name = SECRET) => world.github.secret(SCOPE, name)?.value ?? '';

const canLogIn = async (world: Sandbox, pem: string, clientId = world.clientId) =>
  (await world.requestToken(clientId, pem)).status === 200;

/** As every client does that has a client secret. */
async function answerToSecret(sandbox: Sandbox, { id, secret }: SecretClient, audience = API_AUDIENCE) {
  const body = { grant_type: 'client_credentials', client_id: id, client_secret: secret, audience };
  return (await sandbox.call(`${sandbox.tenantUrl}/oauth/token`, { body })).status;
}

interface SecretClient {
  id: string;
  secret: string;
}

/** A client that somebody made in the Auth0 Dashboard. */
function clientWithSecret(sandbox: Sandbox, name: string): SecretClient {
  const { client_id: id, client_secret: secret } = sandbox.tenant.createClient({
    name,
    app_type: 'non_interactive',
    token_endpoint_auth_method: 'client_secret_post',
    jwt_configuration: { alg: 'RS256' },
    grants: { [API_AUDIENCE]: ['read:orders'] },
  });
  return { id, secret };
}

// Only `create` needs the last two scopes.
await using world = await startSandbox({
  managementScopes: [...MANAGEMENT_SCOPES, 'create:clients', 'delete:clients'],
});

scene(
  'A world on loopback',
  `  Auth0 tenant        ${world.tenantUrl}   Management API (emulated) and tokens by oidc-provider (real)`,
  `  mTLS edge           ${world.edgeUrl}   real TLS, asks for a client certificate`,
  `  GitHub API          ${world.githubUrl}   secrets (emulated), sealed boxes opened by libsodium`,
  `  Auth0 client        ${world.clientId}, which logs in with a certificate that somebody made by hand`,
);
expect(await canLogIn(world, world.client.pem), 'the hand-made certificate gets a token');

scene('operation: plan — what would a rotation do? Nothing is changed.');
const planned = await act(world, { operation: 'plan' });
expect(
  planned.exitCode === 0 && planned.outputs.rotated === 'false',
  'the plan says why and how, and rotated is false',
);
expect(
  writes(world).length === 0 && held(world) === '',
  'not one write was sent, and there is no secret yet',
);

scene(
  'operation: rehearse — everything for real, except the delivery',
  '  It also asks with a certificate that nobody has registered: were that let in, the edge would let everybody in.',
);
const asItWas = JSON.stringify(world.tenant.reveal(world.clientId));
const rehearsed = await act(world, { operation: 'rehearse' });
expect(
  rehearsed.exitCode === 0 && writes(world).length === 6,
  'a credential was uploaded, associated, proven, disassociated and deleted; a stranger was refused; a probe was stored and deleted',
);
expect(
  JSON.stringify(world.tenant.reveal(world.clientId)) === asItWas && held(world) === '',
  'the client is as it was, to the last field, and no secret was written',
);

scene(
  'The first rotation',
  "  The action's own log, as GitHub shows it, then every request that the three services saw.",
);
const first = await act(world);
detail(requestsOf(world));
expect(
  first.exitCode === 0 && first.outputs.rotated === 'true',
  `a new credential: ${first.outputs['credential-id']}`,
);
expect(
  await canLogIn(world, held(world)),
  'what the secret holds gets a token over mTLS, from a real authorization server',
);
expect(await canLogIn(world, world.client.pem), 'the hand-made certificate still does, too');
expect(
  !first.traces.includes(keyLine(held(world))),
  'no line of the private key is in log, outputs or files',
);

scene('The second run: nothing is due');
const second = await act(world);
expect(
  second.exitCode === 0 && second.outputs.reason === 'NotDue',
  'the run succeeds and says that nothing is due',
);
expect(
  writes(world).length === 0 && world.transcript.count() <= 4,
  `only reads, and not more than 4 (next rotation: ${second.outputs['next-rotation']?.slice(0, 10)})`,
);

scene(
  'A forced rotation, while a consumer logs in without pause',
  '  Eight days pass at Auth0 and GitHub, so that the hand-made certificate has had its week of notice and gives way.',
  '  The consumer reads the secret anew each time, as a job does.',
  '  (Right after a delivery the action would wait up to 6 s before it uploads the next certificate: by the times alone the',
  '  next run must be able to tell which credential a secret holds.)',
);
world.advance(8 * DAY);
const consumer = startConsumer(world);
await consumer.attempts(10);
const forced = await act(world, { force: 'true' });
await consumer.attempts(10);
const report = await consumer.stop();
expect(
  forced.exitCode === 0 && forced.outputs.rotated === 'true' && report.thumbprints.length === 2,
  'the consumer has used the old and the new certificate',
);
expect(report.failures.length === 0, `${report.attempts} authentications, ${report.failures.length} failed`);

scene(
  'A crash in the middle',
  '  SIGKILL as soon as the new credential is uploaded. Its private key is lost with the process.',
);
world.advance(DAY);
world.transcript.clear();
const crashed = await startAction(
  world,
  { force: 'true', 'current-credential': held(world) },
  {
    killWhen: ({ phase, arrival }) =>
      phase === 'answered' && arrival.line.endsWith('/credentials') && arrival.line.includes('POST')
        ? 'SIGKILL'
        : undefined,
  },
).done;
await world.idle();
expect(crashed.signal === 'SIGKILL', 'the run was killed');
expect(await canLogIn(world, held(world)), 'consumers log in as before');
detail('\n  The next run, a minute later:');
world.advance(MINUTE);
const blocked = await act(world);
expect(
  blocked.exitCode !== 0 &&
    blocked.annotations.some(({ properties }) => properties.title === 'ROTATION_IN_PROGRESS'),
  'it stops, since the other one may still be at work',
);
detail('\n  And after the lease of 15 minutes:');
world.advance(16 * MINUTE);
const healed = await act(world);
expect(
  healed.exitCode === 0 && healed.outputs['removed-credential-ids'] !== '[]',
  'it removes what the crash has left',
);
expect(await canLogIn(world, held(world)), 'consumers still log in');

scene(
  'revoke: previous — a key has leaked',
  '  A run that was queued before the rotation still holds the old key: it is named. The thief and that run are locked out.',
);
world.advance(DAY);
const stolen = held(world);
world.github.addRun(REPOSITORY, 'deploy.yml', { status: 'in_progress', conclusion: null });
world.advance(MINUTE);
const revoked = await act(world, { force: 'true', revoke: 'previous' });
expect(revoked.exitCode === 0 && (await canLogIn(world, held(world))), 'the new certificate gets a token');
expect(!(await canLogIn(world, stolen)), 'the stolen one does not any more');
detail(/### Who may still hold[\s\S]*?(?=\n### )/.exec(revoked.summary)?.[0].replace(/^/gm, '    ') ?? '');
expect(revoked.summary.includes('[deploy.yml]'), 'the run that still holds it is named, with a link');

scene('What the job summary of the forced rotation says');
detail(forced.summary.replace(/^/gm, '    '));
expect(
  forced.summary.startsWith('## ✅ `shop` has a new certificate.'),
  forced.summary.split('\n')[0]?.slice(3) ?? '',
);

scene(
  'operation: watch — a second workflow looks whether all is well',
  '  GitHub has disabled the schedule of the rotation: nothing has happened in this repository for 60 days.',
);
world.github.addWorkflow(REPOSITORY, 'rotate.yml', 'disabled_inactivity');
const asWatch = { operation: 'watch', workflow: 'rotate.yml', 'report-issue': 'true' };
const alarmed = await act(world, asWatch);
expect(
  alarmed.exitCode === 1 &&
    alarmed.annotations.some(({ properties }) => properties.title === 'WorkflowDisabled'),
  'the watch fails, and says how to enable it',
);
const [opened] = await issues(world);
expect(opened?.state === 'open', `an issue is open: ${opened?.title}`);
detail('\n  Somebody has enabled it:');
world.github.addWorkflow(REPOSITORY, 'rotate.yml');
const calm = await act(world, asWatch);
const [closed] = await issues(world);
expect(calm.exitCode === 0 && closed?.state === 'closed', 'all is well, and the same issue is closed');
expect(
  writes(world).every((line) => line.includes('/issues/')),
  'nothing else was written',
);

// ---- the other operations, and the other methods

const orders = clientWithSecret(world, 'orders');
const forOrders = { 'client-id': orders.id, 'secret-name': 'ORDERS_PEM' };

scene(
  'operation: enroll — move a client from its client secret to a certificate',
  '  First the plan, which names whom the move interrupts: Auth0 allows one method at a time.',
);
const move = await act(world, { ...forOrders, operation: 'plan' });
expect(
  move.exitCode === 0 && writes(world).length === 0 && move.log.includes('INTERRUPTION'),
  'the plan names the interruption, and not one write was sent',
);
expect((await answerToSecret(world, orders)) === 200, 'the client secret still gets a token');
detail('\n  Somebody has read the plan and agrees:');
const enrolled = await act(world, { ...forOrders, operation: 'enroll' });
expect(enrolled.exitCode === 0 && enrolled.outputs.reason === 'MethodDiffers', 'the client was moved');
expect(await canLogIn(world, held(world, 'ORDERS_PEM'), orders.id), 'what the secret holds gets a token');
expect((await answerToSecret(world, orders)) === 401, 'the client secret does not any more (401)');

scene(
  'operation: revert — and back',
  '  In this sandbox the client secret is still the one from before. Whether it is in Auth0 is not documented.',
);
const reverted = await act(world, { ...forOrders, operation: 'revert' });
expect(
  reverted.exitCode === 0 && reverted.outputs['removed-credential-ids'] !== '[]',
  'the client uses its secret again, and its certificate is removed from Auth0',
);
expect((await answerToSecret(world, orders)) === 200, 'the client secret gets a token');
expect(!(await canLogIn(world, held(world, 'ORDERS_PEM'), orders.id)), 'the certificate does not any more');

scene(
  'operation: create — twice, and there is one client',
  '  A new client may use no API until somebody grants it one: its certificate is delivered without a proof, said aloud.',
);
const forBilling = { 'client-id': '', 'client-name': 'billing', 'secret-name': 'BILLING_PEM' };
const created = await act(world, { ...forBilling, operation: 'create' });
const billing = created.outputs['client-id'] ?? '';
expect(created.exitCode === 0 && billing !== '', `a new client: ${billing}`);
const { status } = await world.requestToken(billing, held(world, 'BILLING_PEM'));
expect(status === 403, 'Auth0 knows its certificate, and allows it no API yet (403, not 401)');
detail('\n  The same workflow on the next day finds the client that it has made:');
world.advance(DAY);
const again = await act(world, { ...forBilling, operation: 'create' });
expect(
  again.outputs['client-id'] === billing && again.outputs.reason === 'NotDue' && writes(world).length === 0,
  'the same client, and nothing is due',
);

scene(
  'tls_client_auth — a certificate of your CA is renewed without a write to Auth0',
  '  Auth0 knows a CA-signed certificate by its subject alone. An earlier step has had these two issued, for one subject.',
);
const reports = clientWithSecret(world, 'reports');
const bring = (pair: { key: string; cert: string }) => ({
  'client-id': reports.id,
  'secret-name': 'REPORTS_PEM',
  'authentication-method': 'tls_client_auth',
  // These certificates are valid for 30 days.
  'renew-before-days': '10',
  certificate: pair.cert,
  'private-key': pair.key,
});
const [firstPair, secondPair] = [1, 2].map(() => world.authority.clientCertificate({ CN: 'reports' }));
assert.ok(firstPair && secondPair);
const signed = await act(world, { ...bring(firstPair), operation: 'enroll' });
const before = held(world, 'REPORTS_PEM');
expect(
  signed.exitCode === 0 && (await canLogIn(world, before, reports.id)),
  'the first certificate gets a token',
);
detail('\n  The second one, when a renewal is due (here it is forced):');
const renewed = await act(world, { ...bring(secondPair), force: 'true' });
expect(
  renewed.exitCode === 0 && writes(world).every((line) => !line.includes('/api/v2/')),
  'the secret was written, and nothing at Auth0',
);
expect(
  held(world, 'REPORTS_PEM') !== before && (await canLogIn(world, held(world, 'REPORTS_PEM'), reports.id)),
  'the second certificate gets a token',
);
expect(
  await canLogIn(world, before, reports.id),
  'the first one still does: only its CA could revoke it before it expires',
);

scene(
  'private_key_jwt — the client that the action itself logs in with rotates its own key',
  '  Once, with its client secret, it enrolls itself:',
);
const manager = { id: world.managementClientId, secret: world.managementClientSecret };
const itself = {
  'client-id': manager.id,
  'secret-name': 'ROTATOR_KEY',
  'authentication-method': 'private_key_jwt',
  'verify-audience': world.managementAudience,
};
const own = await act(world, { ...itself, operation: 'enroll' });
expect(own.exitCode === 0 && held(world, 'ROTATOR_KEY').includes('PRIVATE KEY'), 'its key is in the secret');
const refusal = await answerToSecret(world, manager, world.managementAudience);
expect(refusal === 401, 'its client secret is of no use any more (401)');
detail('\n  From then on it logs in with that key, and replaces it:');
world.advance(DAY);
const key = held(world, 'ROTATOR_KEY');
const withOwnKey = {
  'management-client-secret': '',
  'management-private-key': key,
  'current-credential': '',
};
const itsNext = await act(world, { ...itself, ...withOwnKey, force: 'true' });
expect(
  itsNext.outputs.rotated === 'true' && held(world, 'ROTATOR_KEY') !== key,
  'a new key, proven by a token for the Management API',
);
expect(
  !itsNext.traces.includes(keyLine(held(world, 'ROTATOR_KEY'))),
  'no line of it is in log, outputs or files',
);

scene('Tokens at the authorization server (oidc-provider)');
expect((await strangersAnswer(world)) === 401, 'a certificate that nobody registered is refused (401)');
const { granted, refused } = world.authorizationServer.statistics;
for (const [method, count] of Object.entries(granted)) {
  const no = refused[method as keyof typeof refused];
  if (count + no > 0) say(`    ${method.padEnd(28)} ${count} granted, ${no} refused`);
}
const seconds = (performance.now() / 1000).toFixed(1);
say(colour('1;32', `Every check passed, in ${seconds} s.`));
if (options.open) say(`The summary of the last scene: ${await pageOf(lastSummary)}`);
else if (!options.verbose)
  say('The whole log: npm run demo -- --verbose. A summary as a page: npm run demo -- --open');

/** As GitHub shows it; the browser draws its chart. */
async function pageOf(summary: string): Promise<string> {
  const { standalonePage } = await import('./docs/rendering/page.ts');
  const folder = join(tmpdir(), 'auth0-mtls-rotation-demo');
  mkdirSync(folder, { recursive: true });
  const path = join(folder, 'summary.html');
  writeFileSync(path, standalonePage(summary));
  return path;
}

async function issues(sandbox: Sandbox): Promise<{ title: string; state: string }[]> {
  const headers = { authorization: `Bearer ${sandbox.workflowToken}` };
  const { body } = await sandbox.call(`${sandbox.githubUrl}/repos/${REPOSITORY}/issues?state=all`, {
    headers,
  });
  return body as { title: string; state: string }[];
}

/** The negative control: the edge does not let everybody in. */
async function strangersAnswer(sandbox: Sandbox): Promise<number> {
  const other = sandbox.addServiceClient({ name: 'stranger' });
  return (await sandbox.requestToken(sandbox.clientId, other.pem)).status;
}

/** A line in the middle of the key: what a leak would show. */
function keyLine(pem: string): string {
  return pem.split('\n')[10] ?? '';
}
