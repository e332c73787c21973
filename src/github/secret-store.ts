/** Writes GitHub's secrets, and reads their metadata and public keys (docs/facts.md#github-secret-record). */

import { asRotationError, RotationError } from '../errors.ts';
import type { ServerClock } from '../http/server-clock.ts';
import { NetworkError } from '../http/wire.ts';
import { isObject, stringOf, timeOf } from '../model/json.ts';
import type { OuterSecret, SecretTimes } from '../model/observed-state.ts';
import {
  type Destination,
  PROBE_NAME,
  printDestination,
  printLocation,
  type Repository,
  type SecretLocation,
} from '../model/secret-location.ts';
import type { Answer } from './answer.ts';
import type { GitHubApi } from './api.ts';
import { full, isNotShown, notFound, refused, unexpected, vanished } from './refusals.ts';
import { seal } from './sealed-box.ts';
import { secretPath, secretsPath } from './secret-path.ts';

interface PublicKey {
  key_id: string;
  key: string;
  /** GitHub refused the token at first, so it may have refused earlier requests for the same reason. */
  wasRefusedAtFirst: boolean;
}

/** What the runs of one process have found out about destinations, by printed destination. */
export interface KnownDestinations {
  keys: Map<string, Promise<PublicKey>>;
  /** Why a destination refuses writes. undefined: it accepted one. */
  writes: Map<string, Promise<RotationError | undefined>>;
}

/** The result of a write. */
export type StoreResult =
  /**
   * `at` is the time by GitHub's clock. `mayLandAgain` says that an attempt got no answer, so the same value may land once more, up to
   * LONGEST_FLIGHT later.
   */
  | { outcome: 'stored'; at: number; mayLandAgain: boolean }
  | { outcome: 'refused' | 'in doubt'; error: RotationError };

/** Name and text of the secret that proves a permission. */
const PROBE_TEXT = 'The Auth0 mTLS rotation action writes this text to prove that it may write here.';

export class SecretStore {
  readonly api: GitHubApi;
  readonly #keys: KnownDestinations['keys'];
  readonly #writes: KnownDestinations['writes'];
  /** Locations whose secret this run has seen. */
  readonly #seen = new Set<string>();

  /** @param known facts that other clients' runs have found */
  constructor(api: GitHubApi, known: KnownDestinations = { keys: new Map(), writes: new Map() }) {
    this.api = api;
    this.#keys = known.keys;
    this.#writes = known.writes;
  }

  /** GitHub's clock, relative to the local one. */
  get clock(): ServerClock {
    return this.api.clock;
  }

  /** When the secret was created and last written, by GitHub's clock. @throws RotationError GITHUB_…, DESTINATION_NOT_FOUND */
  async times(location: SecretLocation): Promise<SecretTimes | 'missing'> {
    const path = secretPath(location);
    const read = () => this.#get(path, location.destination);
    let answer = await (this.api.tokenMayBeNew ? this.api.whileTokenIsNew(read, isMissing) : read());
    if (answer.status === 404) {
      // GitHub gives the same answer for a repository that the token cannot see. A read of its public key distinguishes the two (docs/facts.md#github-not-found).
      const { wasRefusedAtFirst } = await this.publicKey(location.destination);
      if (wasRefusedAtFirst) answer = await read();
      if (answer.status === 404) return 'missing';
    }
    const createdAt = timeOf(answer.data, 'created_at');
    const updatedAt = timeOf(answer.data, 'updated_at');
    if (Number.isNaN(createdAt) || Number.isNaN(updatedAt))
      throw unexpected(location.destination, answer.status);
    this.#seen.add(printLocation(location));
    return { createdAt, updatedAt };
  }

  /**
   * The public key of a destination, read once. The read proves that the destination exists and may be read.
   * @throws RotationError GITHUB_…, DESTINATION_NOT_FOUND
   */
  publicKey(destination: Destination): Promise<PublicKey> {
    const name = printDestination(destination);
    const known = this.#keys.get(name) ?? this.#readPublicKey(destination);
    this.#keys.set(name, known);
    // A failed read is not kept, so that another client tries again.
    known.catch(() => this.#keys.delete(name));
    return known;
  }

  /** Seals and stores a value. Never throws, since the caller decides by the result. */
  async store(location: SecretLocation, value: string): Promise<StoreResult> {
    const attempts = { sent: false, uncertain: false };
    try {
      const answer = await this.#sealAndPut(location, value, attempts);
      if (answer.status === 201 || answer.status === 204)
        return { outcome: 'stored', at: this.api.now(), mayLandAgain: attempts.uncertain };
      const outcome = isClear(answer) && !attempts.uncertain ? 'refused' : 'in doubt';
      return { outcome, error: await this.#whyRefused(location, answer) };
    } catch (thrown) {
      const error = asRotationError(thrown);
      const neverSent =
        !attempts.sent || (error.cause instanceof NetworkError && error.cause.landed === 'no');
      return { outcome: neverSent && !attempts.uncertain ? 'refused' : 'in doubt', error };
    }
  }

  /**
   * Counts the secrets, writes a harmless one and deletes it again.
   * @param added how many new secrets the run would add
   * @returns why the destination refuses writes. undefined: it accepts them.
   * @throws RotationError GITHUB_…, DESTINATION_NOT_FOUND, CANCELLED if that remains unknown
   */
  async probe(destination: Destination, added: number): Promise<RotationError | undefined> {
    const total = await this.#count(destination);
    const most = mostSecrets(destination);
    if (added > 0 && total + added > most) return full(destination, { total, added, most });
    // A full destination has no room for the probe, but its existing secrets can be written.
    if (total >= most) return undefined;
    const name = printDestination(destination);
    const known = this.#writes.get(name) ?? this.#tryWrite(destination);
    this.#writes.set(name, known);
    known.catch(() => this.#writes.delete(name));
    return known;
  }

  /**
   * Reads what a write of an organization's secret must name again, so that it does not fail only after a removal.
   * @throws RotationError GITHUB_…, DESTINATION_NOT_FOUND
   */
  async checkVisibility(location: SecretLocation): Promise<void> {
    if (location.destination.kind === 'org') await this.#visibility(secretPath(location), location);
  }

  /** Counts after the refusal of a new secret, since GitHub's answer does not say whether it had room (docs/facts.md#github-secret-limits). */
  async #whyRefused(location: SecretLocation, answer: Answer): Promise<RotationError> {
    const { destination, secretName } = location;
    const error = refused(destination, answer, `store ${secretName}`);
    const mayBeFull = error.code === 'GITHUB_REQUEST_FAILED' && isClear(answer) && !answer.rateLimit;
    if (!mayBeFull || this.#seen.has(printLocation(location))) return error;
    const total = await this.#count(destination).catch(() => 0);
    const most = mostSecrets(destination);
    return total < most ? error : full(destination, { total, added: 1, most });
  }

  async #count(destination: Destination): Promise<number> {
    const read = () => this.#get(`${secretsPath(destination)}?per_page=1`, destination);
    const { data, status } = await this.api.whileTokenIsNew(read, isMissing);
    if (status === 404) throw notFound(destination);
    const total = isObject(data) ? data.total_count : undefined;
    if (typeof total !== 'number') throw unexpected(destination, status);
    return total;
  }

  async #tryWrite(destination: Destination): Promise<RotationError | undefined> {
    const location = { destination, secretName: PROBE_NAME, part: 'pair' as const };
    const result = await this.store(location, PROBE_TEXT);
    if (result.outcome === 'in doubt') throw result.error;
    if (result.outcome === 'refused') {
      // Nothing reached GitHub, so it has refused nothing.
      if (result.error.cause instanceof NetworkError) throw result.error;
      return result.error;
    }
    // If the deletion fails, the secret is harmless and the next probe reuses it.
    await this.api.request('DELETE', secretPath(location)).catch(() => undefined);
    return undefined;
  }

  async #sealAndPut(location: SecretLocation, value: string, attempts: Attempts): Promise<Answer> {
    const { destination } = location;
    const path = secretPath(location);
    const visibility = destination.kind === 'org' ? await this.#visibility(path, location) : {};
    const put = async () => {
      const { key, key_id } = await this.publicKey(destination);
      const body = { encrypted_value: seal(value, key), key_id, ...visibility };
      attempts.sent = true;
      return this.api.request('PUT', path, body, () => {
        // guard: a secret whose write is in doubt is not undone
        attempts.uncertain = true;
      });
    };
    const answer = await put();
    if (answer.status !== 422) return answer;
    // Only an earlier attempt without an answer can have stored anything.
    attempts.sent = false;
    // GitHub may have replaced the key since it was read.
    this.#keys.delete(printDestination(destination));
    return put();
  }

  /**
   * An update of an organization's secret must name its visibility again, or it would change who sees it
   * (docs/facts.md#github-organization-secrets).
   */
  async #visibility(path: string, location: SecretLocation): Promise<object> {
    const { destination, secretName } = location;
    const answer = await this.#get(path, destination);
    // As a new secret it would be seen by other repositories than before.
    if (answer.status === 404 && this.#seen.has(printLocation(location))) throw vanished(location);
    // No repository sees the probe of an organization.
    if (answer.status === 404)
      return secretName === PROBE_NAME
        ? { visibility: 'selected', selected_repository_ids: [] }
        : { visibility: 'private' };
    const visibility = stringOf(answer.data, 'visibility');
    if (visibility === undefined) throw unexpected(destination, answer.status);
    if (visibility !== 'selected') return { visibility };
    return { visibility, selected_repository_ids: await this.#selectedRepositories(path, destination) };
  }

  async #selectedRepositories(path: string, destination: Destination): Promise<number[]> {
    const list = await this.api.listAll(`${path}/repositories`, 'repositories', destination);
    const ids = list.map((one) => (isObject(one) ? one.id : undefined));
    if (!ids.every((id) => typeof id === 'number')) throw unexpected(destination, 200);
    return ids;
  }

  /**
   * Whether the token sees the repository, and the new `owner/name` of one that was renamed.
   * @throws RotationError GITHUB_REQUEST_FAILED
   */
  async repository({
    owner,
    repo,
  }: Exclude<Destination, { kind: 'org' }>): Promise<{ isShown: boolean; renamedTo: string | undefined }> {
    const { renamedTo, status } = await this.api.request('GET', `/repos/${owner}/${repo}`);
    return { isShown: status === 200, renamedTo: renamedTo || undefined };
  }

  /**
   * The secret of the same name that jobs read while the one at this location is missing: the repository's, or its organization's.
   * @throws RotationError GITHUB_…
   */
  async outerSecretOf({ destination, ...rest }: SecretLocation): Promise<OuterSecret> {
    if (destination.kind !== 'repo' && destination.kind !== 'env') return 'none';
    const { owner, repo } = destination;
    const repository = { kind: 'repo', owner, repo } as const;
    const organization = { kind: 'org', org: owner } as const;
    if (destination.kind === 'env') {
      const inRepository = { ...rest, destination: repository };
      const times = await this.times(inRepository).catch(onlyNotShown);
      if (times instanceof RotationError) return { notShown: [repository, organization] };
      if (times !== 'missing') return inRepository;
    }
    const path = `/repos/${owner}/${repo}/actions/organization-secrets`;
    const list = await this.api.listAll(path, 'secrets', repository).catch(onlyNotShown);
    if (list instanceof RotationError)
      // The repository was just read, so one that is not found belongs to a person, and there is no organization.
      return list.code === 'DESTINATION_NOT_FOUND' ? 'none' : { notShown: [organization] };
    const name = rest.secretName.toUpperCase();
    const isThere = list.some((one) => stringOf(one, 'name')?.toUpperCase() === name);
    return isThere ? { ...rest, destination: organization } : 'none';
  }

  /** Names of the secrets of a repository or an environment. @throws RotationError GITHUB_…, DESTINATION_NOT_FOUND */
  async names(destination: Destination): Promise<string[]> {
    const list = await this.api.listAll(secretsPath(destination), 'secrets', destination);
    return list.map((one) => stringOf(one, 'name') ?? '');
  }

  /** Names of the repository's environments. @throws RotationError GITHUB_…, DESTINATION_NOT_FOUND */
  async environments(repository: Repository): Promise<string[]> {
    const path = `/repos/${repository.owner}/${repository.repo}/environments`;
    const list = await this.api.listAll(path, 'environments', repository, 'list the environments');
    return list.map((one) => stringOf(one, 'name') ?? '');
  }

  async #readPublicKey(destination: Destination): Promise<PublicKey> {
    let reads = 0;
    const read = () => {
      reads += 1;
      return this.#get(`${secretsPath(destination)}/public-key`, destination);
    };
    const answer = await this.api.whileTokenIsNew(read, isMissing);
    if (answer.status === 404) throw notFound(destination);
    const key_id = stringOf(answer.data, 'key_id');
    const key = stringOf(answer.data, 'key');
    if (key_id === undefined || key === undefined || !canSealFor(key))
      throw unexpected(destination, answer.status);
    return { key_id, key, wasRefusedAtFirst: reads > 1 };
  }

  /** Reads. Returns an answer with status 200 or 404. @throws RotationError GITHUB_…, DESTINATION_NOT_FOUND for any other */
  async #get(path: string, destination: Destination, what = 'show the secrets'): Promise<Answer> {
    const answer = await this.api.request('GET', path);
    if (answer.status === 200 || answer.status === 404) return answer;
    throw refused(destination, answer, what);
  }
}

/** @returns the error of a place that is not shown. Throws any other. */
function onlyNotShown(error: unknown): RotationError {
  if (isNotShown(error)) return error;
  throw error;
}

interface Attempts {
  sent: boolean;
  /** An attempt got no answer. */
  uncertain: boolean;
}

/** Whether GitHub itself refused the write, so that nothing was stored. With any other error page the write may have gone through. */
function isClear({ data, status }: Answer): boolean {
  return status >= 300 && status < 500 && status !== 408 && stringOf(data, 'message') !== undefined;
}

function isMissing({ status }: Answer): boolean {
  return status === 404;
}

/** Whether a value can be sealed for the key. It is checked when the key is read, before anything is created. */
function canSealFor(key: string): boolean {
  try {
    return seal('', key) !== '';
  } catch {
    return false;
  }
}

function mostSecrets({ kind }: Destination): number {
  return kind === 'org' ? 1_000 : 100;
}
