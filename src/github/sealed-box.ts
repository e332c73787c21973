/** Makes a libsodium sealed box, which GitHub requires for secrets. node:crypto does X25519, and noble does XSalsa20-Poly1305 and BLAKE2b.
 *  noble (MIT, audited, maintained) adds 20 KB. libsodium's WebAssembly would add 430 KB that nobody reviews.
 *  In the tests libsodium itself opens these boxes. */

import { createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import { hsalsa, xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { u8, u32 } from '@noble/ciphers/utils.js';
import { blake2b } from '@noble/hashes/blake2.js';

/** "expand 32-byte k", the constant of Salsa20. */
const SIGMA = u32(Uint8Array.from(Buffer.from('expand 32-byte k')));

/**
 * Implements crypto_box_seal, which returns the ephemeral public key followed by the box of the value.
 * @param publicKey base64 of 32 bytes, GitHub's answer
 * @returns base64, 48 bytes longer than the value
 * @throws Error if the key is invalid
 */
export function seal(value: string, publicKey: string): string {
  const recipient = Buffer.from(publicKey, 'base64');
  if (recipient.length !== 32) throw new Error('the public key does not have 32 bytes');
  const ephemeral = generateKeyPairSync('x25519');
  const ephemeralPublic = Buffer.from(`${ephemeral.publicKey.export({ format: 'jwk' }).x}`, 'base64url');
  const shared = diffieHellman({ privateKey: ephemeral.privateKey, publicKey: x25519(recipient) });
  const key = new Uint32Array(8);
  hsalsa(SIGMA, u32(Uint8Array.from(shared)), new Uint32Array(4), key);
  const nonce = blake2b(Buffer.concat([ephemeralPublic, recipient]), { dkLen: 24 });
  const box = xsalsa20poly1305(u8(key), nonce).encrypt(Buffer.from(value));
  return Buffer.concat([ephemeralPublic, box]).toString('base64');
}

function x25519(raw: Buffer) {
  return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'X25519', x: raw.toString('base64url') } });
}
