/** Writes the README's tables of inputs and outputs from action.yml, between their markers. `--check` only compares. */

import { readFile, writeFile } from 'node:fs/promises';
import { parse } from 'yaml';

interface Field {
  description?: string;
  default?: string;
  required?: boolean;
}

const action: { inputs: Record<string, Field>; outputs: Record<string, Field> } = parse(
  await readFile('action.yml', 'utf8'),
);
const readme = await readFile('README.md', 'utf8');
const tables = {
  inputs: [
    '| Input | Default | Meaning |',
    '| --- | --- | --- |',
    ...Object.entries(action.inputs).map(inputRow),
  ],
  outputs: ['| Output | Meaning |', '| --- | --- |', ...Object.entries(action.outputs).map(outputRow)],
};

let written = readme;
for (const [name, lines] of Object.entries(tables)) {
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

function inputRow([name, field]: [string, Field]): string {
  const value = field.required ? '**required**' : field.default ? `\`${field.default}\`` : '–';
  return `| \`${name}\` | ${value} | ${describe(name, field)} |`;
}

function outputRow([name, field]: [string, Field]): string {
  return `| \`${name}\` | ${describe(name, field)} |`;
}

function describe(name: string, { description }: Field): string {
  if (!description) throw new Error(`${name} has no description`);
  return description.trim().replace(/\s+/g, ' ').replaceAll('|', '\\|');
}
