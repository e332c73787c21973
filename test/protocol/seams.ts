/**
 * The seams of src: a comment `// guard: <name>` marks what stands below it, a statement, a property or an element. It is found
 * by parsing, so that formatting changes nothing.
 */

import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Node, parseSync } from 'oxc-parser';

const SRC = join(import.meta.dirname, '../../src');
const MARK = /^\s*guard: (.+?)\s*$/;

/** What stands in the place of the marked code; undefined: nothing does. */
export type Instead = string | ((original: string) => string) | undefined;

export interface Seam {
  name: string;
  /** Below src. */
  file: string;
  node: Node;
}

interface Source {
  file: string;
  text: string;
  seams: Seam[];
}

/** Every seam of src. */
export function allSeams(): Seam[] {
  return sources().flatMap(({ seams }) => seams);
}

/** The files that change where the guard is taken out. @throws Error where no seam has that name */
export function without(name: string, instead: Instead): Map<string, string> {
  const changed = new Map<string, string>();
  for (const source of sources())
    if (source.seams.some((seam) => seam.name === name))
      changed.set(source.file, withoutSeams(source, name, instead));
  if (changed.size === 0) throw new Error(`src has no comment '// guard: ${name}'`);
  return changed;
}

/** The text of a file without what is marked by that name. */
export function withoutSeams({ text, seams }: Source, name: string, instead: Instead): string {
  const marked = seams.filter((seam) => seam.name === name);
  // From the end, so that what is cut moves nothing that comes later.
  return marked.reduceRight((all, { node }) => cut(all, node, instead), text);
}

let read: Source[] | undefined;

function sources(): Source[] {
  read ??= globSync('**/*.ts', { cwd: SRC })
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
    .map((file) => parsed(file, readFileSync(join(SRC, file), 'utf8')));
  return read;
}

export function parsed(file: string, text: string): Source {
  const { program, comments, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`src/${file}: ${errors[0]?.message}`);
  const seams = comments.flatMap(({ value, end }) => {
    const name = MARK.exec(value)?.[1];
    return name === undefined ? [] : [{ name, file, node: nodeAfter(program, end, file, name) }];
  });
  return { file, text, seams };
}

/** Of all that begins next the outermost. */
function nodeAfter(program: Node, end: number, file: string, name: string): Node {
  let found: Node | undefined;
  const visit = (node: Node): void => {
    if (node.start >= end && (found === undefined || node.start < found.start)) found = node;
    for (const child of Object.values(node).flat()) if (isNode(child) && child.end > end) visit(child);
  };
  visit(program);
  if (found === undefined) throw new Error(`src/${file}: nothing stands below '// guard: ${name}'`);
  return found;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && 'start' in value;
}

function cut(text: string, node: Node, instead: Instead): string {
  if (instead === undefined) return removed(text, node);
  const { start, end } = replaceable(node);
  const original = text.slice(start, end);
  const replacement = typeof instead === 'function' ? instead(original) : instead;
  return `${text.slice(0, start)}(${replacement})${text.slice(end)}`;
}

/** A statement leaves an empty one, an element takes its comma along. */
function removed(text: string, { type, start, end }: Node): string {
  const isStatement = /(Statement|Declaration)$/.test(type);
  const [comma = ''] = isStatement ? [] : (/^\s*,/.exec(text.slice(end)) ?? []);
  return `${text.slice(0, start)}${isStatement ? ';' : ''}${text.slice(end + comma.length)}`;
}

/** What a replacement stands for: the condition of an `if`, the value of a constant, a property or a `return`, else the whole. */
function replaceable(node: Node): Node {
  switch (node.type) {
    case 'IfStatement':
      return node.test;
    case 'ExpressionStatement':
      return node.expression;
    case 'ReturnStatement':
      return node.argument ?? node;
    case 'VariableDeclaration':
      return node.declarations[0]?.init ?? node;
    case 'Property':
    case 'PropertyDefinition':
      return node.value ?? node;
    default:
      return node;
  }
}
