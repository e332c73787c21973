/** What the rows of the field report share: worlds as people leave them, and how what a run said is read. */

import type { ActionRun } from '../emulators/runner.ts';
import type { Sandbox } from '../emulators/sandbox.ts';
import type { Fault } from '../emulators/serve.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { DAY, json, rotate, SCOPE, SECRET } from './support.ts';

export const OURS = 'auth0-mtls-rotation repo:acme/shop#AUTH0_MTLS_PEM run 1.1';

export interface Made {
  id: string;
  /** Key and certificate, as a secret holds them. */
  pem: string;
}

/** A certificate that was made `days` ago, by whatever its name says. */
export function make(
  world: Sandbox,
  name: string | undefined,
  days: number,
  { associate = true, validDays = 90, clientId = world.clientId } = {},
): Made {
  const { key, cert } = selfSignedCertificate('shop', validDays);
  const id = world.tenant.seedCredential(clientId, {
    credential_type: 'x509_cert',
    pem: cert,
    associate,
    created_at: new Date(world.tenantNow() - days * DAY).toISOString(),
    ...(name === undefined ? {} : { name }),
  });
  return { id, pem: `${key.trimEnd()}\n${cert.trimEnd()}\n` };
}

/** A client by certificate that has none yet. */
export function emptyClient(world: Sandbox): string {
  return world.addServiceClient({ credentials: [] }).clientId;
}

/** Rotated once, ten days ago, and delivered to these places. @returns the client */
export function rotated(world: Sandbox, scopes: readonly string[] = [SCOPE]): string {
  const clientId = emptyClient(world);
  const { pem } = make(world, OURS, 10, { clientId });
  for (const scope of scopes) write(world, pem, 9.9999, scope);
  return clientId;
}

/** Does this pair get a token for this client? */
export async function admits(world: Sandbox, clientId: string, pem: string): Promise<boolean> {
  return (await world.requestToken(clientId, pem)).status === 200;
}

/** A secret that was written `days` ago. */
export function write(world: Sandbox, pem: string, days: number, scope = SCOPE, name = SECRET): void {
  const at = world.githubNow() - days * DAY;
  world.github.seedSecret(scope, name, pem, { createdAt: at, updatedAt: at });
}

/** A run that waits for nothing. */
export const run = (world: Sandbox, inputs: Record<string, string> = {}): Promise<ActionRun> =>
  rotate(world, { 'propagation-time': '0s', ...inputs });

/** The error as the log shows it. */
export function said({ annotations }: ActionRun): string {
  return annotations
    .filter(({ level }) => level === 'error')
    .map(({ message }) => message)
    .join('\n');
}

/** Reads are answered as ever, writes are not ("Repository was archived so is read-only."). */
export function archived(path: string): Sandbox['conditions']['fault'] {
  return (service, request) =>
    service === 'github' && request.method !== 'GET' && request.path.includes(path) ? READ_ONLY : undefined;
}

const READ_ONLY: Fault = json(403, { message: 'Repository was archived so is read-only.' });
