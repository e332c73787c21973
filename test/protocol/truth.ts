/** What is really there, in the tenant and in GitHub: no run can see all of it. */

import { printDestination, printLocation, type SecretLocation } from '../../src/model/secret-location.ts';
import type { ClientRecord } from '../emulators/tenant-model.ts';
import { type Held, isAccepted, readHeld, recordIdentity } from './method.ts';
import type { World } from './world.ts';

/** What one place holds, and whether a job that reads it now can log in. */
export interface Holding extends Held {
  location: string;
  part: SecretLocation['part'];
  works: boolean;
  updatedAt: string;
  value: string;
}

export interface Truth {
  /** What each credential is recognised by, by its id. */
  pool: ReadonlyMap<string, string>;
  associated: readonly string[];
  /** How many of them the fullest client holds: there may be two clients. */
  fullest: number;
  held: readonly Holding[];
  /** What the client authenticates by; undefined: there is no client. */
  method: string | undefined;
  /** Its access tokens are bound to its certificate. */
  bound: boolean;
  /** The client, without what a rotation may change. */
  rest: string;
}

export function readTruth(world: World): Truth {
  const records = world.records();
  const [first] = records;
  const lists = records.map((record) => associatedOf(record, world));
  const associated = lists.flat();
  const pool = new Map(
    records.flatMap(({ credentials }) => credentials.map((one) => [one.id, recordIdentity(one)] as const)),
  );
  const over = new Set(
    records.flatMap(({ credentials }) =>
      credentials
        .filter(({ expires_at }) => expires_at && Date.parse(expires_at) <= world.time)
        .map(({ id }) => id),
    ),
  );
  const working = new Set(associated.filter((id) => !over.has(id)).map((id) => pool.get(id)));
  return {
    pool,
    associated,
    fullest: Math.max(0, ...lists.map(({ length }) => length)),
    held: world.locations.flatMap((location) => holding(location, working, world)),
    method: first && methodOf(first),
    bound: first !== undefined && isBound(first),
    rest: first ? restOf(first, associated, world) : '',
  };
}

function associatedOf({ client }: ClientRecord, { scenario }: World): readonly string[] {
  const [used] = Object.entries(client.client_authentication_methods ?? {});
  return used?.[0] === scenario.method ? (used[1]?.credentials ?? []).map(({ id }) => id) : [];
}

function methodOf({ client }: ClientRecord): string | undefined {
  return Object.keys(client.client_authentication_methods ?? {})[0] ?? client.token_endpoint_auth_method;
}

function isBound({ client }: ClientRecord): boolean {
  const older = client.access_token?.tls_client_certificate_binding;
  return client.require_proof_of_possession === true || older === true;
}

function restOf({ client, credentials }: ClientRecord, associated: readonly string[], world: World): string {
  const {
    access_token: _older,
    client_authentication_methods: _methods,
    require_proof_of_possession: _bound,
    token_endpoint_auth_method: _secret,
    ...rest
  } = client;
  const foreign = credentials.filter(({ id }) => world.foreign.has(id));
  const kept = associated.filter((id) => world.foreign.has(id));
  return JSON.stringify({ foreign, associated: kept.sort(), client: rest });
}

function holding(
  location: SecretLocation,
  working: ReadonlySet<string | undefined>,
  world: World,
): Holding[] {
  const { clientId, github, materials, scenario, tenant } = world;
  const secret = github.secret(printDestination(location.destination), location.secretName);
  if (secret === undefined) return [];
  const held = readHeld(scenario.method, secret.value, materials.all);
  const { updatedAt, value } = secret;
  const isAssociated = held.identity !== undefined && working.has(held.identity);
  // Who manages the tenant must get in itself: the login is asked, not only the record.
  const works = isAssociated && (!scenario.isManager || isAccepted(tenant, clientId, held));
  return [{ ...held, location: printLocation(location), part: location.part, works, updatedAt, value }];
}
