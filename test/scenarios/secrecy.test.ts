/**
 * No secret anywhere. Every run of every story is searched (support.ts, `rotate`); here are the paths that tempt most,
 * what went over the wire, and the proof that the search finds what there is. More of that: secrecy.long.test.ts.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startAction } from '../emulators/runner.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../emulators/sandbox.ts';
import { leaksOf, line } from './leak-searches.ts';
import { held, json, leaks, needles, rotate, secretsOf, settle } from './support.ts';

type Weather = NonNullable<SandboxOptions['fault']>;

/** Answers that echo what was sent are the worst: a message built from them would leak. */
const echo =
  (method: string, status = 400): Weather =>
  (_, request) =>
    request.method === method
      ? json(status, { message: `${request.headers.authorization} ${request.body}`, error: request.body })
      : undefined;

const broken: Weather = (service, { method, body }) =>
  service === 'auth0' && method === 'PATCH'
    ? { kind: 'answer', response: { status: 400, headers: {}, body } }
    : undefined;

const CANARY = '-----BEGIN PRIVATE KEY-----\nCANARYCANARYCANARYCANARY\n-----END PRIVATE KEY-----';

const PATHS: [name: string, fault: Weather | undefined, inputs: Record<string, string>][] = [
  ['success', undefined, {}],
  ['nothing due', undefined, { force: 'false' }],
  ['an upload that fails', broken, {}],
  ['every write to GitHub echoed', echo('PUT'), {}],
  ['every write to GitHub echoed as forbidden', echo('PUT', 403), {}],
  ['every upload and login echoed', echo('POST'), {}],
  ['every upload and login echoed as refused', echo('POST', 401), {}],
  ['every PATCH echoed', echo('PATCH'), {}],
  ['every read echoed', echo('GET'), {}],
  ['every read echoed as not found', echo('GET', 404), {}],
  ['HTML at the edge', (service) => (service === 'edge' ? { kind: 'garble', as: 'html' } : undefined), {}],
  ['bad input', undefined, { 'key-size': '1', 'current-credential': CANARY }],
  ['a secret in the wrong input', undefined, { 'current-credential': '', 'management-private-key': CANARY }],
];

/** The private keys that any destination holds. */
function privateKey(world: Sandbox): string {
  return held(world).split('-----BEGIN CERTIFICATE')[0] ?? '';
}

describe('no secret is shown', () => {
  it('through success and error paths, with the debug log on', async () => {
    await using world = await startSandbox();
    await settle(world);
    const keys = [privateKey(world)];
    for (const [name, fault, inputs] of PATHS) {
      world.conditions.fault = fault;
      const run = await rotate(world, { force: 'true', ...inputs }, { debug: true });
      world.conditions.fault = undefined;
      keys.push(privateKey(world));
      const secrets = [...keys, ...secretsOf(world, run, inputs)];
      expect(needles(secrets).length).toBeGreaterThan(100);
      expect([name, leaks(run, secrets)]).toEqual([name, []]);
      expect([name, run.files, run.droppedOutputs]).toEqual([name, [], []]);
      world.advance(16 * 60_000);
    }
    expect(new Set(keys).size).toBeGreaterThan(1);
  });

  it('a new key is masked line by line before anything else is logged about it', async () => {
    await using world = await startSandbox();
    const run = await rotate(world);
    const lines = privateKey(world)
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('-----'));
    expect(lines.length).toBeGreaterThan(20);
    expect(run.masks).toEqual(expect.arrayContaining(lines.filter((line) => line.length >= 8)));
    const masked = run.stdout.indexOf(`::add-mask::${lines[1]}`);
    expect(masked).toBeLessThan(run.stdout.indexOf('→ Upload'));
  });
});

describe('over the wire', () => {
  it('no private key is sent, and each secret goes to its own service only', async () => {
    await using world = await startSandbox();
    await settle(world);
    const keys = [privateKey(world)];
    await rotate(world, { force: 'true' });
    keys.push(privateKey(world));
    const sent = world.transcript.arrivals().map(({ service, request: { path, headers, body } }) => ({
      service,
      text: [path, ...Object.values(headers), body, decodeURIComponent(body.replaceAll('+', ' '))].join('\n'),
    }));
    const to = (secret: string) => [
      ...new Set(sent.filter(({ text }) => text.includes(secret)).map(({ service }) => service)),
    ];
    for (const needle of needles(keys)) expect(to(needle)).toEqual([]);
    expect(to(world.managementClientSecret)).toEqual(['auth0']);
    expect(to(world.githubToken)).toEqual(['github']);
  });
});

describe('the process', () => {
  it('starts no other program, and has no secret in its command line', async () => {
    await using world = await startSandbox();
    await settle(world);
    world.conditions.latencyMs = 30;
    const inputs = { force: 'true', 'current-credential': held(world) };
    const action = startAction(world, inputs);
    const children = new Set<string>();
    const commandLines = new Set<string>();
    const watch = setInterval(() => {
      for (const child of childrenOf(action.pid)) children.add(child);
      commandLines.add(read(`/proc/${action.pid}/cmdline`));
    });
    const run = await action.done;
    clearInterval(watch);
    expect([run.exitCode, [...children]]).toEqual([0, []]);
    const all = [...commandLines].join('\n');
    expect(all).toContain('dist/index.js');
    expect(needles(secretsOf(world, run, inputs)).filter((needle) => all.includes(needle))).toEqual([]);
  });
});

describe('the search', () => {
  it.each<[string, string]>([
    ['whole', 'console.log(JSON.stringify(s))'],
    ['masked too late', "console.log(s.split('\\n')[0] + '\\n::add-mask::' + s.split('\\n')[0])"],
  ])('finds a secret that is shown %s', async (_, code) => {
    expect((await leaksOf(code)).length).toBeGreaterThan(0);
  });

  it('finds nothing if nothing is shown', async () => {
    expect(
      await leaksOf(`console.log('::add-mask::' + ${JSON.stringify(line)}); console.log('fine')`),
    ).toEqual([]);
  });
});

function childrenOf(pid: number | undefined): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      read(`/proc/${pid}/task/${task}/children`).split(' ').filter(Boolean),
    );
  } catch {
    return [];
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
