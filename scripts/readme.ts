/**
 * Writes the README's tables of inputs and outputs from action.yml, between their markers. `--check` only compares. A comment
 * between the inputs of action.yml is the title of a group.
 */

import { readFile, writeFile } from 'node:fs/promises';
import { isMap, isScalar, parseDocument } from 'yaml';

interface Field {
  name: string;
  description?: string;
  default?: string;
  required?: boolean;
}

interface Group {
  title: string;
  fields: Field[];
}

const action = parseDocument(await readFile('action.yml', 'utf8'));
const readme = await readFile('README.md', 'utf8');
const blocks = {
  inputs: groups().map(folded),
  outputs: ['| Output | Meaning |', '| --- | --- |', ...fieldsOf('outputs').map(outputRow)],
};

let written = readme;
for (const [name, lines] of Object.entries(blocks)) {
  const between = new RegExp(
    `(<!-- ${name}: generated from action.yml -->\n)[\\s\\S]*?(<!-- end of ${name} -->)`,
  );
  if (!between.test(written)) throw new Error(`README.md has no place for the ${name}`);
  written = written.replace(
    between,
    (_, begin: string, end: string) => `${begin}${lines.join('\n')}\n${end}`,
  );
}
if (!process.argv.includes('--check')) await writeFile('README.md', written);
else if (written !== readme) {
  console.error('The tables of README.md are not those of action.yml: run npm run readme and commit it.');
  process.exitCode = 1;
}

/** The comment before the first input is that of the map. */
function groups(): Group[] {
  const map = action.get('inputs');
  if (!isMap(map)) throw new Error('action.yml has no inputs');
  const found: Group[] = [];
  for (const [index, { key }] of map.items.entries()) {
    const title = index === 0 ? map.commentBefore : isScalar(key) ? key.commentBefore : undefined;
    if (title) found.push({ title: title.trim(), fields: [] });
    const field = fieldsOf('inputs')[index];
    if (field) found.at(-1)?.fields.push(field);
  }
  return found;
}

function fieldsOf(section: 'inputs' | 'outputs'): Field[] {
  const fields: Record<string, Omit<Field, 'name'>> = action.toJS()[section];
  return Object.entries(fields).map(([name, field]) => ({ name, ...field }));
}

/** One line a group, so that the page stays short where it is read as text: there action.yml is the better table. */
function folded({ title, fields }: Group): string {
  const names = fields.map(({ name }) => `<code>${name}</code>`).join(' ');
  const rows = fields.map(
    (field) =>
      `<tr><td><code>${field.name}</code></td><td>${defaultOf(field)}</td><td>${html(describe(field))}</td></tr>`,
  );
  const head = '<tr><th>Input</th><th>Default</th><th>Meaning</th></tr>';
  return `<details><summary><b>${title}</b>: ${names}</summary><table>${head}${rows.join('')}</table></details>`;
}

function defaultOf(field: Field): string {
  if (field.required) return '<b>required</b>';
  return field.default ? `<code>${html(field.default)}</code>` : '–';
}

/** In HTML there is no Markdown. */
function html(markdown: string): string {
  const text = markdown.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return text.replace(/`([^`]+)`/g, '<code>$1</code>');
}

function outputRow(field: Field): string {
  return `| \`${field.name}\` | ${describe(field).replaceAll('|', '\\|')} |`;
}

function describe({ name, description }: Field): string {
  if (!description) throw new Error(`${name} has no description`);
  return description.trim().replace(/\s+/g, ' ');
}
