/**
 * Makes test/emulators/github.openapi.json: the part of GitHub's OpenAPI description that the emulated GitHub answers.
 *
 *   cd /tmp && npm pack @octokit/openapi@23.0.2
 *   tar xzf octokit-openapi-23.0.2.tgz package/generated/api.github.com.json
 *   node scripts/extract-github-openapi.ts /tmp/package/generated/api.github.com.json
 *
 * Only the one file is unpacked: the whole package takes about 400 MB.
 */
import { readFileSync, writeFileSync } from 'node:fs';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
type JsonObject = { [key: string]: Json };

const REPO = '/repos/{owner}/{repo}';
const SECRETS = [
  '/actions/secrets',
  '/dependabot/secrets',
  '/environments/{environment_name}/secrets',
].flatMap((path) => [
  [`${REPO}${path}`, ['get']],
  [`${REPO}${path}/public-key`, ['get']],
  [`${REPO}${path}/{secret_name}`, ['get', 'put', 'delete']],
]) as [string, string[]][];

/** Every call of the emulator, and nothing else. */
const OPERATIONS: [path: string, methods: string[]][] = [
  ...SECRETS,
  [`${REPO}/actions/organization-secrets`, ['get']],
  ['/orgs/{org}/actions/secrets', ['get']],
  ['/orgs/{org}/actions/secrets/public-key', ['get']],
  ['/orgs/{org}/actions/secrets/{secret_name}', ['get', 'put', 'delete']],
  ['/orgs/{org}/actions/secrets/{secret_name}/repositories', ['get']],
  [REPO, ['get']],
  [`${REPO}/environments`, ['get']],
  [`${REPO}/environments/{environment_name}`, ['get']],
  [`${REPO}/issues`, ['get', 'post']],
  [`${REPO}/issues/{issue_number}`, ['get', 'patch']],
  [`${REPO}/issues/{issue_number}/comments`, ['get', 'post']],
  [`${REPO}/actions/workflows/{workflow_id}`, ['get']],
  [`${REPO}/actions/workflows/{workflow_id}/runs`, ['get']],
  [`${REPO}/actions/runs`, ['get']],
  ['/user', ['get']],
  ['/rate_limit', ['get']],
];

/** Prose and examples: nine tenths of the bytes, none of the rules. */
const DROPPED = /^(description|examples?|summary|tags|title|x-.*)$/;

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `named`: the keys of this object are names that somebody chose (a property may well be called "description"). */
function prune(value: Json, named = false): Json {
  if (Array.isArray(value)) return value.map((item) => prune(item));
  if (!isObject(value)) return value;
  const kept = Object.entries(value).filter(([key]) => named || !DROPPED.test(key));
  return Object.fromEntries(
    kept.map(([key, inner]) => [key, prune(inner, !named && (key === 'properties' || key === 'responses'))]),
  );
}

function at(root: Json, pointer: string): Json {
  let here: Json | undefined = root;
  for (const key of pointer.replace(/^#\//, '').split('/')) here = isObject(here) ? here[key] : undefined;
  if (here === undefined) throw new Error(`nothing at ${pointer}`);
  return here;
}

const references = (value: Json): string[] =>
  [...JSON.stringify(value).matchAll(/"\$ref":"(#\/components\/[^"]+)"/g)].map((match) => match[1] ?? '');

function extract(source: Json): JsonObject {
  const paths: JsonObject = {};
  for (const [path, methods] of OPERATIONS) {
    const item = at(source, '#/paths');
    const operations = isObject(item) ? item[path] : undefined;
    if (!isObject(operations)) throw new Error(`${path} is not described`);
    paths[path] = Object.fromEntries(methods.map((method) => [method, prune(operations[method] ?? null)]));
  }
  const components: { [kind: string]: JsonObject } = {};
  const open = references(paths);
  for (let pointer = open.pop(); pointer !== undefined; pointer = open.pop()) {
    const [, , kind = '', name = ''] = pointer.split('/');
    components[kind] ??= {};
    if (components[kind][name] !== undefined) continue;
    components[kind][name] = prune(at(source, pointer));
    open.push(...references(components[kind][name]));
  }
  const sorted = Object.entries(components).map(([kind, all]): [string, Json] => [
    kind,
    Object.fromEntries(Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1))),
  ]);
  return { paths, components: Object.fromEntries(sorted) };
}

/** One line an operation or component, so that a new version of the description is a readable diff. */
function print(value: Json, depth: number): string {
  if (depth === 0 || !isObject(value)) return JSON.stringify(value);
  const lines = Object.entries(value).map(
    ([key, inner]) => `${JSON.stringify(key)}: ${print(inner, depth - 1)}`,
  );
  return `{\n${lines.join(',\n')}\n}`;
}

const [file] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: extract-github-openapi.ts <api.github.com.json>');
const source: Json = JSON.parse(readFileSync(file, 'utf8'));
const extracted = {
  openapi: at(source, '#/openapi'),
  info: {
    title: 'GitHub REST API, extract',
    version: at(source, '#/info/version'),
    'x-source': '@octokit/openapi 23.0.2',
  },
  ...extract(source),
};
const target = new URL('../test/emulators/github.openapi.json', import.meta.url);
writeFileSync(target, `${print(extracted, 3)}\n`);
