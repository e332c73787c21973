/** What the runs of a scenario are asked for, as the action's inputs would be read. */

import type { DesiredState } from '../../src/model/desired-state.ts';
import { SUBJECT } from './materials.ts';
import { DESTINATIONS, type Scenario } from './scenarios.ts';

export const DOMAIN = 'tenant.test';
export const MTLS = 'mtls.tenant.test';
export const MANAGEMENT_AUDIENCE = `https://${DOMAIN}/api/v2/`;

export function desiredOf(scenario: Scenario, clientId: string): DesiredState {
  const { binding, force, isManager, method, operation, overlap, parts, propagation, renews, revoke, start } =
    scenario;
  const [primary, ...others] = DESTINATIONS;
  const same = start.holds.find((label) => label !== undefined) ?? start.credentials[0]?.label;
  const subject = renews && same ? `CN=${same}` : 'CN=next';
  return {
    operation,
    clientId,
    clientName: operation === 'create' ? 'created' : undefined,
    method,
    subject: method === 'tls_client_auth' ? subject : SUBJECT,
    keySize: 2048,
    brought: undefined,
    isManager,
    validityDays: 90,
    renewBeforeDays: 30,
    force,
    scheduled: false,
    revoke,
    overlap,
    quietWindow: undefined,
    secretName: 'AUTH0_MTLS_PEM',
    privateKeySecretName: parts ? 'AUTH0_KEY' : undefined,
    certificateSecretName: parts ? 'AUTH0_CERTIFICATE' : undefined,
    pkcs12SecretName: undefined,
    destinations: [primary, ...others.slice(0, start.holds.length - 1)],
    currentKey: undefined,
    verify: 'auto',
    verifyAudience: isManager ? MANAGEMENT_AUDIENCE : undefined,
    tokenBinding: binding,
    revertTo: 'client_secret_post',
    keepCredentials: new Set(),
    removableCredentials: new Set(),
    movedFrom: [],
    propagationTime: propagation,
    signingAlgorithm: undefined,
    given: new Set(['subject', 'key-size']),
    run: '0.1',
  };
}
