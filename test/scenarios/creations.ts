import type { EmulatorRequest } from '../emulators/emulator.ts';
import type { ActionOptions } from '../emulators/runner.ts';
import { API_AUDIENCE, type Sandbox } from '../emulators/sandbox.ts';
import { clientsNamed, type Inputs, operate } from './operations.ts';
import { SECRET } from './support.ts';

export const CREATE = { operation: 'create', 'client-id': '', 'client-name': 'orders' };
export const create = (world: Sandbox, inputs: Inputs = {}, options: ActionOptions = {}) =>
  operate(world, { ...CREATE, ...inputs }, options);

export const postsClient = ({ method, path }: EmulatorRequest) =>
  method === 'POST' && path === '/api/v2/clients';
export const isDelivery = ({ method, path }: EmulatorRequest) => method === 'PUT' && path.endsWith(SECRET);
export const POST = 'auth0 POST /api/v2/clients';
export const PUT = 'github PUT /repos/acme/shop/actions/secrets/AUTH0_MTLS_PEM';

export async function deleteClients(world: Sandbox): Promise<void> {
  const headers = { authorization: `Bearer ${await world.managementToken()}` };
  for (const id of await clientsNamed(world, 'orders'))
    await world.call(`${world.tenantUrl}/api/v2/clients/${id}`, { method: 'DELETE', headers });
}

/** Somebody lets the client use the API: the emulator knows no grants, so the same client is made once more. */
export function grant(world: Sandbox, clientId: string): void {
  const { client: record, credentials } = world.tenant.reveal(clientId);
  const { client_authentication_methods, ...fields } = record;
  const [method = ''] = Object.keys(client_authentication_methods ?? {});
  const empty = { client_authentication_methods: { [method]: { credentials: [] } } };
  world.tenant.createClient({ ...fields, ...empty, grants: { [API_AUDIENCE]: ['read:orders'] } });
  for (const { name = '', pem = '', credential_type, created_at } of credentials)
    world.tenant.seedCredential(clientId, { name, pem, credential_type, created_at, associate: true });
}
