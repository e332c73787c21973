/** The algorithms of private_key_jwt. */

/** What Auth0 registers a public key for, verbatim. */
export const SIGNING_ALGORITHMS = ['RS256', 'RS384', 'PS256'] as const;
export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number];
