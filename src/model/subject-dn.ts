/** Converts subject distinguished names between RFC 4514 text and attributes in the order of the certificate. */

import { NAMED_OIDS } from './attribute-names.ts';

export interface Attribute {
  /** Dotted object identifier. */
  oid: string;
  value: string;
}

/** RFC 4514 section 3, and the e-mail address that X.509 subjects often carry. */
const OIDS: Readonly<Record<string, string>> = {
  CN: '2.5.4.3',
  SERIALNUMBER: '2.5.4.5',
  C: '2.5.4.6',
  L: '2.5.4.7',
  ST: '2.5.4.8',
  STREET: '2.5.4.9',
  O: '2.5.4.10',
  OU: '2.5.4.11',
  DC: '0.9.2342.19200300.100.1.25',
  UID: '0.9.2342.19200300.100.1.1',
  EMAILADDRESS: '1.2.840.113549.1.9.1',
};
/** Names count in any case, and RFC 4514's come first: `uid` is its UID here. */
const BY_UPPER_CASE = new Map([
  ...[...NAMED_OIDS].map(([name, oid]): [string, string] => [name.toUpperCase(), oid]),
  ...Object.entries(OIDS),
]);

/** The OID behind a short name, in RFC 4514's or OpenSSL's spelling, or behind a dotted OID. */
export function oidOf(type: string): string | undefined {
  return (
    BY_UPPER_CASE.get(type.toUpperCase()) ?? (/^[0-2](\.(?:0|[1-9]\d*))+$/.test(type) ? type : undefined)
  );
}

const NAMES = new Map(Object.entries(OIDS).map(([name, oid]) => [oid, name]));
const ESCAPED = /\\(?:[0-9A-Fa-f]{2}|[ "#+,;<=>\\])/g;

/**
 * Parses RFC 4514 text, which reverses the certificate's order. Returns the attributes in the certificate's order.
 * @throws Error whose message completes "Input 'name' …"
 */
export function parseSubject(text: string): Attribute[] {
  const parts = split(text);
  if (parts.length === 0) throw new Error('is empty');
  return parts.map(parseAttribute).reverse();
}

/** Whether a certificate can be issued with this subject. */
export function isSubject(text: string): boolean {
  try {
    parseSubject(text);
    return true;
  } catch {
    return false;
  }
}

export function printSubject(attributes: readonly Attribute[]): string {
  return [...attributes]
    .reverse()
    .map(({ oid, value }) => `${NAMES.get(oid) ?? oid}=${escapeValue(value)}`)
    .join(',');
}

/** The subject that has only this common name. */
export function commonName(text: string): string {
  return printSubject([{ oid: '2.5.4.3', value: text }]);
}

/**
 * Returns the RFC 4514 text of a subject.
 * @param lines as node:crypto and Auth0's `subject_dn` write it: one attribute per line, in the certificate's order. A backslash escapes
 *   special characters, and the hexadecimal digits of a byte
 */
export function readSubject(lines: string | undefined): string {
  if (!lines) return '';
  // A plus in a value is escaped, so this one joins the values of one RDN.
  const attributes = lines.split(/\n| \+ /).map((line): Attribute => {
    const equals = line.indexOf('=');
    const type = line.slice(0, equals);
    const oid = NAMED_OIDS.get(type) ?? oidOf(type) ?? type;
    return { oid, value: decoded(line.slice(equals + 1)).toString() };
  });
  return printSubject(attributes);
}

/** Splits at commas that are not escaped. */
function split(text: string): string[] {
  const parts = text.match(/(?:\\.|[^,\\])+|\\$/g) ?? [];
  if (text.trim() !== '' && /^,|,,|,$/.test(text.replace(/\\./g, '__'))) throw new Error('has an empty part');
  return parts;
}

function parseAttribute(part: string): Attribute {
  const equals = part.indexOf('=');
  if (equals < 1) throw new Error(`has no '=' in '${part.trim()}'`);
  const type = part.slice(0, equals).trim().toUpperCase();
  const oid = oidOf(type);
  if (oid === undefined)
    throw new Error(`has the unknown attribute '${type}' (write ${Object.keys(OIDS).join(', ')} or an OID)`);
  refuseBadOid(oid);
  const raw = trimUnescaped(part.slice(equals + 1));
  if (/^#([0-9A-Fa-f]{2})+$/.test(raw))
    throw new Error(
      `has the hexadecimal value '${raw}', which is not supported (write the text, and \\# for a # at its beginning)`,
    );
  const value = unescapeValue(raw);
  if (value === '') throw new Error(`has no value for ${type}`);
  refuseBadValue(type, oid, value);
  return { oid, value };
}

/** A certificate holds the first two numbers of an OID as one (X.690 8.19), and node-forge writes numbers of 32 bits. */
function refuseBadOid(oid: string): void {
  const [first = 0, second = 0, ...rest] = oid.split('.').map(Number);
  if (first < 2 && second > 39)
    throw new Error(`has the impossible OID '${oid}' (under 0 and 1 the second number is at most 39)`);
  if (Math.max(first * 40 + second, ...rest) > 0xffff_ffff)
    throw new Error(`has the OID '${oid}' with a number of more than 32 bits, which is not supported`);
}

/** The characters of attributes that have string types of their own (RFC 5280 4.1.2.4). */
const ALPHABETS: Readonly<Record<string, RegExp>> = {
  [`${OIDS.SERIALNUMBER}`]: /^[A-Za-z0-9 '()+,./:=?-]+$/,
  [`${OIDS.DC}`]: /^[ -~]+$/,
  [`${OIDS.EMAILADDRESS}`]: /^[ -~]+$/,
};

function refuseBadValue(type: string, oid: string, value: string): void {
  if (/[\x00-\x1f\x7f]/.test(value)) throw new Error(`has a control character in ${type}`);
  if (oid === OIDS.C && !/^[A-Za-z]{2}$/.test(value)) throw new Error('needs a country of two letters in C');
  if (ALPHABETS[oid]?.test(value) === false)
    throw new Error(`has a character in ${type} that its type does not allow`);
}

/** Removes the spaces around a value. The last space stays if it is escaped, which an odd number of backslashes before it shows. */
function trimUnescaped(raw: string): string {
  const left = raw.replace(/^ +/, '');
  const right = left.replace(/ +$/, '');
  const backslashes = /\\*$/.exec(right)?.[0].length ?? 0;
  return right.length < left.length && backslashes % 2 === 1 ? `${right} ` : right;
}

function unescapeValue(raw: string): string {
  if (/[+;<>"]/.test(raw.replace(/\\./g, ''))) {
    throw new Error(
      `has a special character in '${raw}' that must be escaped with a backslash (several values joined by + are not supported)`,
    );
  }
  if (/\\/.test(raw.replace(ESCAPED, ''))) throw new Error(`has a broken escape in '${raw}'`);
  const bytes = decoded(raw);
  const text = bytes.toString();
  if (!Buffer.from(text).equals(bytes)) throw new Error(`has bytes that are not UTF-8 in '${raw}'`);
  return text;
}

/** The bytes of a value, of which a backslash escapes a character or the hexadecimal digits of a byte. */
function decoded(raw: string): Buffer {
  const parts = raw.match(/\\[0-9A-Fa-f]{2}|\\.|[^\\]+|\\$/gs) ?? [];
  return Buffer.concat(
    parts.map((part) =>
      /^\\[0-9A-Fa-f]{2}/.test(part)
        ? Buffer.from(part.slice(1), 'hex')
        : Buffer.from(part.replace(/^\\(?=.)/s, '')),
    ),
  );
}

function escapeValue(value: string): string {
  return value.replace(/[",+;<>\\]|^[# ]| $/g, '\\$&');
}
