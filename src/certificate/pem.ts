/** PEM as people paste it: what a shell, JSON, YAML or a form has made of it is read to the same bytes. */

export interface Block {
  /** What it says that it is, such as `PRIVATE KEY`; of a kind that is not known here: empty. */
  label: string;
  /** Its base64, without white space. */
  body: string;
  /** undefined: it cannot be decoded. */
  der: Buffer | undefined;
  /** Both of its lines, BEGIN and END, are there. */
  isWhole: boolean;
  isEncrypted: boolean;
}

/** RFC 7468 and what openssl writes besides. Nothing else is named in a message: it could be anything. */
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
/** Spaces may be lost everywhere. */
const COMPACT = new Map(LABELS.map((label) => [label.replaceAll(' ', ''), label]));

const ARMOUR = /-----(BEGIN|END)([A-Z0-9\s]{1,60})-----/g;

/** In the order of the text. What stands around them (a comment, bag attributes) does not count. */
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
    const last = lines[index - 1];
    if (line.begins) {
      const isWhole = next !== undefined && !next.begins && next.name === line.name;
      return [block(line.name, plain.slice(line.to, next?.from), isWhole)];
    }
    return last?.begins ? [] : [block(line.name, plain.slice(last?.to ?? 0, line.from), false)];
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
    // RFC 1421 4.6.1.1 (the comma is gone): how openssl encrypts keys that are not PKCS#8.
    isEncrypted: label === 'ENCRYPTED PRIVATE KEY' || /^Proc-Type:4ENCRYPTED/.test(body),
  };
}

/** White space (which has the byte order mark and the no-break space), what has no width, and quotes. */
const PADDING = /[\s\u200b-\u200d\u2060"',]/g;

/** No character of base64 stands behind a backslash or a percent sign: what does was escaped, by JSON, a shell, or for a URL. */
export function unescaped(text: string): string {
  return text
    .replace(/(?:\\+u00|%)([0-7][0-9A-Fa-f])/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)))
    .replace(/\\+[nrt]/g, '\n')
    .replaceAll('\\', '');
}

/** In the lines of RFC 7468. */
export function printPem(label: string, der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

/** Why a block cannot be used; fits behind an input's name. */
export function refusalOf({ der, isEncrypted, isWhole, label }: Block): string | undefined {
  const what =
    label === '' ? 'a PEM of an unknown kind' : /^[AEORX]/.test(label) ? `an ${label}` : `a ${label}`;
  if (isEncrypted)
    return 'holds an encrypted private key; pass it without passphrase (openssl pkey -in key.pem writes it so)';
  if (label === 'OPENSSH PRIVATE KEY')
    return 'holds an OPENSSH PRIVATE KEY; pass it as PKCS#8 (ssh-keygen -p -m PKCS8 -f writes it so)';
  if (!isWhole) return `holds ${what} that has lost its first or last line; pass all of it`;
  return der === undefined ? `holds ${what} whose base64 is broken` : undefined;
}

/** Why nothing of what is wanted was found. */
export function absenceOf(wanted: string, text: string, blocks: readonly Block[]): string {
  const found = [...new Set(blocks.map(({ label }) => label || 'a PEM of another kind'))];
  if (found.length > 0) return `holds no PEM ${wanted}, but ${found.join(', ')}`;
  const compact = unescaped(text).replace(PADDING, '');
  // What the base64 of -----BEGIN begins with.
  if (compact.startsWith('LS0tLS1CRUdJTi')) return 'is the base64 of a PEM; pass the PEM itself, decoded';
  return /^MI[A-Za-z0-9+/]{40,}={0,2}$/.test(compact)
    ? `holds no PEM ${wanted}: its first and last line are missing`
    : `holds no PEM ${wanted}`;
}
