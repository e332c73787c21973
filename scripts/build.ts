/** Bundles src into dist/index.js: one file, the same bytes from the same input. `--check` compares instead of writing. */

import { readFile, writeFile } from 'node:fs/promises';
import { build } from 'esbuild';

const result = await build({
  entryPoints: ['src/index.ts'],
  outfile: 'dist/index.js',
  bundle: true,
  platform: 'node',
  target: 'node24',
  // node-forge needs require, and @actions/core is ESM only: CommonJS takes both.
  format: 'cjs',
  minify: true,
  legalComments: 'none',
  charset: 'utf8',
  metafile: true,
  write: false,
  logLevel: 'warning',
});
const files = new Map([
  ['dist/index.js', result.outputFiles[0]?.text ?? ''],
  // The root package is ESM; the bundle is not.
  ['dist/package.json', '{ "type": "commonjs" }\n'],
]);

for (const [path, text] of files) {
  if (!process.argv.includes('--check')) await writeFile(path, text);
  else if ((await readFile(path, 'utf8').catch(() => '')) !== text) {
    console.error(`${path} is not what src builds: run npm run build and commit it.`);
    process.exitCode = 1;
  }
}
console.log(`dist/index.js: ${(Buffer.byteLength(files.get('dist/index.js') ?? '') / 1024).toFixed(0)} KiB`);
if (process.argv.includes('--sizes')) printSizes();

/** What each package adds, largest first. */
function printSizes(): void {
  const sizes = new Map<string, number>();
  for (const [path, input] of Object.entries(Object.values(result.metafile.outputs)[0]?.inputs ?? {})) {
    const name = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? 'src';
    sizes.set(name, (sizes.get(name) ?? 0) + input.bytesInOutput);
  }
  for (const [name, size] of [...sizes].sort((a, b) => b[1] - a[1])) console.log(`${(size / 1024).toFixed(1).padStart(8)} KiB  ${name}`);
}
