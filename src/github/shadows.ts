/** Finds secrets that hide a delivered one. An environment's secret hides the repository's, which hides the organization's (docs/facts.md#github-shadowing). */

import { RotationError } from '../errors.ts';
import { type Destination, type Repository, type SecretLocation, shadows } from '../model/secret-location.ts';
import type { SecretStore } from './secret-store.ts';

export interface Shadow {
  hidden: SecretLocation;
  by: Destination;
}

export interface Shadows {
  found: readonly Shadow[];
  /** Repositories that could not be checked, and why. */
  unread: readonly { repository: Repository; error: RotationError }[];
}

/**
 * Finds, in each known repository, the secrets that hide a delivered one.
 * @param home the repository of this run, which is the only one checked for an organization's secret
 * @throws RotationError GITHUB_REQUEST_FAILED
 */
export async function findShadows(
  store: SecretStore,
  locations: readonly SecretLocation[],
  home: Repository | undefined,
): Promise<Shadows> {
  const found: Shadow[] = [];
  const unread: Shadows['unread'][number][] = [];
  for (const repository of repositoriesOf(locations, home)) {
    try {
      for (const by of await candidates(store, repository)) {
        const hideable = locations.filter(({ destination }) => shadows(by, destination));
        const names = hideable.length > 0 ? await store.names(by) : [];
        const hidden = hideable.filter(({ secretName }) => names.includes(secretName));
        found.push(...hidden.map((location) => ({ hidden: location, by })));
      }
    } catch (error) {
      if (!(error instanceof RotationError) || !LACKS_PERMISSION.includes(error.code)) throw error;
      unread.push({ repository, error });
    }
  }
  return { found, unread };
}

const LACKS_PERMISSION: readonly string[] = [
  'GITHUB_FORBIDDEN',
  'GITHUB_UNAUTHORIZED',
  'DESTINATION_NOT_FOUND',
];

/** The known repositories whose jobs read the delivered secrets. */
function repositoriesOf(locations: readonly SecretLocation[], home: Repository | undefined): Repository[] {
  const all = locations.flatMap(({ destination }) => {
    if (destination.kind === 'repo') return [destination];
    return home && shadows(home, destination) ? [home] : [];
  });
  const names = all.map(({ owner, repo }) => `${owner}/${repo}`.toLowerCase());
  return all.filter((_, index) => names.indexOf(`${names[index]}`) === index);
}

async function candidates(store: SecretStore, repository: Repository): Promise<Destination[]> {
  const { owner, repo } = repository;
  const environments = await store.environments(repository);
  return [
    repository,
    ...environments.map((environment) => ({ kind: 'env' as const, owner, repo, environment })),
  ];
}
