/** The paths of secrets in GitHub's REST API. */

import type { Destination, SecretLocation } from '../model/secret-location.ts';

/** Of the list of a destination's secrets. */
export function secretsPath(destination: Destination): string {
  if (destination.kind === 'org') return `/orgs/${destination.org}/actions/secrets`;
  const repository = `/repos/${destination.owner}/${destination.repo}`;
  if (destination.kind === 'repo') return `${repository}/actions/secrets`;
  if (destination.kind === 'dependabot') return `${repository}/dependabot/secrets`;
  return `${repository}/environments/${encodeURIComponent(destination.environment)}/secrets`;
}

/** Of one secret. */
export function secretPath({
  destination,
  secretName,
}: Pick<SecretLocation, 'destination' | 'secretName'>): string {
  return `${secretsPath(destination)}/${encodeURIComponent(secretName)}`;
}
