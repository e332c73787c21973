/** The code that is explored: the real one, or one with a piece replaced that only the test knows of. */

import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { Cancellation } from '../../src/http/clock.ts';
import { NetworkError } from '../../src/http/wire.ts';
import { run } from '../../src/run.ts';
import { connectServices } from '../../src/services.ts';
import type { Code } from './actor.ts';

export const REAL: Code = { run, connectServices, NetworkError, Cancellation };

const ROOT = join(import.meta.dirname, '../..');
const ENTRY = `
export { run } from './src/run.ts';
export { connectServices } from './src/services.ts';
export { NetworkError } from './src/http/wire.ts';
export { Cancellation } from './src/http/clock.ts';
`;

/** Bundles src with other texts of some files, outside of the repository, and loads it. */
export async function mutated(files: ReadonlyMap<string, string>): Promise<Code> {
  const result = await build({
    stdin: { contents: ENTRY, resolveDir: ROOT, loader: 'ts' },
    bundle: true,
    packages: 'external',
    platform: 'node',
    target: 'node24',
    format: 'esm',
    write: false,
    logLevel: 'silent',
    plugins: [
      {
        name: 'replacements',
        setup({ onLoad }) {
          onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, ({ path }) => {
            const contents = files.get(path.slice(join(ROOT, 'src').length + 1).replaceAll('\\', '/'));
            return contents === undefined ? undefined : { contents, loader: 'ts' };
          });
        },
      },
    ],
  });
  return load(result.outputFiles[0]?.text ?? '');
}

let directory: string | undefined;
let loaded = 0;

/** A place outside of the repository where bundles find the packages; it goes with the process. */
function temporary(): string {
  if (directory !== undefined) return directory;
  const made = mkdtempSync(join(tmpdir(), 'explorer-'));
  symlinkSync(join(ROOT, 'node_modules'), join(made, 'node_modules'));
  process.once('exit', () => rmSync(made, { recursive: true, force: true }));
  directory = made;
  return made;
}

async function load(text: string): Promise<Code> {
  loaded += 1;
  const file = join(temporary(), `code-${loaded}.mjs`);
  writeFileSync(file, text);
  return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Code;
}
