/** `npm run demo`: the main job in the sandbox, told in scenes. Ends non-zero where anything is not as told. */

import { strict as assert } from 'node:assert';
import { setInterval } from 'node:timers';
import { startConsumer } from './sandbox/consumer.ts';
import { type ActionRun, runAction, startAction } from './sandbox/runner.ts';
import { REPOSITORY, type Sandbox, startSandbox } from './sandbox/sandbox.ts';

const SECRET = 'AUTH0_MTLS_PEM';
const SCOPE = `repo:${REPOSITORY}`;
const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

const colour = (code: string, text: string) =>
  process.stdout.isTTY ? `\u001b[${code}m${text}\u001b[0m` : text;
const say = (text: string) => console.log(text);
let scenes = 0;

function scene(title: string, ...lines: string[]): void {
  scenes += 1;
  say(`\n${colour('1;36', `── ${scenes}. ${title} `.padEnd(100, '─'))}`);
  for (const line of lines) say(line);
}

/** The action's own log, as GitHub shows it, while it runs. */
async function act(world: Sandbox, inputs: Record<string, string> = {}): Promise<ActionRun> {
  world.transcript.clear();
  const current = held(world);
  const waiting = setInterval(() => say(colour('2', '    … the action is at work')), 2_000);
  const run = await runAction(world, { 'current-credential': current, ...inputs });
  clearInterval(waiting);
  for (const line of run.log.split('\n').filter((one) => one !== '' && !one.startsWith('::')))
    say(colour('2', `    │ ${line}`));
  say(
    `    exit code ${run.exitCode}, ${world.transcript.count()} requests, ${(run.durationMs / 1000).toFixed(1)} s`,
  );
  return run;
}

function expect(condition: unknown, what: string): void {
  assert.ok(condition, what);
  say(colour('32', `  ✓ ${what}`));
}

/** Writes that the last run sent, the request for its own token aside. */
const writes = (world: Sandbox) =>
  world.transcript.requests().filter((line) => !/ GET /.test(line) && !line.endsWith('POST /oauth/token'));

/** The query of a request is of no interest here. */
const requestsOf = (world: Sandbox) =>
  world.transcript.render().replace(/(auth0 GET \S+?)\?fields=\S+/g, (_, line: string) => line.padEnd(76));

const held = (world: Sandbox) => world.github.secret(SCOPE, SECRET)?.value ?? '';

const canLogIn = async (world: Sandbox, pem: string) =>
  (await world.requestToken(world.clientId, pem)).status === 200;

await using world = await startSandbox();

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
  'The first rotation',
  "  The action's own log, as GitHub shows it, then every request that the three services saw.",
);
const first = await act(world);
say(requestsOf(world));
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
  '  A day passes at Auth0 and GitHub; the consumer reads the secret anew each time, as a job does.',
  '  (Right after a delivery the action would wait up to 6 s before it uploads the next certificate: by the times alone the',
  '  next run must be able to tell which credential a secret holds.)',
);
world.advance(DAY);
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
say('\n  The next run, a minute later:');
world.advance(MINUTE);
const blocked = await act(world);
expect(
  blocked.exitCode !== 0 &&
    blocked.annotations.some(({ properties }) => properties.title === 'ROTATION_IN_PROGRESS'),
  'it stops, since the other one may still be at work',
);
say('\n  And after the lease of 15 minutes:');
world.advance(16 * MINUTE);
const healed = await act(world);
expect(
  healed.exitCode === 0 && healed.outputs['removed-credential-ids'] !== '[]',
  'it removes what the crash has left',
);
expect(await canLogIn(world, held(world)), 'consumers still log in');

scene('What the job summary of the forced rotation says (Markdown)');
say(forced.summary.replace(/^/gm, '    '));

scene('Tokens at the authorization server (oidc-provider)');
expect((await strangersAnswer(world)) === 401, 'a certificate that nobody registered is refused (401)');
const { granted, refused } = world.authorizationServer.statistics;
for (const [method, count] of Object.entries(granted)) {
  const no = refused[method as keyof typeof refused];
  if (count + no > 0) say(`  ${method.padEnd(28)} ${count} granted, ${no} refused`);
}
const seconds = (performance.now() / 1000).toFixed(1);
say(`\n${colour('1;32', `Everything was as told, in ${seconds} s.`)}`);

/** The negative control: the edge does not let everybody in. */
async function strangersAnswer(sandbox: Sandbox): Promise<number> {
  const other = sandbox.addServiceClient({ name: 'stranger' });
  return (await sandbox.requestToken(sandbox.clientId, other.pem)).status;
}

/** A line in the middle of the key: what a leak would show. */
function keyLine(pem: string): string {
  return pem.split('\n')[10] ?? '';
}
