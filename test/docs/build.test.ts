/** A stale bundle must not ship: `npm run check-dist` fails for each file of dist that src does not build. */

import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';

/** The checkout, with a dist of its own. */
const folder = mkdtempSync(join(tmpdir(), 'build-'));
afterAll(() => rmSync(folder, { recursive: true }));
for (const name of ['src', 'scripts', 'node_modules', 'package.json', 'tsconfig.json'])
  symlinkSync(join(process.cwd(), name), join(folder, name));
mkdirSync(join(folder, 'dist'));

const FILES = ['index.js', 'package.json', 'licenses.txt'];
const build = (...args: string[]) =>
  spawnSync(process.execPath, ['scripts/build.ts', ...args], { cwd: folder, encoding: 'utf8' });
const stale = ({ stderr }: { stderr: string }) =>
  FILES.filter((name) => stderr.includes(`dist/${name} is not`));

it('fails for each file that is not what src builds, and writes nothing', () => {
  const missing = build('--check');
  expect([missing.status, stale(missing)]).toEqual([1, FILES]);
  expect(build().status).toBe(0);
  expect(build('--check').status).toBe(0);
  appendFileSync(join(folder, 'dist/licenses.txt'), ' ');
  const changed = build('--check');
  expect([changed.status, stale(changed)]).toEqual([1, ['licenses.txt']]);
  expect(readFileSync(join(folder, 'dist/licenses.txt'), 'utf8')).toMatch(/ $/);
});

it("fails for a README whose tables are not action.yml's", () => {
  for (const name of ['README.md', 'action.yml']) cpSync(name, join(folder, name));
  const check = () =>
    spawnSync(process.execPath, ['scripts/readme.ts', '--check'], { cwd: folder, encoding: 'utf8' }).status;
  expect(check()).toBe(0);
  const action = readFileSync(join(folder, 'action.yml'), 'utf8');
  writeFileSync(join(folder, 'action.yml'), action.replace('default: until-next-rotation', 'default: 0h'));
  expect(check()).toBe(1);
});
