/** Reads PEM as people paste it, even if a shell, JSON, YAML or a form has changed its line ends or escaped it. */

export interface Block {
  /** The label, such as `PRIVATE KEY`. Empty for an unknown kind. */
  label: string;
  /** Its base64, without white space. */
  body: string;
  /** undefined: the body cannot be decoded. */
  der: Buffer | undefined;
  /** Whether it has both a BEGIN and an END line. */
  isWhole: boolean;
  isEncrypted: boolean;
}

/** The labels of RFC 7468 and of openssl. A message names no other label, since that could be any text. */
const LABELS = [
  'PRIVATE KEY',
  'RSA PRIVATE KEY',
  'EC PRIVATE KEY',
  'DSA PRIVATE KEY',
  'ENCRYPTED PRIVATE KEY',
  'OPENSSH PRIVATE KEY',
  'PUBLIC KEY',
  'RSA PUBLIC KEY',
  'CERTIFICATE',
  'X509 CERTIFICATE',
  'TRUSTED CERTIFICATE',
  'CERTIFICATE REQUEST',
  'NEW CERTIFICATE REQUEST',
  'X509 CRL',
  'PKCS7',
  'CMS',
  'EC PARAMETERS',
  'DH PARAMETERS',
];
/** Labels without spaces, since a pasted text may lack any of them. */
const COMPACT = new Map(LABELS.map((label) => [label.replaceAll(' ', ''), label]));

const ARMOUR = /-----(BEGIN|END)([A-Z0-9\s]{1,60})-----/g;

/** The blocks in the order of the text. Text around them (a comment, bag attributes) is ignored. */
export function blocksOf(text: string): Block[] {
  const plain = unescaped(text);
  const lines = [...plain.matchAll(ARMOUR)].map(({ 0: whole, 1: kind, 2: name = '', index }) => ({
    begins: kind === 'BEGIN',
    name: name.replace(/\s/g, ''),
    from: index,
    to: index + whole.length,
  }));
  return lines.flatMap((line, index) => {
    const next = lines[index + 1];
    const previous = lines[index - 1];
    if (line.begins) {
      const isWhole = next !== undefined && !next.begins && next.name === line.name;
      return [block(line.name, plain.slice(line.to, next?.from), isWhole)];
    }
    return previous?.begins ? [] : [block(line.name, plain.slice(previous?.to ?? 0, line.from), false)];
  });
}

function block(name: string, content: string, isWhole: boolean): Block {
  const label = COMPACT.get(name) ?? '';
  const body = content.replace(PADDING, '');
  return {
    label,
    body,
    der: isWhole && /^[A-Za-z0-9+/]+={0,2}$/.test(body) ? Buffer.from(body, 'base64') : undefined,
    isWhole,
    // openssl marks an encrypted key that is not PKCS#8 with this header (RFC 1421 4.6.1.1). PADDING has removed its comma.
    isEncrypted: label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type:4ENCRYPTED/.test(body),
  };
}

/** White space (including the byte order mark and the no-break space), zero-width characters, and quotes. */
const PADDING = /[\s\u200b-\u200d\u2060"',]/g;

/** Undoes the escapes of JSON, shells and URLs. Base64 contains neither a backslash nor a percent sign. */
export function unescaped(text: string): string {
  return text
    .replace(/(?:\\+u00|%)([0-7][0-9A-Fa-f])/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
    .replace(/\\+[nrt]/g, '\n')
    .replaceAll('\\', '');
}

/** With lines of 64 characters (RFC 7468). */
export function printPem(label: string, der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

/** Why a block cannot be used, as a predicate of the input. */
export function whyUnusable({ der, isEncrypted, isWhole, label }: Block): string | undefined {
  const what =
    label === '' ? 'a PEM of an unknown kind' : /^[AEORX]/.test(label) ? `an ${label}` : `a ${label}`;
  if (isEncrypted)
    return 'holds an encrypted private key; pass it without a passphrase (openssl pkey -in key.pem removes the passphrase)';
  if (label === 'OPENSSH PRIVATE KEY')
    return 'holds an OPENSSH PRIVATE KEY; pass it as PKCS#8 (ssh-keygen -p -m PKCS8 -f converts it)';
  if (!isWhole) return `holds ${what} whose first or last line is missing; pass all of it`;
  return der === undefined ? `holds ${what} whose base64 is broken` : undefined;
}

/** Why the text holds no block of the wanted kind. */
export function absenceOf(wanted: string, text: string, blocks: readonly Block[]): string {
  const found = [...new Set(blocks.map(({ label }) => label || 'a PEM of another kind'))];
  if (found.length > 0) return `holds no PEM ${wanted}, but ${found.join(', ')}`;
  const compact = unescaped(text).replace(PADDING, '');
  // The start of the base64 of -----BEGIN.
  if (compact.startsWith('LS0tLS1CRUdJTi')) return 'is the base64 of a PEM; pass the PEM itself, decoded';
  if (PKCS12.test(Buffer.from(compact.slice(0, 64), 'base64').toString('hex')))
    return "is a PKCS#12 key store; pass the PEM (of the action's secrets, that of secret-name, not of pkcs12-secret-name)";
  return /^MI[A-Za-z0-9+/]{40,}={0,2}$/.test(compact)
    ? `holds no PEM ${wanted}: its first and last lines are missing`
    : `holds no PEM ${wanted}`;
}

/** The hex of any length (X.690 8.1.3), which some programs leave open. */
const LENGTH = '(?:[0-7].|80|81..|82.{4}|83.{6}|84.{8})';
/** RFC 7292 4: SEQUENCE, INTEGER 3, then SEQUENCE with the OID of PKCS#7 data or signed data. */
const PKCS12 = new RegExp(`^30${LENGTH}02010330${LENGTH}06092a864886f70d01070[12]`);
