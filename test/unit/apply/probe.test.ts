/** Whether destinations accept a write: what each is asked, and which locations a refusal concerns. */

import { expect, it } from 'vitest';
import { probeLocations } from '../../../src/apply/probe.ts';
import { RotationError } from '../../../src/errors.ts';
import { SecretStore } from '../../../src/github/secret-store.ts';
import { secretLocations } from '../../../src/model/desired-state.ts';
import { type Destination, printDestination } from '../../../src/model/secret-location.ts';
import { desired, state } from '../../support/states.ts';

const wanted = desired({
  destinations: ['repo:acme/shop', 'org:acme'],
  privateKeySecretName: 'KEY',
  certificateSecretName: 'CERTIFICATE',
});
const locations = secretLocations(wanted);
const error = new RotationError('GITHUB_FORBIDDEN', { failed: 'Forbidden.', remedy: 'Allow it.' });

/** Only the organization has all its secrets already; the repository has its pair. */
const there = ['repo:acme/shop PEM', 'org:acme PEM', 'org:acme KEY', 'org:acme CERTIFICATE'];
const observed = state(wanted, {
  written: locations.map(({ destination, secretName }) =>
    there.includes(`${printDestination(destination)} ${secretName}`) ? 60 : undefined,
  ),
});

async function probe(refusing: string) {
  const asked: [string, number][] = [];
  const value = async (destination: Destination, added: number) => {
    asked.push([printDestination(destination), added]);
    return printDestination(destination) === refusing ? error : undefined;
  };
  const store = Object.create(SecretStore.prototype, { probe: { value } }) as SecretStore;
  const refusedTrials = await probeLocations(locations, observed, { store });
  return { asked, refusedTrials };
}

it('asks each destination once whether it has room for the secrets that it lacks', async () => {
  const { asked, refusedTrials } = await probe('none');
  expect([asked, refusedTrials]).toEqual([
    [
      ['repo:acme/shop', 2],
      ['org:acme', 0],
    ],
    [],
  ]);
});

it('finds all locations of a destination that refuses, and no other', async () => {
  const { refusedTrials } = await probe('org:acme');
  expect(refusedTrials).toEqual(
    ['PEM', 'KEY', 'CERTIFICATE'].map((name) => ({ location: `org:acme ${name}`, error })),
  );
});

it('finds nothing without a token for GitHub', async () => {
  expect(await probeLocations(locations, observed, { store: undefined })).toEqual([]);
});
