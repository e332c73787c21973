/** Reads the DER of a certificate, for what node:crypto does not show (X.690, RFC 5280). */

export interface Element {
  tag: number;
  content: Buffer;
  /** Tag, length and content. */
  whole: Buffer;
}

/** The elements that follow each other in these bytes. */
export function elements(der: Buffer): Element[] {
  const found: Element[] = [];
  for (let at = 0; at < der.length; ) {
    const first = der[at + 1] ?? 0;
    const sizeBytes = first < 0x80 ? 0 : first & 0x7f;
    const begin = at + 2 + sizeBytes;
    const end = begin + (sizeBytes === 0 ? first : der.readUIntBE(at + 2, sizeBytes));
    found.push({ tag: der[at] ?? 0, content: der.subarray(begin, end), whole: der.subarray(at, end) });
    at = end;
  }
  return found;
}

const VERSION = 0xa0;
const EXTENSIONS = 0xa3;

/** The subject and the extensions of a certificate. RFC 5280 4.1: [version] serial, signature, issuer, validity, subject, key, …, [3] extensions. */
export function fieldsOf(certificate: Buffer): { subject: Element | undefined; extensions: Element[] } {
  const [whole] = elements(certificate);
  const [toBeSigned] = whole ? elements(whole.content) : [];
  const fields = toBeSigned ? elements(toBeSigned.content) : [];
  return {
    subject: fields[fields[0]?.tag === VERSION ? 5 : 4],
    extensions: fields
      .filter(({ tag }) => tag === EXTENSIONS)
      .flatMap(({ content }) => elements(content))
      .flatMap(({ content }) => elements(content)),
  };
}
