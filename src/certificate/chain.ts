/** Which certificates belong above another one. */

import type { X509Certificate } from 'node:crypto';

/** A certificate and those above it that have issued each other, as far as they are given; never a root, which nobody needs. */
export function chainOf(leaf: X509Certificate, given: readonly X509Certificate[]): X509Certificate[] {
  const chain = [leaf];
  for (let below = leaf, next = issuerOf(below, given); next; below = next, next = issuerOf(below, given))
    chain.push(next);
  return chain;
}

function issuerOf(below: X509Certificate, given: readonly X509Certificate[]): X509Certificate | undefined {
  if (isRoot(below)) return undefined;
  return given.find((one) => !isRoot(one) && below.checkIssued(one) && below.verify(one.publicKey));
}

export function isRoot(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate);
}
