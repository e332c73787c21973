/** The scripts of the release workflow, run as GitHub runs them, in a repository of their own. `gh` only writes down what it is asked for. */

import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';

interface Step {
  name?: string;
  run?: string;
  uses?: string;
  with?: Record<string, unknown>;
}
const { jobs } = parse(readFileSync('.github/workflows/release.yml', 'utf8')) as {
  jobs: Record<'verify' | 'publish', { steps: Step[] }>;
};
const steps = [...jobs.verify.steps, ...jobs.publish.steps];
function scriptOf(words: string): string {
  const { run } = steps.find(({ name = '' }) => name.includes(words)) ?? {};
  if (run === undefined) throw new Error(`no step '${words}'`);
  return run;
}

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'release-'));
  mkdirSync(join(folder, 'bin'));
  const gh = join(folder, 'bin/gh');
  writeFileSync(gh, '#!/bin/sh\necho "$*" >> "$GH_LOG"\ncase "$*" in *"$GH_MISSING"*) exit 1;; esac\n');
  chmodSync(gh, 0o755);
  git('init', '-q', '-b', 'main');
  file('package.json', '{ "version": "1.2.3" }');
  file(
    'CHANGELOG.md',
    '# Changelog\n\n## [1.2.3] - today\n\n- One.\n\n### More\n\n## [1.2.2]\n\n- Two.\n\n[1.2.3]: x\n',
  );
  commit();
  // As a checkout of the whole history has it.
  git('update-ref', 'refs/remotes/origin/main', 'HEAD');
});
afterEach(() => rmSync(folder, { recursive: true }));

const file = (name: string, text: string) => writeFileSync(join(folder, name), text);
function git(...args: string[]): string {
  const identity = ['-c', 'user.name=n', '-c', 'user.email=e@example.com'];
  const { status, stderr, stdout } = spawnSync('git', [...identity, ...args], {
    cwd: folder,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return stdout.trim();
}
function commit(): string {
  git('add', '.');
  git('commit', '-q', '--allow-empty', '-m', 'm');
  return git('rev-parse', 'HEAD');
}

/** @param missing what gh does not find */
function step(words: string, tag: string, { sha = git('rev-parse', 'HEAD'), missing = 'nothing' } = {}) {
  const log = join(folder, 'gh.log');
  rmSync(log, { force: true });
  const { status, stdout } = spawnSync('bash', ['-e', '-c', scriptOf(words)], {
    cwd: folder,
    encoding: 'utf8',
    env: {
      PATH: `${join(folder, 'bin')}:${process.env.PATH}`,
      GITHUB_SHA: sha,
      GITHUB_REF_NAME: tag,
      GITHUB_REPOSITORY: 'o/r',
      RUNNER_TEMP: folder,
      GH_LOG: log,
      GH_MISSING: missing,
    },
  });
  return { status, stdout, asked: existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [] };
}

describe('a tag is released', () => {
  it('that is on main, and that package.json and the changelog name', () => {
    expect(step('The tag is on main', 'v1.2.3').status).toBe(0);
  });

  it('not if one of them is wrong', () => {
    for (const tag of ['v1.2.2', 'v1.2.30', 'v9.9.9'])
      expect(step('The tag is on main', tag).status).not.toBe(0);
    file('package.json', '{ "version": "1.3.0" }');
    expect(step('The tag is on main', 'v1.3.0').status).not.toBe(0);
    file('package.json', '{ "version": "1.2.3" }');
    git('checkout', '-q', '-b', 'elsewhere');
    expect(step('The tag is on main', 'v1.2.3', { sha: commit() }).status).not.toBe(0);
  });

  it('after both jobs have read the whole history', () => {
    for (const { steps: all } of Object.values(jobs)) {
      const checkout = all.find(({ uses = '' }) => uses.startsWith('actions/checkout@'));
      expect(checkout?.with?.['fetch-depth']).toBe(0);
    }
  });

  it('as a draft with the notes of its version, which is published then', () => {
    const { asked, status } = step('Create the release', 'v1.2.3');
    expect(status).toBe(0);
    expect(readFileSync(join(folder, 'notes.md'), 'utf8').trim()).toBe('- One.\n\n### More');
    expect(asked).toEqual([
      expect.stringMatching(/^release create v1\.2\.3 --verify-tag --draft .*dist\/index\.js/),
      'release edit v1.2.3 --draft=false',
    ]);
  });
});

describe('the major tag', () => {
  const move = (tag: string, missing?: string) => step('Move the major tag', tag, missing ? { missing } : {});
  const refs = 'repos/o/r/git/refs';
  beforeEach(() => {
    for (const tag of ['v1', 'v1.2.3', 'v1.9.0', 'v1.10.0', 'v1.11.0-rc.1', 'v2.0.0']) git('tag', tag);
  });

  it('moves to the newest release of its major', () => {
    const { asked, status } = move('v1.10.0');
    expect(status).toBe(0);
    expect(asked).toEqual([
      'api repos/o/r/git/ref/tags/v1 --silent',
      `api --method PATCH ${refs}/tags/v1 -f sha=${git('rev-parse', 'HEAD')} -F force=true`,
    ]);
  });

  it('stays if a newer one exists', () => {
    for (const tag of ['v1.2.3', 'v1.9.0']) expect(move(tag)).toMatchObject({ status: 0, asked: [] });
  });

  it('is made if there is none', () => {
    const { asked } = move('v2.0.0', '/git/ref/tags/v2');
    expect(asked.at(-1)).toBe(
      `api --method POST ${refs} -f ref=refs/tags/v2 -f sha=${git('rev-parse', 'HEAD')}`,
    );
  });
});
