/** Which certificates belong above another one. */

import type { X509Certificate } from 'node:crypto';

/** A certificate and those above it that have issued each other, as far as they are given; never a root, which nobody needs. */
export function chainOf(leaf: X509Certificate, given: readonly X509Certificate[]): X509Certificate[] {
  const chain = [leaf];
  for (let below = leaf; !isRoot(below); below = chain.at(-1) ?? leaf) {
    // Bridges between CAs go round in a circle.
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
