/** The masks of a secret, whatever form it has. */

import { parsePrivateKey, pkcs8 } from './inspect.ts';
import { blocksOf, unescaped } from './pem.ts';

/** A shorter mask would hide ordinary text. */
const SHORTEST_MASK = 8;

/**
 * The texts to mask. They are each line of the value, escaped and unescaped, and the body of a PEM in three forms: in the pieces of the
 * text, joined, and in the lines of RFC 7468. A BEGIN or END line is not secret.
 * @param shortest characters of the shortest mask
 */
export function masksFor(secret: string, shortest = SHORTEST_MASK): string[] {
  const forms = [secret, unescaped(secret)];
  const lines = forms.flatMap((text) => text.split(/[\r\n]+/)).map((line) => line.trim());
  const blocks = blocksOf(secret);
  const found = [
    ...lines.filter((line) => !/^-----[^-]*-----$/.test(line)),
    ...blocks.flatMap(({ body }) => [body, ...linesOf(body)]),
    ...forms.flatMap(piecesOf),
    ...asPkcs8(secret),
  ];
  return [...new Set(found)].filter((text) => text.length >= shortest);
}

/** The action stores the key as PKCS#8, which may differ from the form of the input. */
function asPkcs8(secret: string): string[] {
  try {
    const [block] = blocksOf(pkcs8(parsePrivateKey(secret)));
    return block ? [block.body, ...linesOf(block.body)] : [];
  } catch {
    return [];
  }
}

function linesOf(body: string): string[] {
  return body.match(/.{1,64}/g) ?? [];
}

const BODY = /-----BEGIN[^-]{1,80}-----([\s\S]*?)(?:-----|$)/g;
/** Line ends, and what replaces them in JSON, URLs and shells. */
const SEPARATOR = /(?:\\+[rnt]|\\+u00(?:0[AaDd]|20)|%0[AaDd]|%20|[\s"',])+/;

function piecesOf(text: string): string[] {
  return [...text.matchAll(BODY)].flatMap(([, body = '']) => body.split(SEPARATOR));
}

/** Whether a value holds a private key. */
export function holdsPrivateKey(value: string): boolean {
  return /PRIVATE\s*KEY/.test(unescaped(value));
}
