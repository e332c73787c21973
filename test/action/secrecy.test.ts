/** No secret anywhere: whole rotations, through success and error paths, then everything they left is searched. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type ActionRun, runAction, startAction } from '../sandbox/runner.ts';
import { type Sandbox, type SandboxOptions, startSandbox } from '../sandbox/sandbox.ts';
import { held, MINUTE } from './support.ts';

/** Every spelling in which a secret could hide: plain, base64 at three shifts, hex, JSON and URL encoding. */
function spellings(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const shifted = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    // Only what depends on the secret alone.
    return text.slice(shift === 0 ? 0 : 4, text.length - 4);
  });
  const url = Buffer.from(secret).toString('base64url');
  return [
    secret,
    ...shifted,
    url,
    bytes.toString('hex'),
    JSON.stringify(secret).slice(1, -1),
    encodeURIComponent(secret),
  ];
}

/** Whole and line by line; short lines say nothing. */
function needles(secrets: readonly string[]): string[] {
  const parts = secrets.flatMap((secret) => [secret, ...secret.split('\n')]);
  const long = parts
    .map((part) => part.trim())
    .filter((part) => part.length >= 12 && !part.startsWith('-----') && !part.startsWith('MII'));
  return [...new Set(long.flatMap(spellings))].filter((text) => text.length >= 12);
}

/** What GitHub shows and keeps: the log once the masks are applied; but also everything before, save the masks themselves. */
function leaks(run: ActionRun, secrets: readonly string[]): string[] {
  const unmasked = run.stdout
    .split('\n')
    .filter((line) => !line.startsWith('::add-mask::'))
    .join('\n');
  const everything = [
    unmasked,
    run.stderr,
    run.summary,
    run.traces,
    JSON.stringify(run.outputs),
    ...run.files,
  ].join('\n');
  return needles(secrets).filter((needle) => everything.includes(needle));
}

/** The private keys that any destination holds. */
function privateKeys(world: Sandbox): string[] {
  const pem = held(world);
  return pem === '' ? [] : [pem.slice(0, pem.indexOf('-----BEGIN CERTIFICATE'))];
}

const broken =
  (status: number): NonNullable<SandboxOptions['fault']> =>
  (service, request) =>
    service === 'auth0' && request.method === 'PATCH'
      ? { kind: 'answer', response: { status, headers: {}, body: request.body } }
      : undefined;

/** Answers that echo what was sent are the worst: a message built from them would leak. */
const echo =
  (method: string): NonNullable<SandboxOptions['fault']> =>
  (_, request) =>
    request.method === method
      ? {
          kind: 'answer',
          response: {
            status: 400,
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ message: `${request.headers.authorization} ${request.body}` }),
          },
        }
      : undefined;

const PATHS: [name: string, fault: SandboxOptions['fault'], inputs: Record<string, string>][] = [
  ['success', undefined, {}],
  ['nothing due after it', undefined, { force: 'false' }],
  ['a PATCH that fails', broken(400), {}],
  ['every write to GitHub echoed', echo('PUT'), {}],
  ['every upload echoed', echo('POST'), {}],
  ['every PATCH echoed', echo('PATCH'), {}],
  ['every read echoed', echo('GET'), {}],
  [
    'connections dropped at the edge',
    (service) => (service === 'edge' ? { kind: 'garble', as: 'html' } : undefined),
    {},
  ],
  [
    'bad input',
    undefined,
    {
      'key-size': '1',
      'current-credential':
        '-----BEGIN PRIVATE KEY-----\nCANARYCANARYCANARYCANARY\n-----END PRIVATE KEY-----',
    },
  ],
];

describe('no secret leaks', () => {
  it.each(PATHS)(
    '%s',
    async (_, fault, inputs) => {
      await using world = await startSandbox();
      await runAction(world);
      world.advance(20 * MINUTE);
      const before = privateKeys(world);
      world.conditions.fault = fault;
      const run = await runAction(
        world,
        { force: 'true', 'current-credential': held(world), ...inputs },
        { debug: true },
      );
      const bearer = world.transcript
        .arrivals()
        .map(({ request }) => request.headers.authorization?.split(' ')[1] ?? '');
      const secrets = [
        ...before,
        ...privateKeys(world),
        world.managementClientSecret,
        world.githubToken,
        'CANARYCANARYCANARYCANARY',
        ...bearer,
      ];
      expect(needles(secrets).length).toBeGreaterThan(100);
      expect(leaks(run, secrets)).toEqual([]);
      expect(run.files).toEqual([]);
    },
    60_000,
  );

  it('and it starts no other program', async () => {
    await using world = await startSandbox();
    world.conditions.latencyMs = 30;
    const action = startAction(world);
    const children = new Set<string>();
    const watch = setInterval(() => {
      for (const child of childrenOf(action.pid)) children.add(child);
    }, 5);
    const run = await action.done;
    clearInterval(watch);
    expect([run.exitCode, [...children]]).toEqual([0, []]);
  });

  it('which the search would find', async () => {
    await using world = await startSandbox();
    const folder = mkdtempSync(join(tmpdir(), 'leak-'));
    const main = join(folder, 'leak.cjs');
    writeFileSync(main, "console.log(Buffer.from('x' + process.env.INPUT_CANARY).toString('base64'));");
    const run = await runAction(world, { canary: 'this-is-a-secret-of-some-length' }, { main });
    rmSync(folder, { recursive: true });
    expect(leaks(run, ['this-is-a-secret-of-some-length'])).toHaveLength(1);
  });
});

function childrenOf(pid: number | undefined): string[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').split(' ').filter(Boolean),
    );
  } catch {
    return [];
  }
}
