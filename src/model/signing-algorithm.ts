/** The algorithms of private_key_jwt. */

/** The algorithms that Auth0 supports for a public key, in its own names. */
export const SIGNING_ALGORITHMS = ['RS256', 'RS384', 'PS256'] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];
