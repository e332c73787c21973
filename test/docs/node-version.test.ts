/** Which Node the README's commands need, and what an older one shows: one line, and no test runs. */

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const packageFile = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));

/** A program of this Node that says that it is an older one. */
function asNode18(...args: string[]) {
  const older =
    'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "18.20.8" } })';
  const node = ['--import', `data:text/javascript,${encodeURIComponent(older)}`];
  return spawnSync(process.execPath, [...node, ...args], { cwd: ROOT, encoding: 'utf8' });
}

it.each([
  ['npm test', ['scripts/check-node.cjs']],
  ['npx vitest', ['node_modules/vitest/vitest.mjs', 'run', 'test/unit/model']],
])('%s on Node 18: one line, and no test runs', (_, args) => {
  const { status, stdout, stderr } = asNode18(...args);
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(/^The tests run on Node 24 or newer, and this is Node 18\.20\.8: [^\n]*\n$/);
});

it('npm test and npm run test:all ask first', () => {
  for (const name of ['test', 'test:all'])
    expect(packageFile.scripts[name]).toMatch(/^node scripts\/check-node\.cjs && /);
});

it('README, package.json and the Node that the tests bring agree', () => {
  const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const [, floor] = /^>=(\d+)$/.exec(packageFile.engines.node) ?? [];
  expect(readme).toContain(`Node.js ${floor} or newer`);
  const [own] = packageFile.devDependencies.node.split('.');
  expect(readme).toContain(`their own Node.js ${own}`);
  expect(readFileSync(join(ROOT, 'scripts/check-node.cjs'), 'utf8')).toContain(`floor = ${own};`);
});
