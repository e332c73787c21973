/** Bundles src into dist/index.js: one file, the same bytes from the same input. `--check` compares instead of writing. */

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path/posix';
import { build, type Plugin } from 'esbuild';

/** Packages of which the bundle takes only what the action uses, and the file of `slim` that says what that is. */
const SLIM: Readonly<Record<string, string>> = {
  undici: 'undici.cjs',
  '@actions/http-client': 'http-client.js',
  '@octokit/plugin-rest-endpoint-methods': 'rest-endpoint-methods.js',
};

const slim: Plugin = {
  name: 'slim',
  setup({ onResolve, resolve }) {
    const names = new RegExp(`^(${Object.keys(SLIM).join('|')})$`);
    onResolve({ filter: names }, ({ path }) => ({
      path: join(import.meta.dirname, 'slim', SLIM[path] ?? ''),
      sideEffects: false,
    }));
    // undici has the same HTTP parser twice, with SIMD and without. The one without runs everywhere.
    onResolve({ filter: /\/llhttp_simd-wasm\.js$/ }, ({ path, ...from }) =>
      resolve(path.replace('llhttp_simd', 'llhttp'), from),
    );
    // The toolkit does not say of itself that importing it does nothing: what its unused parts import would stay.
    onResolve({ filter: /^@actions\/(exec|http-client\/.*)$/ }, async ({ path, pluginData, ...from }) => {
      if (pluginData === slim) return undefined;
      return { ...(await resolve(path, { ...from, pluginData: slim })), sideEffects: false };
    });
  },
};

const result = await build({
  entryPoints: ['src/index.ts'],
  outfile: 'dist/index.js',
  // The same library without what it has for CommonJS: only that can be shaken.
  alias: { yaml: './node_modules/yaml/browser/index.js' },
  bundle: true,
  platform: 'node',
  target: 'node24',
  // node-forge needs require, and @actions/core is ESM only: CommonJS takes both.
  format: 'cjs',
  minify: true,
  plugins: [slim],
  legalComments: 'none',
  metafile: true,
  write: false,
  logLevel: 'warning',
});
const inputs = Object.entries(Object.values(result.metafile.outputs)[0]?.inputs ?? {});

/** What each package adds to the bundle, in bytes, largest first. */
function packageSizes(): [string, number][] {
  const sizes = new Map<string, number>();
  for (const [path, { bytesInOutput }] of inputs) {
    const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? 'src';
    sizes.set(name, (sizes.get(name) ?? 0) + bytesInOutput);
  }
  return [...sizes].sort((a, b) => b[1] - a[1]);
}

/** Code of others inside of a package, which neither its license nor its sources name. */
const WITHIN: Readonly<Record<string, string>> = {
  undici: 'Contains llhttp (MIT, on the same terms): Copyright Fedor Indutny, 2018.',
};

/** The licenses of everything that is bundled. A package without a license stops the build. */
async function licenses(): Promise<string> {
  const names = packageSizes()
    .map(([name]) => name)
    .filter((name) => name !== 'src');
  const texts = names.sort().map(async (name) => {
    const files = inputs.map(([path]) => path).filter((path) => path.includes(`node_modules/${name}/`));
    const folder = new RegExp(`^.*node_modules/${name}`).exec(files[0] ?? '')?.[0] ?? '';
    const { version, license } = JSON.parse(await readFile(`${folder}/package.json`, 'utf8'));
    if (!license) throw new Error(`${name} names no license`);
    const own = (await licenseIn(folder)) ?? `License: ${license}`;
    const head = `${name} ${version} (${typeof license === 'string' ? license : license.type})`;
    const all = [head, own, ...(await notices(folder, files)), WITHIN[name]];
    return `${all.filter(Boolean).join('\n\n')}\n`;
  });
  return (await Promise.all(texts)).join(`\n${'-'.repeat(80)}\n\n`);
}

/** node-forge may be used under either of two licenses. This action takes the first, so the text of the other is left out. */
const OTHER_LICENSE = /\n-+\n\s*GNU GENERAL PUBLIC LICENSE[\s\S]*$/;

async function licenseIn(folder: string): Promise<string | undefined> {
  const file = (await readdir(folder)).find((one) => /^licen[cs]e/i.test(one));
  const text = file && (await readFile(`${folder}/${file}`, 'utf8')).trim().replaceAll('\r\n', '\n');
  return text?.replace(OTHER_LICENSE, '').trim();
}

/** Of code that a package has taken from others: beside its bundled files, and in their comments. */
async function notices(folder: string, files: readonly string[]): Promise<string[]> {
  const folders = [...new Set(files.map((path) => dirname(path)))].filter((one) => one !== folder);
  const beside = await Promise.all(folders.sort().map(licenseIn));
  const sources = await Promise.all([...files].sort().map((path) => readFile(path, 'utf8')));
  const inside = sources
    .flatMap((text) => text.match(/\/\*[\s\S]*?\*\//g) ?? [])
    .filter((comment) => /provided "as.is"/i.test(comment))
    .map((comment) => comment.replaceAll('\r\n', '\n'));
  return [...new Set([...beside, ...inside])].filter((one) => one !== undefined);
}

const files = new Map([
  ['dist/index.js', result.outputFiles[0]?.text ?? ''],
  // The root package is ESM; the bundle is not.
  ['dist/package.json', '{ "type": "commonjs" }\n'],
  ['dist/licenses.txt', await licenses()],
]);

for (const [path, text] of files) {
  if (!process.argv.includes('--check')) await writeFile(path, text);
  else if ((await readFile(path, 'utf8').catch(() => '')) !== text) {
    console.error(`${path} is not what src builds: run npm run build and commit it.`);
    process.exitCode = 1;
  }
}
console.log(`dist/index.js: ${(Buffer.byteLength(files.get('dist/index.js') ?? '') / 1024).toFixed(0)} KiB`);
if (process.argv.includes('--sizes')) {
  for (const [name, size] of packageSizes())
    console.log(`${(size / 1024).toFixed(1).padStart(8)} KiB  ${name}`);
}
