/** libsodium itself opens what we seal. */

import fc from 'fast-check';
import sodium from 'libsodium-wrappers';
import { expect, it } from 'vitest';
import { seal } from '../../../src/github/sealed-box.ts';
import { runs } from '../../support/properties.ts';

await sodium.ready;

it('opens to the value, for every key and length', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 2_000 }), (value) => {
      const { publicKey, privateKey } = sodium.crypto_box_keypair();
      const box = Buffer.from(seal(value, Buffer.from(publicKey).toString('base64')), 'base64');
      expect(box.length).toBe(Buffer.byteLength(value) + sodium.crypto_box_SEALBYTES);
      expect(sodium.to_string(sodium.crypto_box_seal_open(box, publicKey, privateKey))).toBe(
        Buffer.from(value).toString(),
      );
    }),
    { numRuns: runs(60) },
  );
});

it('opens at the size limit of GitHub', () => {
  const { publicKey, privateKey } = sodium.crypto_box_keypair();
  const value = 'ü'.repeat(24 * 1024);
  const box = Buffer.from(seal(value, Buffer.from(publicKey).toString('base64')), 'base64');
  expect(sodium.to_string(sodium.crypto_box_seal_open(box, publicKey, privateKey))).toBe(value);
});

it('is another box every time', () => {
  const key = Buffer.from(sodium.crypto_box_keypair().publicKey).toString('base64');
  expect(seal('value', key)).not.toBe(seal('value', key));
});

it('needs a key of 32 bytes that is a point', () => {
  expect(() => seal('value', Buffer.alloc(31, 1).toString('base64'))).toThrow();
  expect(() => seal('value', Buffer.alloc(32).toString('base64'))).toThrow();
});
