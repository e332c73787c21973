/** Keys and certificates that openssl has made, and what shells, JSON, YAML and forms make of them on their way into a secret. */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';

export interface Made {
  key: string;
  cert: string;
}

/** openssl in a folder of its own. */
export class Workshop {
  readonly #folder = mkdtempSync(join(tmpdir(), 'pem-'));

  constructor() {
    writeFileSync(
      this.#path('openssl.cnf'),
      `[req]
distinguished_name = name
[name]
[ca]
basicConstraints = critical, CA:TRUE
subjectKeyIdentifier = hash
[client]
basicConstraints = critical, CA:FALSE
`,
    );
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  openssl(...args: string[]): string {
    return execFileSync('openssl', args, { cwd: this.#folder, encoding: 'utf8', stdio: 'pipe' });
  }

  read(name: string): string {
    return readFileSync(this.#path(name), 'utf8');
  }

  /** Signed by `issuer`, or by itself. */
  issue(
    name: string,
    options: {
      algorithm?: string;
      subject?: string;
      days?: number;
      issuer?: string;
      profile?: 'ca' | 'client';
    },
  ): Made {
    const {
      algorithm = 'rsa:2048',
      days = 90,
      issuer,
      profile = 'client',
      subject = `/CN=${name}`,
    } = options;
    const signer = issuer ? ['-CA', `${issuer}.crt`, '-CAkey', `${issuer}.key`] : [];
    const form = ['-config', 'openssl.cnf', '-extensions', profile, '-days', `${days}`, '-subj', subject];
    const key = algorithm.startsWith('rsa')
      ? ['-newkey', algorithm]
      : ['-newkey', 'ec', '-pkeyopt', `ec_paramgen_curve:${algorithm}`];
    const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
    this.openssl('req', '-x509', '-nodes', ...key, ...form, ...signer, ...files);
    return { key: this.read(`${name}.key`), cert: this.read(`${name}.crt`) };
  }

  /** PKCS#1 or SEC 1. */
  traditional(name: string, ...cipher: string[]): string {
    const passphrase = cipher.length > 0 ? ['-passout', 'pass:secret'] : [];
    this.openssl(
      'pkey',
      '-in',
      `${name}.key`,
      '-traditional',
      ...cipher,
      ...passphrase,
      '-out',
      'traditional.key',
    );
    return this.read('traditional.key');
  }

  encrypted(name: string): string {
    this.openssl('pkcs8', '-topk8', '-in', `${name}.key`, '-passout', 'pass:secret', '-out', 'encrypted.key');
    return this.read('encrypted.key');
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}

export interface Spelling {
  lineEnd: string;
  space: string;
  slash: string;
  plus: string;
  equals: string;
  quote: string;
  before: string;
  after: string;
}

export const LINE_ENDS = [
  '\n',
  '\r\n',
  '\r',
  '\\n',
  '\\r\\n',
  '\\\\n',
  '\\u000a',
  '%0A',
  ' ',
  '',
  '\n    ',
  '\n\t',
  ' \n',
];

const BAG = 'Bag Attributes\n    localKeyID: 54 69 6D\n    friendlyName: shop\nsubject=CN = shop\n';

export const spellings: fc.Arbitrary<Spelling> = fc.record({
  lineEnd: fc.constantFrom(...LINE_ENDS),
  space: fc.constantFrom(' ', ' ', '%20', ''),
  slash: fc.constantFrom('/', '\\/', '\\\\/', '%2F'),
  plus: fc.constantFrom('+', '\\u002B', '%2B'),
  equals: fc.constantFrom('=', '\\u003d', '%3D'),
  quote: fc.constantFrom('', '"', "'", '\\"'),
  before: fc.constantFrom('', '\ufeff', '# the key of the shop\n', BAG, '\n\n'),
  after: fc.constantFrom('', '\n', ' ', '\\n', '\n# end'),
});

/** As it arrives in an input. */
export function spell(pem: string, spelling: Spelling): string {
  const { after, before, equals, lineEnd, plus, quote, slash, space } = spelling;
  const lines = (before + pem.trim())
    .split('\n')
    .map((line) =>
      /^-----/.test(line)
        ? line.replaceAll(' ', space)
        : line.replaceAll('/', slash).replaceAll('+', plus).replaceAll('=', equals),
    );
  return `${quote}${lines.join(lineEnd)}${quote}${after}`;
}
