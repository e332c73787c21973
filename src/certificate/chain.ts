/** Builds the chain above a certificate. A CA that is renewed with its key has several certificates for some time. */

import type { X509Certificate } from 'node:crypto';

/**
 * A certificate and the given certificates above it, without the root, which no verifier needs. Of several certificates of one CA it
 * takes the one that is valid now, and then the one that ends last.
 */
export function chainOf(leaf: X509Certificate, given: readonly X509Certificate[]): X509Certificate[] {
  const chain = [leaf];
  const candidates = latestFirst(given);
  for (let below = leaf; !isRoot(below); below = chain.at(-1) ?? leaf) {
    // Cross-signed CAs can form a cycle.
    const unused = candidates.filter((one) => !chain.some((other) => areTwins(one, other)));
    const above = choice(unused.filter((one) => isAbove(one, below)));
    if (!above || isRoot(above)) break;
    chain.push(above);
  }
  return chain;
}

/** Prefers one that is valid and no root, then a valid root, which ends the chain, and then one that is no root. */
function choice(latest: readonly X509Certificate[]): X509Certificate | undefined {
  const isBelowRoot = (one: X509Certificate) => !isRoot(one);
  const valid = latest.filter(isValidNow);
  return valid.find(isBelowRoot) ?? valid[0] ?? latest.find(isBelowRoot);
}

function isAbove(one: X509Certificate, below: X509Certificate): boolean {
  return below.checkIssued(one) && below.verify(one.publicKey);
}

/** Whether the certificate is signed with its own key, as far as its names tell. */
export function isRoot(certificate: X509Certificate): boolean {
  return certificate.checkIssued(certificate);
}

/** Whether both are of one subject and one key. A certificate is its own twin. */
export function areTwins(one: X509Certificate, other: X509Certificate): boolean {
  return one.subject === other.subject && one.publicKey.equals(other.publicKey);
}

/** Those that are valid now come first, and of these the one that ends last. */
export function latestFirst(given: readonly X509Certificate[]): X509Certificate[] {
  return given.toSorted(
    (a, b) =>
      Number(isValidNow(b)) - Number(isValidNow(a)) || b.validToDate.getTime() - a.validToDate.getTime(),
  );
}

/** The clocks of the CA and of this machine may differ by a minute. */
export function isValidNow({ validFromDate, validToDate }: X509Certificate): boolean {
  const now = Date.now();
  return validFromDate.getTime() <= now + 60_000 && validToDate.getTime() > now;
}
