/** docs/publishing.md and the release workflow, step by step on a copy of this repository, before a real tag shows what fails. */

import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { program, requirePrograms, temporaryFolder, write } from '../consumers/recipe.ts';
import { type Served, serve } from '../emulators/serve.ts';
import { createAuthority } from '../emulators/tls.ts';
import { Releases } from './releases.ts';

const PROGRAMS = ['bash', 'git', 'jq', 'gh'];
requirePrograms(PROGRAMS);
const isReady = existsSync('.git') && PROGRAMS.every((name) => program(name) !== undefined);

const REPOSITORY = 'acme/auth0-mtls-rotation-action';
/** In two parts, since the page's command replaces it here, too. */
const PLACEHOLDER = ['your', 'organization'].join('-');
const PAGE = readFileSync('docs/publishing.md', 'utf8');
const [REPLACE = '', PUSH = ''] = [...PAGE.matchAll(/^ {3}```sh\n([\s\S]*?)^ {3}```$/gm)].map(([, sh]) => sh);
const { jobs } = parse(readFileSync('.github/workflows/release.yml', 'utf8'));
const CHECKS = 'The tag is on main, and package.json and CHANGELOG.md name it';
const RELEASE = 'Create the release as a draft, then publish it';
const MOVE = 'Move the major tag, unless a newer release of this major exists';
const TEXT = readFileSync('CHANGELOG.md', 'utf8').split('## [Unreleased]\n')[1]?.trim() ?? '';

interface Step {
  name?: string;
  uses?: string;
  run?: string;
  with?: Record<string, string>;
}
const steps: Step[] = [...jobs.verify.steps, ...jobs.publish.steps];

it('the workflow has the steps that are tried here, and others that CI or an action does', () => {
  const own = steps.flatMap(({ name, run }) => (run === undefined ? [] : [name ?? run]));
  expect(own).toEqual([CHECKS, '.ci/run', RELEASE, MOVE]);
  expect(jobs.publish.needs).toBe('verify');
});

it('it attests every file of dist, and may', () => {
  const attest = steps.find(({ uses = '' }) => uses.startsWith('actions/attest-build-provenance@'));
  expect(attest?.with).toEqual({ 'subject-path': 'dist/*' });
  const attested = globSync(attest?.with?.['subject-path'] ?? '');
  expect(attested).toEqual(expect.arrayContaining(['dist/index.js', 'dist/licenses.txt']));
  expect(jobs.publish.permissions).toEqual({ contents: 'write', 'id-token': 'write', attestations: 'write' });
});

describe.skipIf(!isReady)('the first release', () => {
  const folder = temporaryFolder();
  const copy = join(folder, 'copy');
  const origin = join(folder, 'origin');
  const git = (...args: string[]) => execFileSync('git', args, { cwd: copy, encoding: 'utf8' }).trim();
  const github = new Releases(REPOSITORY, () =>
    execFileSync('git', ['tag', '--list'], { cwd: origin, encoding: 'utf8' }).split('\n'),
  );
  let served: Served;
  let env: Record<string, string> = {};

  beforeAll(async () => {
    const authority = createAuthority();
    served = await serve(github, { tls: authority.serverCertificate() });
    const { host } = new URL(served.url);
    env = {
      PATH: process.env.PATH ?? '',
      HOME: folder,
      SSL_CERT_FILE: write(folder, 'ca.pem', authority.pem),
      // On GitHub gh reads these from the checkout.
      GH_HOST: host,
      GH_REPO: `${host}/${REPOSITORY}`,
      GH_ENTERPRISE_TOKEN: 'token',
      GH_PROMPT_DISABLED: '1',
      GITHUB_REPOSITORY: REPOSITORY,
      RUNNER_TEMP: folder,
    };
    for (const path of execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0')) {
      if (path === '' || !existsSync(path)) continue;
      mkdirSync(dirname(join(copy, path)), { recursive: true });
      cpSync(path, join(copy, path));
    }
    execFileSync('git', ['init', '--quiet', '--bare', origin]);
    git('init', '--quiet', '--initial-branch=main');
    git('config', 'user.name', 'release');
    git('config', 'user.email', 'release@example.test');
    git('remote', 'add', 'origin', origin);
    commit('everything');
  });
  afterAll(() => served?.[Symbol.asyncDispose]());

  function commit(message: string): void {
    git('add', '--all');
    git('commit', '--quiet', '--message', message);
    git('push', '--quiet', 'origin', 'main');
  }

  const shell = (script: string, more: Record<string, string> = {}) =>
    promisify(execFile)('bash', ['-eo', 'pipefail', '-c', script], { cwd: copy, env: { ...env, ...more } });

  /** As the runner does it for this tag. */
  function step(name: string, tag: string, sha = git('rev-parse', 'HEAD')) {
    const { run = '' } = steps.find((one) => one.name === name) ?? {};
    return shell(run, { GITHUB_REF_NAME: tag, GITHUB_SHA: sha });
  }

  /** What the page says of each release, for this version. */
  async function release(version: string): Promise<void> {
    const changelog = readFileSync(join(copy, 'CHANGELOG.md'), 'utf8');
    const entry = `## [Unreleased]\n\n## [${version}] - 2027-01-01`;
    writeFileSync(join(copy, 'CHANGELOG.md'), changelog.replace('## [Unreleased]', entry));
    const [, command = ''] = /`(npm version X\.Y\.Z [^`]+)`/.exec(PAGE) ?? [];
    await shell(command.replace('X.Y.Z', version));
    commit(version);
    await shell(PUSH.replaceAll('X.Y.Z', version));
  }

  it('has its owner everywhere after one command', async () => {
    await shell(REPLACE.replace('NAME', 'acme'));
    expect(git('grep', '-l', PLACEHOLDER)).toBe('docs/publishing.md');
    expect(readFileSync(join(copy, 'README.md'), 'utf8')).toContain(`uses: ${REPOSITORY}@v1`);
    commit('owner');
  });

  it('is refused if its tag is not on main, or if package.json or the changelog does not name it', async () => {
    await expect(step(CHECKS, 'v1.2.3')).rejects.toThrow();
    await release('1.2.3');
    await step(CHECKS, 'v1.2.3');
    await expect(step(CHECKS, 'v1.2.4')).rejects.toThrow();
    git('commit', '--quiet', '--allow-empty', '--message', 'not merged');
    await expect(step(CHECKS, 'v1.2.3')).rejects.toThrow();
    git('reset', '--quiet', '--hard', 'origin/main');
  });

  it('is published with what the changelog says of it, and with dist', async () => {
    await step(RELEASE, 'v1.2.3');
    expect(github.releases).toEqual([
      expect.objectContaining({ tag_name: 'v1.2.3', name: 'v1.2.3', draft: false }),
    ]);
    expect(github.releases[0]?.body.trim()).toBe(TEXT);
    expect(github.assets.sort()).toEqual(['index.js', 'licenses.txt']);
    await expect(step(RELEASE, 'v9.9.9')).rejects.toThrow(/v9\.9\.9/);
  });

  it('makes the major tag, the next one moves it, and an older one leaves it', async () => {
    await step(MOVE, 'v1.2.3');
    expect(Object.fromEntries(github.refs)).toEqual({ v1: git('rev-parse', 'v1.2.3') });
    await release('1.10.0');
    await step(MOVE, 'v1.10.0');
    expect(github.refs.get('v1')).toBe(git('rev-parse', 'v1.10.0'));
    const { stdout } = await step(MOVE, 'v1.2.3', git('rev-parse', 'v1.2.3'));
    expect([stdout.trim(), github.refs.get('v1')]).toEqual([
      'v1 stays: v1.10.0 is newer.',
      git('rev-parse', 'v1.10.0'),
    ]);
  });
});
