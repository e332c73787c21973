/** Who may import whom: the direction of the dependencies is the design. */

import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const files = globSync('src/**/*.ts');

/** What a file imports: files of src as paths, packages by name. Types are erased, so they may point anywhere but to packages. */
function imports(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  const statements = text.matchAll(/(?:^|\n)import (?!type )[^;]*?from '([^']+)'|import\('([^']+)'\)/g);
  return [...statements]
    .map(([, plain, lazy]) => plain ?? lazy ?? '')
    .map((target) => (target.startsWith('.') ? join(dirname(file), target) : target));
}

const importers = (target: RegExp) => files.filter((file) => imports(file).some((one) => target.test(one)));

describe('the code', () => {
  it('knows each package in one place', () => {
    expect(importers(/^undici/)).toEqual(['src/http/wire.ts']);
    expect(importers(/^node-forge/)).toEqual(['src/certificate/forge.ts']);
    expect(importers(/^@actions\/core/)).toEqual(['src/runner.ts']);
    expect(importers(/^@actions\/github/)).toEqual(['src/github/secret-store.ts']);
    expect(importers(/^@noble/)).toEqual(['src/github/sealed-box.ts']);
    expect(importers(/^jose/)).toEqual(['src/auth0/token.ts']);
  });

  it('plans without a clock, an environment or a package', () => {
    for (const file of files.filter((one) => /^src\/(rotation\/|plan\.ts)/.test(one))) {
      expect([file, imports(file).filter((one) => !one.startsWith('src/') && one !== 'node:crypto')]).toEqual(
        [file, []],
      );
      expect([
        file,
        /Date\.now|new Date\(\)|process\.|setTimeout|Math\.random/.test(readFileSync(file, 'utf8')),
      ]).toEqual([file, false]);
      for (const target of imports(file))
        expect(target).not.toMatch(/^src\/(auth0|http|apply|run|observe|association)/);
    }
  });

  it('keeps Auth0 and GitHub apart', () => {
    for (const file of files.filter((one) => one.startsWith('src/auth0/')))
      expect(imports(file).join()).not.toContain('src/github/');
    for (const file of files.filter((one) => one.startsWith('src/github/')))
      expect(imports(file).join()).not.toContain('src/auth0/');
  });

  it('reads the environment in one place, and only its door knows the process', () => {
    const readers = files.filter((file) => readFileSync(file, 'utf8').includes('process.'));
    expect(readers.sort()).toEqual(['src/index.ts', 'src/runner.ts']);
  });

  it('starts no program and touches no file', () => {
    expect(importers(/^node:(child_process|fs|worker_threads|cluster|net|http|https|tls)/)).toEqual([]);
  });

  it('has no drawer for whatever fits nowhere', () => {
    expect(files.filter((file) => /(utils|helpers|common|types|misc)\.ts$/.test(file))).toEqual([]);
  });
});
