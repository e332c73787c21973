/** Reads the manifest, a YAML file of many clients whose keys are names of inputs. Reports all problems at once, each with its position. */

import {
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type Scalar,
  type YAMLMap,
} from 'yaml';
import { oneLine } from '../model/markdown.ts';
import { nearestTo } from './names.ts';

/** The inputs that each client of a manifest may set. */
export const CLIENT_KEYS = [
  'client-id',
  'authentication-method',
  'subject',
  'key-size',
  'validity-days',
  'renew-before-days',
  'force',
  'overlap',
  'secret-name',
  'private-key-secret-name',
  'certificate-secret-name',
  'pkcs12-secret-name',
  'destinations',
  'verify',
  'verify-audience',
  'token-binding',
  'propagation-time',
  'signing-algorithm',
  'keep-credentials',
  'removable-credentials',
  'moved-from',
] as const;

/** The key that names an environment variable, since the pair itself is a secret. */
export const CURRENT_FROM = 'current-credential-env';
const KEYS: readonly string[] = [...CLIENT_KEYS, CURRENT_FROM];
/** Keys that differ for each client, so that `defaults` cannot have them. */
const OWN = ['client-id', CURRENT_FROM];

/** Keys with several values: a YAML list, or text as in a workflow. */
const LISTS = ['destinations', 'keep-credentials', 'removable-credentials', 'moved-from'];

/** Line and column count from 1. */
export interface Position {
  line: number;
  column: number;
}

/** The entries of a map as text, in the form in which the runner passes inputs. */
interface Settings {
  position: Position;
  values: Map<string, string>;
  positions: Map<string, Position>;
}

/** A key of a map, and its value. */
interface Entry {
  name: string;
  position: Position;
  value: ParsedNode | null;
}

export interface ManifestClient {
  /** The start of the client's entry. */
  position: Position;
  /** By key: the name of an input, or `current-credential-env`. */
  values: ReadonlyMap<string, string>;
  /** The position of each key, in the client's entry or in `defaults`. */
  positions: ReadonlyMap<string, Position>;
  /** The keys that the client's entry sets itself. The others come from `defaults`. */
  own: ReadonlySet<string>;
}

export interface ManifestProblem extends Position {
  what: string;
}

/**
 * @param secrets names of the inputs that hold a secret
 * @param only the id of the one client that is read; undefined: all are
 */
export function parseManifest(
  text: string,
  secrets: readonly string[],
  only?: string,
): { clients: ManifestClient[]; problems: ManifestProblem[] } {
  const reading = new Reading(text, secrets, only);
  return { clients: reading.clients(), problems: reading.problems };
}

class Reading {
  readonly problems: ManifestProblem[] = [];
  readonly #secrets: readonly string[];
  readonly #text: string;
  readonly #only: string | undefined;
  readonly #lines = new LineCounter();

  constructor(text: string, secrets: readonly string[], only: string | undefined) {
    this.#text = text;
    this.#only = only;
    this.#secrets = secrets;
  }

  clients(): ManifestClient[] {
    // With the failsafe schema every scalar is text, like every input. A client id of digits stays text.
    const options = {
      schema: 'failsafe',
      prettyErrors: false,
      stringKeys: true,
      lineCounter: this.#lines,
    } as const;
    const { contents, errors } = parseDocument(this.#text, options);
    for (const { message, pos } of errors)
      this.#problem(this.#at(pos[0]), `the manifest is not valid YAML: ${oneLine(message)}`);
    if (errors.length > 0) return [];
    if (!isMap(contents)) {
      this.#problem(START, 'the manifest needs the key clients, and may have the key defaults');
      return [];
    }
    const root = this.#pairs(contents);
    for (const { name, position } of root) {
      if (name !== 'clients' && name !== 'defaults')
        this.#problem(position, `'${oneLine(name)}' is unknown; write defaults or clients`);
    }
    const defaults = this.#defaults(valueIn(root, 'defaults'));
    return this.#list(valueIn(root, 'clients')).map((one) => merged(defaults, one));
  }

  #defaults(node: ParsedNode | null | undefined): Settings {
    if (!isMap(node)) {
      if (node && !isEmpty(node)) this.#problem(this.#of(node), "'defaults' must be a map of inputs");
      return { position: START, values: new Map(), positions: new Map() };
    }
    const defaults = this.#settings(node);
    for (const name of OWN) {
      const own = defaults.positions.get(name);
      if (own) this.#problem(own, `'${name}' differs for each client and cannot be a default`);
    }
    return defaults;
  }

  #list(node: ParsedNode | null | undefined): Settings[] {
    if (!isSeq(node) || node.items.length === 0) {
      this.#problem(node ? this.#of(node) : START, "'clients' must be a list of at least one client");
      return [];
    }
    return node.items.filter(this.#isRead, this).flatMap((item) => {
      if (isMap(item)) return [this.#settings(item as YAMLMap.Parsed)];
      this.#problem(this.#of(item as ParsedNode), 'a client must be a map of inputs, such as client-id: …');
      return [];
    });
  }

  /** Whether this entry is read. In a run of one client, mistakes in other entries must not stop it. */
  #isRead(item: unknown): boolean {
    if (this.#only === undefined) return true;
    const id = isMap(item) ? valueIn(this.#pairs(item as YAMLMap.Parsed), 'client-id') : undefined;
    return id ? textOf(id, false)?.trim() === this.#only : false;
  }

  #settings(map: YAMLMap.Parsed): Settings {
    const settings: Settings = { position: this.#of(map), values: new Map(), positions: new Map() };
    for (const { name, position, value } of this.#pairs(map)) {
      const refusal = this.#refusal(name);
      const text = refusal === undefined ? textOf(value, LISTS.includes(name)) : undefined;
      if (refusal !== undefined) this.#problem(position, `'${oneLine(name)}' ${refusal}`);
      else if (text === undefined)
        this.#problem(
          position,
          `'${name}' must be ${LISTS.includes(name) ? 'a list of values, or one text' : 'a single value, not a list or a map'}`,
        );
      else settings.values.set(name, text);
      settings.positions.set(name, position);
    }
    return settings;
  }

  #refusal(name: string): string | undefined {
    if (KEYS.includes(name)) return undefined;
    if (name === 'current-credential')
      return `is a secret and must not be in a file of a repository; write ${CURRENT_FROM} and the name of an environment variable that holds it`;
    if (this.#secrets.includes(name))
      return 'is a secret and must not be in a file of a repository; pass it as an input of the action';
    const meant = nearestTo(name.toLowerCase(), KEYS);
    if (meant !== undefined) return `is not a key of a client; write ${meant}`;
    return 'is not a key of a client (manifest.schema.json lists the keys); a setting for all clients is an input of the action';
  }

  #pairs(map: YAMLMap.Parsed): Entry[] {
    return map.items.map(({ key, value }) => ({
      name: isScalar(key) ? `${key.value}` : '',
      position: this.#of(key),
      value,
    }));
  }

  #of(node: Node): Position {
    return this.#at(node.range?.[0] ?? 0);
  }

  #at(offset: number): Position {
    const { col, line } = this.#lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  }

  #problem(position: Position, what: string): void {
    this.problems.push({ ...position, what });
  }
}

function valueIn(entries: readonly Entry[], wanted: string): ParsedNode | null | undefined {
  return entries.find(({ name }) => name === wanted)?.value;
}

const START: Position = { line: 1, column: 1 };

/** As the YAML core schema has it. */
const NULL = /^(|~|null|Null|NULL)$/;

/** Aliases of anchors are refused, since a manifest has `defaults`. */
function textOf(node: ParsedNode | null, mayBeList: boolean): string | undefined {
  if (node === null) return '';
  if (isScalar(node)) return scalarText(node);
  if (!mayBeList || !isSeq(node)) return undefined;
  const lines = node.items.map((item) => (isScalar(item) ? scalarText(item) : undefined));
  return lines.every((line) => line !== undefined) ? lines.join('\n') : undefined;
}

/** Empty if it is null. In quotes, or with a tag, `null` is text. */
function scalarText({ tag, type, value }: Scalar): string {
  const text = `${value}`;
  return type === 'PLAIN' && tag === undefined && NULL.test(text) ? '' : text;
}

function isEmpty(node: ParsedNode): boolean {
  return isScalar(node) && scalarText(node).trim() === '';
}

function merged(defaults: Settings, own: Settings): ManifestClient {
  return {
    position: own.position,
    values: new Map([...defaults.values, ...own.values]),
    positions: new Map([...defaults.positions, ...own.positions]),
    own: new Set(own.values.keys()),
  };
}
