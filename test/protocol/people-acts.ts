/** What people do beside the action, and the states that they leave. */

import { type Destination, printDestination, type SecretLocation } from '../../src/model/secret-location.ts';
import type { Household } from './household.ts';
import { pairOf } from './people-workflow.ts';
import { DESTINATIONS } from './scenarios.ts';
import { HOUR, hand, ours, type SeededCredential, STARTS, type Start } from './starts.ts';

const DAY = 24 * HOUR;

export interface Act {
  name: string;
  /** Also while a run is at work. */
  anytime: boolean;
  applies: (household: Household) => boolean;
  does: (household: Household) => void;
}

// --- states ---

const OLD = 'repo:acme/old#AUTH0_MTLS_PEM';
const former = (label: string, age: number, owner = OLD): SeededCredential => ({
  ...ours(label, age),
  owner,
});

/** Beside those of starts.ts, what people leave. */
export const LEFT_BY_PEOPLE: readonly Start[] = [
  { name: 'hand-made, young, in the secret', credentials: [hand('H3', 2 * DAY)], holds: ['H3'] },
  {
    name: 'two hand-made, none in the secret',
    credentials: [hand('H1', 40 * DAY), hand('H2', 20 * DAY)],
    holds: [undefined],
  },
  {
    name: 'two hand-made, the older in the secret',
    credentials: [hand('H1', 40 * DAY), hand('H2', 20 * DAY)],
    holds: ['H1'],
  },
  {
    name: 'two hand-made, two places',
    credentials: [hand('H1', 40 * DAY), hand('H2', 20 * DAY)],
    holds: ['H2', 'H2'],
  },
  {
    name: 'hand-made, and one expired',
    credentials: [hand('X1', 91 * DAY), hand('H2', 20 * DAY)],
    holds: ['H2'],
  },
  {
    name: 'hand-made, and one expired, no secret',
    credentials: [hand('X1', 91 * DAY), hand('H2', 20 * DAY)],
    holds: [undefined],
  },
  { name: 'two expired', credentials: [hand('Y1', 95 * DAY), hand('X1', 91 * DAY)], holds: [undefined] },
  {
    name: 'two expired, one in the secret',
    credentials: [hand('Y1', 95 * DAY), hand('X1', 91 * DAY)],
    holds: ['X1'],
  },
  {
    name: 'hand-made newer than ours',
    credentials: [ours('C1', 10 * DAY), hand('H3', 2 * DAY)],
    holds: ['C1'],
  },
  {
    name: 'hand-made newer than ours, two places',
    credentials: [ours('C1', 10 * DAY), hand('H3', 2 * DAY)],
    holds: ['C1', 'C1'],
  },
  {
    name: 'hand-made older than ours, new destination',
    credentials: [hand('H1', 40 * DAY), ours('C1', 10 * DAY)],
    holds: ['C1', undefined],
  },
  {
    name: 'hand-made older than ours, due',
    credentials: [hand('H1', 85 * DAY), ours('D1', 80 * DAY)],
    holds: ['D1'],
  },
  { name: 'renamed', credentials: [former('P1', 35 * DAY), former('C1', 10 * DAY)], holds: ['C1'] },
  { name: 'renamed, due', credentials: [former('P1', 85 * DAY), former('D1', 80 * DAY)], holds: ['D1'] },
  {
    name: 'renamed, two places',
    credentials: [former('P1', 35 * DAY), former('C1', 10 * DAY)],
    holds: ['C1', 'C1'],
  },
  {
    name: 'reordered',
    credentials: [
      former('P1', 35 * DAY, 'env:acme/other/production#AUTH0_MTLS_PEM'),
      former('C1', 10 * DAY, 'env:acme/other/production#AUTH0_MTLS_PEM'),
    ],
    holds: ['C1', 'C1'],
  },
  {
    name: 'another secret-name before',
    credentials: [
      former('P1', 35 * DAY, 'repo:acme/shop#OLD_PEM'),
      former('C1', 10 * DAY, 'repo:acme/shop#OLD_PEM'),
    ],
    holds: ['C1'],
  },
  {
    name: 'settled, rotated minutes ago',
    credentials: [ours('P1', 35 * DAY), ours('C1', 5 * 60_000)],
    holds: ['C1', 'C1'],
  },
  {
    name: 'secondary rolled back',
    credentials: [ours('P1', 35 * DAY), ours('C1', 10 * DAY)],
    holds: ['C1', 'P1', 'C1'],
  },
];

/** Every state in which a person may meet the client. */
export const MET: readonly Start[] = [
  ...STARTS.filter(({ name }) => !/young|close/.test(name)),
  ...LEFT_BY_PEOPLE,
];

// --- acts ---

function primary({ workflow }: Household): SecretLocation {
  const [first] = workflow.places;
  if (first === undefined) throw new Error('a workflow needs a destination');
  return first;
}

function holderOf(household: Household, place: SecretLocation | undefined) {
  const scope = place && printDestination(place.destination);
  return scope === undefined ? undefined : household.world.github.secret(scope, place?.secretName ?? '');
}

/** Somebody saves a secret. */
function save(household: Household, place: SecretLocation | undefined, value: string): void {
  const { world } = household;
  if (place === undefined) return;
  const scope = printDestination(place.destination);
  const createdAt = holderOf(household, place)?.createdAt;
  const now = world.time - 1_400;
  world.github.seedSecret(scope, place.secretName, value, {
    updatedAt: now,
    createdAt: createdAt === undefined ? now : Date.parse(createdAt),
  });
}

/** What the primary holds, whatever that is. */
export function savePrimaryAgain(household: Household): void {
  save(household, primary(household), holderOf(household, primary(household))?.value ?? '');
}

function pem(household: Household, label: string): string {
  const { certificate = '', privateKey } = pairOf(
    household.world.materials.seeds.get(label)?.certified,
    label,
  );
  return privateKey + certificate;
}

const inPool = ({ world }: Household, label: string) =>
  [...world.labels].find(([, one]) => one === label)?.[0];
const hasPrimary = (household: Household) => holderOf(household, primary(household)) !== undefined;
const second = ({ workflow }: Household) => workflow.places[1];
const always = () => true;

function associate(household: Household, ids: readonly string[]): void {
  const { world } = household;
  const list = ids.map((id) => ({ id }));
  world.admin({ client_authentication_methods: { [world.scenario.method]: { credentials: list } } });
}

function takeOut(household: Household, id: string): void {
  associate(
    household,
    household.world.truth().associated.filter((one) => one !== id),
  );
}

/** Id of what a place holds, where it is associated; or of another that is. */
function associatedId(household: Household, which: 'held' | 'other'): string | undefined {
  const { associated, held, pool } = household.world.truth();
  const first = held[0]?.identity;
  return associated.find((id) => (pool.get(id) === first) === (which === 'held'));
}

function makeByHand(household: Household, label: string, age: number): void {
  household.world.add(hand(label, age, true));
}

const hasSlot = (household: Household, label: string) => {
  const { associated, pool, method } = household.world.truth();
  return (
    associated.length < 2 &&
    pool.size < household.world.scenario.poolCap &&
    method === household.world.scenario.method &&
    inPool(household, label) === undefined
  );
};

const act = (name: string, does: Act['does'], applies: Act['applies'] = always, anytime = false): Act => ({
  name,
  does,
  applies,
  anytime,
});

/** Certificates, in the Dashboard. */
const CERTIFICATES: readonly Act[] = [
  ...(['H3', 'X1'] as const).map((label) =>
    act(
      `${label} is made by hand`,
      (household) => hasSlot(household, label) && makeByHand(household, label, label === 'X1' ? 91 * DAY : 0),
      (household) => hasSlot(household, label),
      true,
    ),
  ),
  ...(['held', 'other'] as const).flatMap((which) => [
    act(
      `the ${which} one is taken out`,
      (household) => takeOut(household, associatedId(household, which) ?? ''),
      (household) => associatedId(household, which) !== undefined,
      true,
    ),
    act(
      `the ${which} one is deleted`,
      (household) => {
        const id = associatedId(household, which);
        if (id === undefined) return;
        takeOut(household, id);
        household.world.deleteByHand(id);
      },
      (household) => associatedId(household, which) !== undefined,
      true,
    ),
  ]),
  act(
    'the held one is taken out, and another made',
    (household) => {
      takeOut(household, associatedId(household, 'held') ?? '');
      if (hasSlot(household, 'H3')) makeByHand(household, 'H3', 0);
    },
    (household) => associatedId(household, 'held') !== undefined,
  ),
];

/** Secrets, in GitHub. */
const SECRETS: readonly Act[] = [
  act('the primary is saved again', savePrimaryAgain, hasPrimary, true),
  act('the primary gets any text', (h) => save(h, primary(h), 'placeholder'), always, true),
  act("the primary gets another client's pair", (h) => save(h, primary(h), pem(h, 'O1')), always, true),
  act(
    'the primary is rolled back',
    (h) => save(h, primary(h), pem(h, 'P1')),
    (h) => inPool(h, 'P1') !== undefined && hasPrimary(h),
    true,
  ),
  act(
    'the primary gets the one made by hand',
    (h) => save(h, primary(h), pem(h, 'H1')),
    (h) => inPool(h, 'H1') !== undefined,
    true,
  ),
  act(
    'a secondary gets any text',
    (h) => save(h, second(h), 'placeholder'),
    (h) => second(h) !== undefined,
    true,
  ),
  act(
    'a secondary is rolled back',
    (h) => save(h, second(h), pem(h, 'P1')),
    (h) => second(h) !== undefined && inPool(h, 'P1') !== undefined,
    true,
  ),
  act(
    'a secondary is saved again',
    (h) => save(h, second(h), holderOf(h, second(h))?.value ?? ''),
    (h) => holderOf(h, second(h)) !== undefined,
  ),
];

/** The workflow file, and the repositories that it names. */
const EDITS: readonly Act[] = [
  act('nothing', () => {}),
  act(
    'a destination is added',
    ({ workflow }) => {
      workflow.destinations = [...workflow.destinations, nextPlace(workflow.destinations)];
    },
    ({ workflow }) => workflow.destinations.length < DESTINATIONS.length,
  ),
  act(
    'a destination is removed',
    ({ workflow }) => {
      workflow.destinations = workflow.destinations.slice(0, -1);
    },
    ({ workflow }) => workflow.destinations.length > 1,
  ),
  act(
    'the destinations are reordered',
    ({ workflow }) => {
      workflow.destinations = [...workflow.destinations].reverse();
    },
    ({ workflow }) => workflow.destinations.length > 1,
  ),
  act(
    'a destination is archived',
    ({ world }) => archive(world),
    ({ workflow }) => workflow.destinations.length > 1,
    true,
  ),
  act('the secret gets another name', ({ workflow }) => {
    workflow.secretName = 'AUTH0_MTLS_PEM_2';
  }),
  act("current-credential becomes another client's", ({ workflow }) => {
    workflow.current = 'O1';
  }),
  act('current-credential becomes an older one', ({ workflow }) => {
    workflow.current = 'P1';
  }),
  act('current-credential comes, or goes', ({ workflow }) => {
    workflow.current = workflow.current === 'none' ? 'primary' : 'none';
  }),
  act('overlap: 0h', ({ workflow }) => {
    workflow.says = { ...workflow.says, overlap: 0 };
  }),
  act('overlap: 2d', ({ workflow }) => {
    workflow.says = { ...workflow.says, overlap: 2 * DAY };
  }),
  act('another subject is given', ({ workflow }) => {
    workflow.says = { ...workflow.says, subject: 'CN=O1', given: new Set(['subject']) };
  }),
  act(
    'one made by hand is kept',
    (household) => {
      const { workflow, world } = household;
      const ids = [...world.labels].filter(([, label]) => label.startsWith('H')).map(([id]) => id);
      workflow.says = { ...workflow.says, keepCredentials: new Set(ids) };
    },
    (household) => inPool(household, 'H1') !== undefined,
  ),
  act('the client is moved to a client secret', ({ world }) =>
    world.admin({ client_authentication_methods: null, token_endpoint_auth_method: 'client_secret_post' }),
  ),
];

function nextPlace(destinations: readonly Destination[]): Destination {
  const next = DESTINATIONS[destinations.length];
  if (next === undefined) throw new Error('the world has no more places');
  return next;
}

/** Reads are answered as ever, writes are not. */
function archive(world: Household['world']): void {
  world.weather = ({ method, url }) =>
    method !== 'GET' && url.includes('/repos/acme/other/')
      ? {
          status: 403,
          headers: { date: new Date(world.time - 1_400).toUTCString(), 'content-type': 'application/json' },
          body: ARCHIVED,
        }
      : undefined;
}

const ARCHIVED = JSON.stringify({ message: 'Repository was archived so is read-only.' });

export const ACTS: readonly Act[] = [...EDITS, ...CERTIFICATES, ...SECRETS];
