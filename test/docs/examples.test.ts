/** What an example is for stands in its inputs, and its app may do that and no more. */

import { execFileSync, spawnSync } from 'node:child_process';
import { globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parse } from 'yaml';

interface Step {
  if?: string;
  run?: string;
  uses?: string;
  with?: Record<string, string | boolean>;
}
const jobsOf = (path: string): Step[][] =>
  Object.values(parse(readFileSync(path, 'utf8')).jobs as Record<string, { steps?: Step[] }>).map(
    ({ steps = [] }) => steps,
  );
const inputsOf = (steps: readonly Step[]) =>
  steps.find(({ uses = '' }) => uses.includes('/auth0-mtls-rotation-action@'))?.with;
const tokenOf = (steps: readonly Step[]) =>
  steps.find(({ uses = '' }) => uses.startsWith('actions/create-github-app-token@'))?.with;
const rotating = globSync('examples/*.yml')
  .sort()
  .flatMap((path) => jobsOf(path).map((steps, index) => ({ name: `${path} ${index}`, steps })))
  .filter(({ steps }) => inputsOf(steps) && tokenOf(steps));

it.each<[string, number, Record<string, string | boolean>]>([
  ['create', 0, { operation: 'create' }],
  ['enroll', 0, { operation: 'plan' }],
  ['enroll', 1, { operation: 'enroll' }],
  ['rehearse', 0, { operation: 'rehearse' }],
  ['fleet-watch', 0, { operation: 'plan' }],
  ['fleet-watch', 1, { operation: 'watch', 'report-issue': true }],
  ['watch', 0, { operation: 'watch', workflow: 'rotate.yml', 'report-issue': true }],
  ['proven-retirement', 0, { retire: 'when-unused' }],
  ['token-binding', 0, { 'token-binding': 'required' }],
  ['private-key-jwt', 0, { 'authentication-method': 'private_key_jwt' }],
  ['ca-signed', 0, { 'authentication-method': 'tls_client_auth' }],
])('examples/%s.yml, job %i: %o', (name, job, inputs) => {
  const found = jobsOf(`examples/${name}.yml`).map(inputsOf).filter(Boolean);
  expect(found[job]).toMatchObject(inputs);
});

const handedOn = globSync('{examples,.github/workflows}/*.yml')
  .flatMap((path) => jobsOf(path).map((steps) => ({ path, steps })))
  .filter(({ steps }) => steps.some(({ run = '' }) => run.includes('<<%s') && run.includes('$GITHUB_ENV')));

it('the key of a certificate from elsewhere is handed on by the environment', () => {
  expect(handedOn.map(({ path }) => path)).toEqual(['examples/ca-signed-vault.yml']);
});

it.each(handedOn)(
  '$path: what a step hands on is gone at the end of the job, whatever has failed',
  ({ steps }) => {
    const all = steps.map(({ run = '' }) => run).join('\n');
    const names = [...all.matchAll(/'(\w+)<<%s.*>> "\$GITHUB_ENV"/g)].map(([, name]) => name);
    const { if: condition, run = '' } = steps.at(-1) ?? {};
    expect([condition, names]).toEqual(['always()', [expect.any(String)]]);
    const folder = mkdtempSync(join(tmpdir(), 'examples-'));
    try {
      const file = join(folder, 'env');
      execFileSync('bash', ['-e', '-c', run], { env: { ...process.env, GITHUB_ENV: file } });
      expect(readFileSync(file, 'utf8')).toBe(names.map((name) => `${name}=\n`).join(''));
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

/** Those of the services of a fleet stand below their manifest. */
const SERVICES = 'examples/fleet/deploy-*.yml';

const writing = globSync(['examples/*.yml', SERVICES])
  .sort()
  .flatMap((path) => jobsOf(path).flatMap((steps) => steps.map(({ run = '' }) => ({ path, run }))))
  .filter(({ run }) => run.includes('mktemp'));

it('there are scripts that write a secret into a file', () => {
  expect(writing.length).toBe(4);
});

it.each(writing.flatMap((one) => ['0', '1'].map((status) => ({ ...one, status }))))(
  '$path: the script leaves no file behind, whose programs end with $status',
  ({ run, status }) => {
    const folder = mkdtempSync(join(tmpdir(), 'examples-'));
    try {
      const [bin, temporary, seen] = ['bin', 'temporary', 'seen'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      for (const made of [bin, temporary]) mkdirSync(made);
      for (const name of ['aws', 'curl', 'jq', 'kubectl'])
        writeFileSync(join(bin, name), `#!/bin/sh\nls "$TMPDIR" >> "$SEEN"\nexit ${status}\n`, {
          mode: 0o755,
        });
      const PATH = `${bin}:${process.env.PATH}`;
      const env = { PATH, TMPDIR: temporary, SEEN: seen, PEM: 'pem', TOKEN: 'token' };
      spawnSync('bash', ['-eo', 'pipefail', '-c', run], { env });
      expect([readFileSync(seen, 'utf8'), readdirSync(temporary)]).toEqual([expect.stringMatching(/./), []]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);

const asking = globSync(['{examples,.github/workflows}/*.yml', SERVICES])
  .sort()
  .flatMap((path) => jobsOf(path).flatMap((steps) => steps.map(({ run = '' }) => ({ path, run }))))
  .filter(({ run }) => /\bcurl /.test(run));

it('there are scripts that ask something of a server', () => {
  expect(asking.length).toBe(7);
});

// Otherwise curl ends well with any answer, and the job with it.
it.each(asking)('$path: what a server refuses ends the script', ({ run }) => {
  const calls = run.match(/\bcurl .*/g) ?? [];
  expect(calls.filter((call) => !call.startsWith('curl --fail '))).toEqual([]);
});

/** Of a workflow that writes the pair elsewhere. */
interface HandOver {
  steps: { env?: Record<string, string>; with?: Record<string, string> }[];
}
const handingOver = globSync(['examples/hand-over-*.yml', SERVICES]).flatMap((path) => {
  const { 'hand-over': job, deploy = job } = parse(readFileSync(path, 'utf8')).jobs as Record<
    string,
    HandOver
  >;
  return deploy ? [{ path, steps: deploy.steps }] : [];
});

// Whoever has the key of the app can write both in an environment (docs/security.md), and would get the pair of today.
it.each(handingOver)(
  '$path: no variable says where the pair goes, and no secret but a token',
  ({ steps }) => {
    const given = JSON.stringify(steps);
    expect(given).not.toContain('vars.');
    const secrets = [...given.matchAll(/secrets\.(\w+)/g)].map(([, name]) => `${name}`);
    expect(secrets.filter((name) => !/^AUTH0_MTLS_PEM$|_TOKEN$/.test(name))).toEqual([]);
  },
);

it('there are workflows that hand the pair over', () => {
  expect(handingOver.length).toBe(7);
});

/** What the token must be able to do with the secrets of each kind of destination. */
const PERMISSIONS: Readonly<Record<string, string>> = {
  repo: 'permission-secrets',
  env: 'permission-environments',
  org: 'permission-organization-secrets',
  dependabot: 'permission-dependabot-secrets',
};
/** Where the manifest of the examples delivers, one a line. */
const { clients }: { clients: { destinations: string[] }[] } = parse(
  readFileSync('examples/fleet/auth0-clients.yml', 'utf8'),
);
const FLEET = clients.flatMap(({ destinations }) => destinations).join('\n');
const READERS = ['plan', 'watch', 'revert'];

it('there are jobs whose app rotates', () => {
  expect(rotating.length).toBe(30);
});

it.each(rotating)(
  '$name: the token may write the secrets of each destination, look for what they hide, and no more',
  ({ steps }) => {
    const { manifest, operation = 'rotate', ...given } = inputsOf(steps) ?? {};
    const destinations = manifest === undefined ? (given.destinations ?? 'repo:here') : FLEET;
    const kinds = `${destinations}`
      .trim()
      .split('\n')
      .map((line) => line.split(':')[0] ?? '');
    const wanted = new Set(kinds.map((kind) => PERMISSIONS[kind]));
    const reads =
      READERS.some((reader) => `${operation}`.startsWith(reader)) ||
      `${operation}`.includes('inputs.operation }}');
    const permissions = Object.entries(tokenOf(steps) ?? {}).filter(([name]) =>
      Object.values(PERMISSIONS).includes(name),
    );
    const level = reads ? 'read' : 'write';
    // Before a run writes a new secret of an environment, it looks whether that hides one of the repository.
    const looks = kinds.includes('env') ? { 'permission-secrets': 'read' } : {};
    const expected = { ...looks, ...Object.fromEntries([...wanted].map((name) => [name, level])) };
    // The watch looks for environments whose secrets hide its own.
    if (operation === 'watch') expect(Object.fromEntries(permissions)).toMatchObject(expected);
    else expect(Object.fromEntries(permissions)).toEqual(expected);
  },
);
