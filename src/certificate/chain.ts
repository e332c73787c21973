/** Builds the chain above a certificate. */

import type { X509Certificate } from 'node:crypto';

/** A certificate and the given certificates above it, without the root, which no verifier needs. */
export function chainOf(leaf: X509Certificate, given: readonly X509Certificate[]): X509Certificate[] {
  const chain = [leaf];
  for (let below = leaf; !isRoot(below); below = chain.at(-1) ?? leaf) {
    // Cross-signed CAs can form a cycle.
    const above = given.find((one) => !chain.includes(one) && isAbove(one, below));
    if (!above) break;
    chain.push(above);
  }
  return chain;
}

function isAbove(one: X509Certificate, below: X509Certificate): boolean {
  return !isRoot(one) && below.checkIssued(one) && below.verify(one.publicKey);
}

export function isRoot(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate);
}
