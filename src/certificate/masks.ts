/** What the log must never show of a secret, however it was spelt. */

import { parsePrivateKey, pkcs8 } from './inspect.ts';
import { blocksOf, unescaped } from './pem.ts';

/** Shorter texts would hide ordinary ones. */
const SHORTEST_MASK = 8;

/**
 * The texts to hide: the value line by line as it came and as it is read; and what is inside of a PEM, in pieces, joined, and in
 * the lines of RFC 7468. A line BEGIN or END alone is no secret.
 */
export function masksFor(secret: string, shortest = SHORTEST_MASK): string[] {
  const spelt = [secret, unescaped(secret)];
  const lines = spelt.flatMap((text) => text.split(/[\r\n]+/)).map((line) => line.trim());
  const blocks = blocksOf(secret);
  const found = [
    ...lines.filter((line) => !/^-----[^-]*-----$/.test(line)),
    ...blocks.flatMap(({ body }) => [body, ...linesOf(body)]),
    ...spelt.flatMap(piecesOf),
    ...asPkcs8(secret),
  ];
  return [...new Set(found)].filter((text) => text.length >= shortest);
}

/** A key is stored in another form than it may have come in. */
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
/** Line ends and what took their place. */
const SEPARATOR = /(?:\\+[rnt]|\\+u00(?:0[AaDd]|20)|%0[AaDd]|%20|[\s"',])+/;

function piecesOf(text: string): string[] {
  return [...text.matchAll(BODY)].flatMap(([, body = '']) => body.split(SEPARATOR));
}

/** Does a value hold a private key, in an input of whatever name? */
export function holdsPrivateKey(value: string): boolean {
  return /PRIVATE\s*KEY/.test(unescaped(value));
}
