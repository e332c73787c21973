/** A stale bundle must not ship: `npm run check-dist` fails for each file of dist that src does not build. */

import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
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

it('stops at a package without a license', () => {
  const other = join(folder, 'other');
  for (const name of ['src', 'dist', 'node_modules/nameless'])
    mkdirSync(join(other, name), { recursive: true });
  writeFileSync(join(other, 'src/index.ts'), "import 'nameless';\n");
  writeFileSync(join(other, 'node_modules/nameless/index.js'), 'console.log(process.argv);\n');
  const named = (more: object) =>
    writeFileSync(
      join(other, 'node_modules/nameless/package.json'),
      JSON.stringify({ name: 'nameless', version: '1.0.0', type: 'module', main: 'index.js', ...more }),
    );
  const script = join(process.cwd(), 'scripts/build.ts');
  const built = () => spawnSync(process.execPath, [script], { cwd: other, encoding: 'utf8' });
  named({});
  const { status, stderr } = built();
  expect([status, stderr]).toEqual([1, expect.stringContaining('nameless names no license')]);
  expect(readdirSync(join(other, 'dist'))).toEqual([]);
  named({ license: 'MIT' });
  expect(built().status).toBe(0);
  expect(readFileSync(join(other, 'dist/licenses.txt'), 'utf8')).toContain('nameless 1.0.0 (MIT)');
});

it("fails for a README whose tables are not action.yml's", () => {
  for (const name of ['README.md', 'action.yml']) cpSync(name, join(folder, name));
  const check = () =>
    spawnSync(process.execPath, ['scripts/readme.ts', '--check'], { cwd: folder, encoding: 'utf8' }).status;
  expect(check()).toBe(0);
  const action = readFileSync(join(folder, 'action.yml'), 'utf8');
  writeFileSync(join(folder, 'action.yml'), action.replace('default: until-next-rotation', 'default: 0h'));
  expect(check()).toBe(1);
  // A README that has lost the place of a table has none that could differ.
  writeFileSync(join(folder, 'action.yml'), action);
  const readme = readFileSync(join(folder, 'README.md'), 'utf8');
  writeFileSync(join(folder, 'README.md'), readme.replace('<!-- end of outputs -->', ''));
  expect(check()).toBe(1);
});
