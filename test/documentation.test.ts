/** Documents, workflows and code tell the same. */

import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ERROR_CODES } from '../src/errors.ts';
import { report } from '../src/report.ts';
import { wish } from './support/state.ts';

const read = (path: string) => readFileSync(path, 'utf8');
const action = parse(read('action.yml'));
const workflows = globSync('.github/workflows/*.yml');

describe('README', () => {
  it('has the tables of action.yml', () => {
    expect(() =>
      execFileSync(process.execPath, ['scripts/readme.ts', '--check'], { stdio: 'pipe' }),
    ).not.toThrow();
  });

  it('has less than 300 lines', () => {
    expect(read('README.md').split('\n').length).toBeLessThan(300);
  });

  it('shows a workflow that uses declared inputs, a concurrency group and current-credential', () => {
    const shown = parse(/```yaml\n(name: Rotate[\s\S]*?)```/.exec(read('README.md'))?.[1] ?? '');
    expectRotation(shown, 'your-organization/');
  });
});

describe('documents', () => {
  const documents = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', ...globSync('docs/*.md')];

  it.each(documents)('%s links to files that exist', (path) => {
    for (const [, target] of read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)) {
      expect([path, target, existsSync(join(dirname(path), `${target}`))]).toEqual([path, target, true]);
    }
  });

  it('explain every error code, and no other', () => {
    const headings = [...read('docs/troubleshooting.md').matchAll(/^## ([A-Z0-9_]+)$/gm)].map(
      ([, code]) => code,
    );
    expect(headings.sort()).toEqual([...ERROR_CODES].sort());
  });
});

describe('action.yml', () => {
  it('runs on node24, with branding and descriptions', () => {
    expect(action.runs).toEqual({ using: 'node24', main: 'dist/index.js' });
    expect(action.branding).toEqual({ icon: expect.any(String), color: expect.any(String) });
    for (const field of Object.values<{ description: string }>({ ...action.inputs, ...action.outputs })) {
      expect(field.description.length).toBeGreaterThan(20);
    }
  });

  it('declares the inputs that the code reads, and no other', () => {
    const known = [...read('src/inputs.ts').matchAll(/'([a-z0-9]+(?:-[a-z0-9]+)*)'/g)].map(
      ([, name]) => `${name}`,
    );
    for (const name of Object.keys(action.inputs)) expect(known).toContain(name);
    for (const [, name] of read('src/inputs.ts').matchAll(
      /reader\.(?:text|required|boolean|integer|oneOf|parsed)\('([^']+)'/g,
    )) {
      expect(Object.keys(action.inputs)).toContain(name);
    }
  });

  it('declares the outputs that the code sets, and no other', () => {
    const { outputs } = report({ operation: 'plan', wish: wish(), now: 0 });
    expect(Object.keys(outputs).sort()).toEqual(Object.keys(action.outputs).sort());
  });
});

describe('workflows', () => {
  it.each(workflows)('%s pins what it uses and asks for no more than it needs', (path) => {
    const text = read(path);
    for (const [, used, comment] of text.matchAll(/uses: (\S+)(?: # (\S+))?/g)) {
      if (used !== './')
        expect([used, comment]).toEqual([
          expect.stringMatching(/^[^@]+@[0-9a-f]{40}$/),
          expect.stringMatching(/^v\d+\.\d+\.\d+$/),
        ]);
    }
    expect(text).not.toContain('pull_request_target');
    expect(parse(text).permissions).toEqual({});
    expect(text.match(/actions\/checkout@/g)?.length ?? 0).toBe(
      text.match(/persist-credentials: false/g)?.length ?? 0,
    );
    // Inputs of an event reach a shell by the environment only.
    for (const [, script] of text.matchAll(/run: (.*)/g)) expect(script).not.toContain('${{');
  });

  it('rotate as the README says', () => {
    expectRotation(parse(read('.github/workflows/rotate.yml')), './');
  });
});

interface Workflow {
  on: Record<string, unknown>;
  concurrency: Record<string, unknown>;
  jobs: Record<string, { steps: { uses?: string; with?: Record<string, unknown> }[] }>;
}

function expectRotation(workflow: Workflow, uses: string): void {
  expect(Object.keys(workflow.on)).toEqual(['schedule', 'workflow_dispatch']);
  expect(workflow.concurrency).toEqual({ group: expect.any(String), 'cancel-in-progress': false });
  const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);
  const given = steps.find((step) => step.uses?.startsWith(uses))?.with ?? {};
  expect(Object.keys(action.inputs)).toEqual(expect.arrayContaining(Object.keys(given)));
  expect(given['current-credential']).toMatch(/^\$\{\{ secrets\.AUTH0_MTLS_PEM \}\}$/);
}
