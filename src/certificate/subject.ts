/** Subject distinguished names: RFC 4514 text ↔ attributes in the order of the certificate. */

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
/** The OID behind a short name, in RFC 4514's or OpenSSL's spelling, or behind a dotted OID. */
export function oidOf(type: string): string | undefined {
  return OIDS[type.toUpperCase()] ?? (/^[0-2](\.\d+)+$/.test(type) ? type : undefined);
}

const NAMES = new Map(Object.entries(OIDS).map(([name, oid]) => [oid, name]));
const ESCAPED = /\\(?:([0-9A-Fa-f]{2})|([ "#+,;<=>\\]))/g;

/**
 * Parses RFC 4514 text. Its first part is the certificate's last: the attributes come back in the certificate's order.
 * @throws Error with a reason that fits behind "subject: "
 */
export function parseSubject(text: string): Attribute[] {
  const parts = split(text);
  if (parts.length === 0) throw new Error('is empty');
  return parts.map(parseAttribute).reverse();
}

export function printSubject(attributes: readonly Attribute[]): string {
  return [...attributes]
    .reverse()
    .map(({ oid, value }) => `${NAMES.get(oid) ?? oid}=${escapeValue(value)}`)
    .join(',');
}

/** At commas that are not escaped. */
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
  const value = unescapeValue(trimUnescaped(part.slice(equals + 1)));
  if (value === '') throw new Error(`has no value for ${type}`);
  if (type === 'C' && !/^[A-Za-z]{2}$/.test(value)) throw new Error('needs a country of two letters in C');
  return { oid, value };
}

function trimUnescaped(raw: string): string {
  const left = raw.trimStart();
  return left.endsWith('\\ ')
    ? left
    : left.replace(/(\\ )?\s*$/, (_, kept: string | undefined) => kept ?? '');
}

function unescapeValue(raw: string): string {
  if (/[+;<>"]/.test(raw.replace(/\\./g, ''))) {
    throw new Error(
      `has a special character in '${raw}' that must be escaped with a backslash (several values joined by + are not supported)`,
    );
  }
  if (/\\/.test(raw.replace(ESCAPED, ''))) throw new Error(`has a broken escape in '${raw}'`);
  const bytes: number[] = [];
  let rest = 0;
  for (const match of raw.matchAll(ESCAPED)) {
    bytes.push(...Buffer.from(raw.slice(rest, match.index)));
    if (match[1] === undefined) bytes.push(...Buffer.from(`${match[2]}`));
    else bytes.push(Number.parseInt(match[1], 16));
    rest = match.index + match[0].length;
  }
  bytes.push(...Buffer.from(raw.slice(rest)));
  return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes));
}

function escapeValue(value: string): string {
  return value.replace(/[",+;<>\\]|^[# ]| $/g, '\\$&');
}
