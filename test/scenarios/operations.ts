/** What the stories of create, enroll and revert share, and those of the other methods: clients, and ways to log in. */

import { createPrivateKey, randomUUID, sign } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import type { ActionOptions, ActionRun } from '../emulators/runner.ts';
import {
  API_AUDIENCE,
  MANAGEMENT_SCOPES,
  REPOSITORY,
  type Sandbox,
  type SandboxOptions,
  startSandbox,
} from '../emulators/sandbox.ts';
import type { ClientSeed } from '../emulators/tenant.ts';
import type { TrafficEvent } from '../emulators/transcript.ts';
import { held, leaks, MINUTE, PROBE, rotate, SCOPE, SECRET } from './support.ts';

export type Inputs = Record<string, string>;

export const LEASE_OVER = 16 * MINUTE;
/** A world whose management client may also make clients. */
export const CREATOR = { managementScopes: [...MANAGEMENT_SCOPES, 'create:clients', 'delete:clients'] };

/** A run of any operation. What it was brought or has delivered is masked, and looked for in all that it shows. */
export async function operate(
  world: Sandbox,
  inputs: Inputs,
  options: ActionOptions = {},
): Promise<ActionRun> {
  const name = inputs['secret-name'] ?? SECRET;
  const run = await rotate(world, { 'current-credential': held(world, SCOPE, name), ...inputs }, options);
  const delivered = [name, inputs['private-key-secret-name'] ?? name].map((one) => held(world, SCOPE, one));
  const keys = [...delivered, inputs['private-key'] ?? ''].map(privateKeyIn);
  expect(leaks(run, keys)).toEqual([]);
  const lines = run.outputs.rotated === 'true' ? privateKeyIn(held(world, SCOPE, name)).split('\n') : [];
  expect(run.masks).toEqual(expect.arrayContaining(lines.slice(1, -1)));
  return run;
}

/** The same, killed in the moment that the condition names. */
export async function killed(
  world: Sandbox,
  inputs: Inputs,
  when: (event: TrafficEvent) => boolean,
): Promise<ActionRun> {
  const run = await operate(world, inputs, {
    killWhen: (event) => (when(event) ? 'SIGKILL' : undefined),
  });
  await world.idle();
  return run;
}

function privateKeyIn(text: string): string {
  return /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----/.exec(text)?.[0] ?? '';
}

/** One world for many stories: each begins in fair weather, and with no secret in GitHub. */
export function sharedWorld(options: SandboxOptions = {}): () => Sandbox {
  let started: Sandbox | undefined;
  const world = () => {
    if (started === undefined) throw new Error('asked for before the first test');
    return started;
  };
  beforeAll(async () => {
    started = await startSandbox(options);
  });
  beforeEach(() => forget(world()));
  afterAll(() => started?.[Symbol.asyncDispose]());
  return world;
}

async function forget(world: Sandbox): Promise<void> {
  world.conditions.fault = undefined;
  const headers = { authorization: `Bearer ${world.githubToken}` };
  for (const name of world.github.secretNames(SCOPE)) {
    const url = `${world.githubUrl}/repos/${REPOSITORY}/actions/secrets/${name}`;
    expect((await world.call(url, { method: 'DELETE', headers })).status).toBe(204);
  }
}

// --- clients ---

type SecretMethod = 'client_secret_post' | 'client_secret_basic' | 'none';

/** A client that logs in by its client secret. */
export function secretClient(
  world: Sandbox,
  method: SecretMethod = 'client_secret_post',
  fields: ClientSeed = {},
): string {
  const { client_id } = world.tenant.createClient({
    name: 'orders',
    app_type: 'non_interactive',
    token_endpoint_auth_method: method,
    grants: { [API_AUDIENCE]: ['read:orders'] },
    ...fields,
  });
  return client_id;
}

/** How it authenticates, and the ids of its credentials. */
export function client(world: Sandbox, clientId: string) {
  const { client: record, credentials } = world.tenant.reveal(clientId);
  const [entry] = Object.entries(record.client_authentication_methods ?? {});
  const [method = record.token_endpoint_auth_method, slot] = entry ?? [];
  const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id).sort();
  return { method, associated: ids(slot?.credentials ?? []), pool: ids(credentials) };
}

/** Its fields but those that say how it authenticates. */
export function otherFields(world: Sandbox, clientId: string): object {
  const fields = world.tenant.reveal(clientId).client;
  const { client_authentication_methods: _, token_endpoint_auth_method: __, ...rest } = fields;
  return rest;
}

export async function clientsNamed(world: Sandbox, name: string): Promise<string[]> {
  const headers = { authorization: `Bearer ${await world.managementToken()}` };
  const { body } = await world.call(`${world.tenantUrl}/api/v2/clients?per_page=100`, { headers });
  const all = body as { client_id: string; name: string }[];
  return all.filter((one) => one.name === name).map((one) => one.client_id);
}

// --- logins: the status of the answer ---

export async function loginBySecret(
  world: Sandbox,
  clientId: string,
  method: SecretMethod = 'client_secret_post',
): Promise<number> {
  const { client_secret } = world.tenant.reveal(clientId).client;
  const body = { grant_type: 'client_credentials', audience: API_AUDIENCE };
  const basic = Buffer.from(`${clientId}:${client_secret}`).toString('base64');
  const options =
    method === 'client_secret_basic'
      ? { body, headers: { authorization: `Basic ${basic}` } }
      : { body: { ...body, client_id: clientId, client_secret } };
  return (await world.call(`${world.tenantUrl}/oauth/token`, options)).status;
}

export async function loginByCertificate(world: Sandbox, clientId: string, pem: string): Promise<number> {
  return (await world.requestToken(clientId, pem)).status;
}

/** As a consumer does it that knows the secret's text and nothing else. */
export async function loginByKey(
  world: Sandbox,
  clientId: string,
  text: string,
  audience = API_AUDIENCE,
): Promise<number> {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: clientId, sub: clientId, aud: `${world.tenantUrl}/`, iat: now, exp: now + 60 };
  const parts = [{ alg: 'RS256' }, { ...claims, jti: randomUUID() }];
  const encoded = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'));
  const signed = encoded.join('.');
  const signature = sign('RSA-SHA256', Buffer.from(signed), createPrivateKey(text)).toString('base64url');
  const body = {
    grant_type: 'client_credentials',
    audience,
    client_id: clientId,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: `${signed}.${signature}`,
  };
  return (await world.call(`${world.tenantUrl}/oauth/token`, { body })).status;
}

// --- what a run did ---

/** Requests that may change something. */
export function effects(world: Sandbox): string[] {
  return world.transcript
    .requests()
    .filter((line) => !/ GET | POST \/oauth\/token$/.test(line) && !line.endsWith(`/${PROBE}`));
}

/** What the error that failed the step says. */
export function told(run: ActionRun): string {
  return run.annotations.findLast(({ level }) => level === 'error')?.message ?? '';
}

export function warnings(run: ActionRun): string {
  return run.annotations
    .filter(({ level }) => level === 'warning')
    .map(({ message }) => message)
    .join('\n');
}

export const patches = ({ method }: EmulatorRequest) => method === 'PATCH';
export const posts = ({ method }: EmulatorRequest) => method === 'POST';
export const puts = ({ method }: EmulatorRequest) => method === 'PUT';
export const deletes = ({ method }: EmulatorRequest) => method === 'DELETE';
