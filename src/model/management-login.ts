/** How the action logs in to the Management API: one of four ways. */

import type { CertifiedPair } from './key-pair.ts';

export type ManagementLogin =
  | { kind: 'token'; token: string }
  | { kind: 'client-secret'; clientId: string; secret: string }
  | { kind: 'private-key-jwt'; clientId: string; privateKey: string }
  | { kind: 'mtls'; clientId: string; pair: CertifiedPair };
