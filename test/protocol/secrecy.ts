/** Invariant I6: a private key appears nowhere but in the sealed box. */

import type { HttpRequest } from '../../src/http/wire.ts';
import type { World } from './world.ts';

/** The label of the key that a request shows, outside of the TLS handshake. */
export function leaked(world: World, { url, headers, body }: HttpRequest): string | undefined {
  return leakedIn(world, [url, ...Object.values(headers), body ?? '']);
}

export function leakedIn(world: World, texts: readonly string[]): string | undefined {
  const all = texts.join('\n');
  const plain = all.includes('%') ? `${all}\n${decoded(all)}` : all;
  return world.materials.all.find(({ secretLine }) => plain.includes(secretLine))?.label;
}

function decoded(text: string): string {
  return text.replaceAll('+', '%2B').replace(/%[0-9A-F]{2}/gi, (code) => {
    return String.fromCharCode(Number.parseInt(code.slice(1), 16));
  });
}
