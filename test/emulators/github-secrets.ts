/** The secrets of the emulated GitHub: three levels, one set of rules. */

import type { Now, Random } from './emulator.ts';
import {
  type Answer,
  type Call,
  DOCS,
  invalid,
  isoSeconds,
  missing,
  NOT_FOUND,
  paged,
  parseBody,
  type Refusal,
  type Route,
} from './github-access.ts';
import { minimalRepository, type Repository } from './github-repository.ts';

export interface KeyPair {
  publicKey: Uint8Array;
  privateKey: Uint8Array;
}

export type Visibility = 'all' | 'private' | 'selected';

export interface Secret {
  value: string;
  /** Whole seconds, `2026-01-01T00:00:00Z`. */
  createdAt: string;
  updatedAt: string;
  visibility?: Visibility;
  selectedRepositoryIds?: number[];
}

export interface SecretTimes {
  updatedAt?: number | string;
  createdAt?: number | string;
  visibility?: Visibility;
  selectedRepositoryIds?: number[];
}

/** What the secrets need of the GitHub around them. */
export interface Host {
  now: Now;
  random: Random;
  nextId(): number;
  repositories(): Iterable<Repository>;
  /** Throws when the box does not open. */
  openSealedBox(sealedBase64: string, keyPair: KeyPair): string;
  /** The key pair of a scope; `generation` counts the rotations. */
  publicKeyFor(scope: string, generation: number): KeyPair;
}

interface Scope {
  /** As the caller wrote it: `repo:owner/name`, `env:owner/name/environment`, `org:name`, `dependabot:owner/name`. */
  name: string;
  key: KeyPair | undefined;
  keyId: string;
  generation: number;
  /** By upper-case name. */
  secrets: Map<string, Secret>;
}

/** "48 KB" (docs/facts.md#github-secret-limits), read as KiB as obelisk/plaid #143 does. */
export const SECRET_LIMIT = 48 * 1024;
/** openapi, actions/create-or-update-repo-secret: encrypted_value.pattern. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{4})$/;
const VISIBILITIES: readonly unknown[] = ['all', 'private', 'selected'];

export const keyOf = (scope: string): string => scope.toLowerCase();

/** Name rules (docs/facts.md#github-secret-limits); the sentences are those of the settings page (firebase action #114, release-action #424). */
function badName(name: string): string | undefined {
  if (!/^[a-z_][a-z0-9_]*$/i.test(name)) {
    return (
      'Secret names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores (_). ' +
      'Spaces are not allowed. Must start with a letter ([a-z], [A-Z]) or underscores (_).'
    );
  }
  return /^github_/i.test(name) ? 'Secret names must not start with GITHUB_.' : undefined;
}

/** Fields of a PUT: docs/facts.md#github-secret-write, rest-api-description #419 and #1688, openapi request bodies. */
function badFields(
  fields: Record<string, unknown>,
  organization: boolean,
  exists: boolean,
): string | undefined {
  const { encrypted_value: value, key_id: keyId } = fields;
  // openapi requires only `visibility` of an organization: an existing secret may keep its value.
  const valueNeeded = !organization || !exists || value !== undefined || keyId !== undefined;
  const needed = [
    ...(valueNeeded ? ['encrypted_value', 'key_id'] : []),
    ...(organization ? ['visibility'] : []),
  ];
  const absent = missing(fields, needed);
  if (absent !== undefined) return absent;
  if (valueNeeded && typeof keyId !== 'string') return `For 'properties/key_id', ${keyId} is not a string.`;
  if (valueNeeded && !BASE64.test(`${value}`))
    return `${value} does not match /${BASE64.source.replaceAll('/', '\\/')}/.`;
  return undefined;
}

/** visibility and selected_repository_ids: openapi, actions/create-or-update-org-secret. */
function badVisibility({
  visibility,
  selected_repository_ids: ids,
}: Record<string, unknown>): string | undefined {
  if (!VISIBILITIES.includes(visibility)) {
    return `For 'properties/visibility', ${visibility} is not a member of ["all", "private", "selected"].`;
  }
  if (ids === undefined) return undefined;
  if (!Array.isArray(ids)) return `For 'properties/selected_repository_ids', ${ids} is not an array.`;
  return visibility === 'selected' ? undefined : 'selected_repository_ids needs the visibility "selected".';
}

/** "1,000 org, 100 repo, 100 environment secrets" (docs/facts.md#github-secret-limits); status and words are unknown. */
const overCount = (scope: Scope, existing: Secret | undefined): string | undefined =>
  existing === undefined && scope.secrets.size >= (isOrganization(scope) ? 1000 : 100)
    ? 'The number of secrets is limited.'
    : undefined;

type SecretHandler = (call: Call, scope: Scope) => Answer | Refusal;

const isOrganization = (scope: Scope): boolean => scope.name.startsWith('org:');

/** Never the value (docs/facts.md#github-secret-record). */
function described(call: Call, name: string, secret: Secret): Record<string, unknown> {
  const { createdAt, updatedAt, visibility } = secret;
  const url = `${call.api}/orgs/${call.params.org}/actions/secrets/${name}/repositories`;
  return {
    name,
    created_at: createdAt,
    updated_at: updatedAt,
    ...(visibility && { visibility }),
    ...(visibility === 'selected' && { selected_repositories_url: url }),
  };
}

const getSecret: SecretHandler = (call, scope) => {
  const name = (call.params.name ?? '').toUpperCase();
  const secret = scope.secrets.get(name);
  return secret === undefined ? NOT_FOUND : { status: 200, body: described(call, name, secret) };
};

const listSecrets: SecretHandler = (call, scope) => {
  const all = [...scope.secrets].sort(([a], [b]) => (a < b ? -1 : 1));
  const { items, headers } = paged(call, all);
  const secrets = items.map(([name, secret]) => described(call, name, secret));
  return { status: 200, body: { total_count: all.length, secrets }, headers };
};

const deleteSecret: SecretHandler = (call, scope) =>
  scope.secrets.delete((call.params.name ?? '').toUpperCase()) ? { status: 204 } : NOT_FOUND;

export class SecretStore {
  readonly #host: Host;
  readonly #scopes = new Map<string, Scope>();

  constructor(host: Host) {
    this.#host = host;
  }

  has(scope: string): boolean {
    return this.#scopes.has(keyOf(scope));
  }

  addScope(name: string): void {
    if (this.#scopes.has(keyOf(name))) return;
    const empty = { key: undefined, keyId: this.#newKeyId(), generation: 0, secrets: new Map() };
    this.#scopes.set(keyOf(name), { name, ...empty });
  }

  #known(scope: string): Scope {
    const found = this.#scopes.get(keyOf(scope));
    if (found === undefined) throw new Error(`the emulated GitHub has no ${scope}`);
    return found;
  }

  /** Default time of both dates: now. */
  seed(scope: string, name: string, value: string, at: SecretTimes = {}): void {
    const updatedAt = isoSeconds(new Date(at.updatedAt ?? this.#host.now()).getTime());
    const createdAt = at.createdAt === undefined ? updatedAt : isoSeconds(new Date(at.createdAt).getTime());
    const organization = scope.startsWith('org:') ? { visibility: at.visibility ?? ('all' as const) } : {};
    const selected = at.selectedRepositoryIds && { selectedRepositoryIds: at.selectedRepositoryIds };
    const secret = { value, createdAt, updatedAt, ...organization, ...selected };
    this.#known(scope).secrets.set(name.toUpperCase(), secret);
  }

  /** What a workflow would read; a copy. */
  read(scope: string, name: string): Secret | undefined {
    const found = this.#known(scope).secrets.get(name.toUpperCase());
    return found && structuredClone(found);
  }

  names(scope: string): string[] {
    return [...this.#known(scope).secrets.keys()].sort();
  }

  /** A new public key: every key_id handed out before is stale. */
  rotateKey(scope: string): void {
    const known = this.#known(scope);
    known.generation += 1;
    known.key = undefined;
    known.keyId = this.#newKeyId();
  }

  /** 18 digits, as in the examples of openapi. */
  #newKeyId(): string {
    return (
      `${Math.floor(this.#host.random() * 1e9)}`.padStart(9, '5') + `${this.#host.nextId()}`.padStart(9, '0')
    );
  }

  routes(environmentSecretsNeed: 'both' | 'environments' = 'environments'): Route[] {
    const environmentNeeds =
      environmentSecretsNeed === 'both' ? ['secrets', 'environments'] : ['environments'];
    return [
      ...this.#levelRoutes('/repos/:owner/:repo/actions/secrets', ['secrets'], 'a-repository'),
      ...this.#levelRoutes(
        '/repos/:owner/:repo/environments/:environment/secrets',
        environmentNeeds,
        'an-environment',
      ),
      // docs/facts.md#github-permissions: endpoints and a permission of their own; what a secret is there is the same.
      ...this.#levelRoutes(
        '/repos/:owner/:repo/dependabot/secrets',
        ['dependabot_secrets'],
        'a-repository',
        'dependabot',
      ),
      ...this.#levelRoutes('/orgs/:org/actions/secrets', ['organization_secrets'], 'an-organization'),
      {
        method: 'GET',
        path: '/repos/:owner/:repo/actions/organization-secrets',
        needs: ['secrets=read'],
        docs: `${DOCS}/actions/secrets#list-repository-organization-secrets`,
        handle: (call) => this.#organizationSecrets(call),
      },
    ];
  }

  #levelRoutes(path: string, needs: readonly string[], kind: string, readBy = 'actions'): Route[] {
    const route = (line: string, docs: string, handler: SecretHandler): Route => {
      const [method = '', rest = ''] = line.split(' ');
      return {
        method: method as Route['method'],
        path: `${path}${rest}`,
        needs: needs.map((need) => `${need}=${method === 'GET' ? 'read' : 'write'}`),
        docs: `${DOCS}/${docs}`,
        handle: (call) => this.#inScope(call, handler, readBy === 'dependabot' ? 'dependabot' : 'repo'),
      };
    };
    const page = `${readBy}/secrets`;
    const routes = [
      route('GET ', `${page}#list-${kind.replace(/^an?-/, '')}-secrets`, listSecrets),
      route('GET /public-key', `${page}#get-${kind}-public-key`, (_, scope) => this.#publicKey(scope)),
      route('GET /:name', `${page}#get-${kind}-secret`, getSecret),
      route('DELETE /:name', `${page}#delete-${kind}-secret`, deleteSecret),
    ];
    const put = `#create-or-update-${kind}-secret`;
    const write: SecretHandler = (call, scope) => this.#put(call, scope);
    if (kind !== 'an-organization') return [...routes, route('PUT /:name', `${page}${put}`, write)];
    const selected = `${page}#list-selected-repositories-for-an-organization-secret`;
    return [
      ...routes,
      // openapi still has the old page for this one.
      route('PUT /:name', `reference/actions${put}`, write),
      route('GET /:name/repositories', selected, (call, scope) => this.#selectedRepositories(call, scope)),
    ];
  }

  /** An environment that is not there is 404 (docs/facts.md#github-not-found). */
  #inScope(call: Call, handler: SecretHandler, level: 'repo' | 'dependabot'): Answer | Refusal {
    const { owner, repo, environment, org } = call.params;
    const repository = `${owner}/${repo}${environment === undefined ? '' : `/${environment}`}`;
    const kind = environment === undefined ? level : 'env';
    const scope = this.#scopes.get(keyOf(org === undefined ? `${kind}:${repository}` : `org:${org}`));
    return scope === undefined ? NOT_FOUND : handler(call, scope);
  }

  /** "Each scope has its own public key" (docs/facts.md#github-secret-write). Made when first asked for: a key pair costs time. */
  #publicKey(scope: Scope): Answer {
    const key = Buffer.from(this.#keyPairOf(scope).publicKey).toString('base64');
    return { status: 200, body: { key_id: scope.keyId, key } };
  }

  #keyPairOf(scope: Scope): KeyPair {
    scope.key ??= this.#host.publicKeyFor(scope.name, scope.generation);
    return scope.key;
  }

  /** 201 creates, 204 updates (docs/facts.md#github-secret-record). Nothing changes unless everything is right. */
  #put(call: Call, scope: Scope): Answer | Refusal {
    const body = parseBody(call.body);
    if (!('fields' in body)) return body;
    const { fields } = body;
    const name = (call.params.name ?? '').toUpperCase();
    const existing = scope.secrets.get(name);
    const organization = isOrganization(scope);
    const bad =
      badFields(fields, organization, existing !== undefined) ??
      (organization ? badVisibility(fields) : undefined);
    if (bad !== undefined) return invalid(bad);
    const problem = badName(name) ?? overCount(scope, existing);
    if (problem !== undefined) return { status: 422, message: problem };
    const opened =
      fields.encrypted_value === undefined ? { value: existing?.value ?? '' } : this.#opened(fields, scope);
    if (!('value' in opened)) return opened;
    const selection = organization ? this.#selection(fields) : {};
    if ('message' in selection) return selection;
    const updatedAt = isoSeconds(call.now);
    const createdAt = existing?.createdAt ?? updatedAt;
    scope.secrets.set(name, { value: opened.value, createdAt, updatedAt, ...selection });
    return existing === undefined ? { status: 201, body: {} } : { status: 204 };
  }

  /** Status and words of the three refusals are unknown on GitHub (docs/facts.md#github-secret-limits); 422 is our choice. */
  #opened(fields: Record<string, unknown>, scope: Scope): { value: string } | Refusal {
    if (fields.key_id !== scope.keyId)
      return { status: 422, message: 'key_id is not the current public key.' };
    let value: string;
    try {
      value = this.#host.openSealedBox(`${fields.encrypted_value}`, this.#keyPairOf(scope));
    } catch {
      return { status: 422, message: 'The encrypted value could not be decrypted.' };
    }
    if (Buffer.byteLength(value) > SECRET_LIMIT) return { status: 422, message: 'Value is too large.' };
    return { value };
  }

  /**
   * Whether an update without selected_repository_ids keeps the list is unknown (docs/facts.md#github-organization-secrets).
   * Here it is emptied, so that an action that forgets to send the list back is caught. An id of no repository of ours: 422, unknown as well.
   */
  #selection(
    fields: Record<string, unknown>,
  ): Pick<Secret, 'visibility' | 'selectedRepositoryIds'> | Refusal {
    const visibility = fields.visibility as Visibility;
    if (visibility !== 'selected') return { visibility };
    // "integer or string" (openapi, actions/create-or-update-org-secret).
    const asked = Array.isArray(fields.selected_repository_ids) ? fields.selected_repository_ids : [];
    const selectedRepositoryIds = asked.map(Number);
    const known = new Set([...this.#host.repositories()].map(({ id }) => id));
    if (!selectedRepositoryIds.every((id) => known.has(id)))
      return { status: 422, message: 'Validation Failed' };
    return { visibility, selectedRepositoryIds };
  }

  /** Those that the repository sees. Here every repository is private. */
  #organizationSecrets(call: Call): Answer {
    const scope = this.#scopes.get(keyOf(`org:${call.params.owner}`));
    const all = [...(scope?.secrets ?? [])].filter(
      ([, { selectedRepositoryIds = [], visibility }]) =>
        visibility !== 'selected' || selectedRepositoryIds.includes(call.repository?.id ?? 0),
    );
    const { items, headers } = paged(call, all);
    const secrets = items.map(([name, { createdAt, updatedAt }]) => ({
      name,
      created_at: createdAt,
      updated_at: updatedAt,
    }));
    return { status: 200, body: { total_count: all.length, secrets }, headers };
  }

  #selectedRepositories(call: Call, scope: Scope): Answer | Refusal {
    const secret = scope.secrets.get((call.params.name ?? '').toUpperCase());
    if (secret === undefined) return NOT_FOUND;
    const ids = new Set(secret.selectedRepositoryIds);
    const all = [...this.#host.repositories()].filter(({ id }) => ids.has(id));
    const { items, headers } = paged(call, all);
    const repositories = items.map((repository) => minimalRepository(call.api, repository));
    return { status: 200, body: { total_count: all.length, repositories }, headers };
  }
}
