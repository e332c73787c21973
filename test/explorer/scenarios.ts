/** Starting states and wishes: what the explorer begins with. */

import type { Destination } from '../../src/github/destination.ts';
import { type AuthenticationMethod, METHODS, type Wish } from '../../src/rotation/wish.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export interface SeededCredential {
  label: string;
  mark: 'ours' | 'other' | 'none';
  associated: boolean;
  /** Milliseconds before the world begins. */
  age: number;
  /** The hand-made one that it replaced, as its mark says. */
  after?: string;
  /** Associated with signed_request_object instead: a key of another use. */
  requestObject?: boolean;
}

export interface Start {
  name: string;
  credentials: readonly SeededCredential[];
  /** What the client authenticates by, where it is not the method that is asked for; `nothing`: there is no client yet. */
  uses?: 'client_secret_post' | 'private_key_jwt' | 'nothing';
  /** What each destination holds, primary first: its length is how many there are at least. */
  holds: readonly (string | undefined)[];
}

const ours = (label: string, age: number, associated = true): SeededCredential => ({
  label,
  mark: 'ours',
  associated,
  age,
});
const hand = (label: string, age: number, associated = true): SeededCredential => ({
  ...ours(label, age, associated),
  mark: 'none',
});
const other = (label: string, age: number): SeededCredential => ({ ...ours(label, age), mark: 'other' });
const requestObject: SeededCredential = { ...hand('F1', 50 * DAY, false), requestObject: true };

const C1 = ours('C1', 10 * DAY);
const P1 = ours('P1', 35 * DAY);
const D1 = ours('D1', 80 * DAY);
const N1 = ours('N1', DAY);

export const STARTS: readonly Start[] = [
  { name: 'nothing', credentials: [], holds: [undefined] },
  { name: 'hand-made, held', credentials: [hand('H1', 40 * DAY)], holds: ['H1'] },
  { name: 'hand-made, no secret', credentials: [hand('H1', 40 * DAY)], holds: [undefined] },
  {
    name: 'hand-made, two new destinations',
    credentials: [hand('H1', 40 * DAY)],
    holds: [undefined, undefined],
  },
  { name: 'hand-made, held by one of two', credentials: [hand('H1', 40 * DAY)], holds: ['H1', undefined] },
  { name: 'two new destinations', credentials: [], holds: [undefined, undefined] },
  { name: 'two hand-made', credentials: [hand('H1', 40 * DAY), hand('H2', 20 * DAY)], holds: ['H2'] },
  { name: 'ours alone', credentials: [C1], holds: ['C1'] },
  { name: 'ours alone, due', credentials: [D1], holds: ['D1'] },
  { name: 'settled', credentials: [P1, C1], holds: ['C1'] },
  // Two rotations within one lease of each other: the times of the secrets tell less.
  {
    name: 'settled, close together',
    credentials: [ours('P1', 22 * MINUTE), ours('C1', 12 * MINUTE)],
    holds: ['C1'],
  },
  {
    name: 'partly delivered, close together',
    credentials: [ours('P1', 30 * MINUTE), ours('C1', 20 * MINUTE)],
    holds: ['C1', 'P1', 'P1'],
  },
  { name: 'settled, due', credentials: [ours('P1', 85 * DAY), D1], holds: ['D1'] },
  {
    name: 'hand-made previous',
    credentials: [hand('H1', 40 * DAY), { ...C1, after: 'H1' }],
    holds: ['C1'],
  },
  { name: 'retired in the pool', credentials: [{ ...P1, associated: false }, C1], holds: ['C1'] },
  { name: 'expired', credentials: [ours('X1', 91 * DAY)], holds: ['X1'] },
  { name: 'abandoned, associated', credentials: [C1, N1], holds: ['C1'] },
  { name: 'abandoned, unassociated', credentials: [C1, { ...N1, associated: false }], holds: ['C1'] },
  { name: 'abandoned beside hand-made', credentials: [hand('H1', 40 * DAY), N1], holds: ['H1'] },
  { name: 'abandoned alone', credentials: [N1], holds: [undefined] },
  { name: 'abandoned, no secret, hand-made', credentials: [hand('H1', 40 * DAY), N1], holds: [undefined] },
  { name: 'pending, young', credentials: [C1, ours('N1', 5 * MINUTE)], holds: ['C1'] },
  { name: 'held, not associated', credentials: [P1, { ...C1, associated: false }], holds: ['C1'] },
  { name: 'nothing associated', credentials: [{ ...C1, associated: false }], holds: ['C1'] },
  { name: 'partly delivered', credentials: [P1, C1], holds: ['C1', 'P1'] },
  { name: 'partly delivered, one of three', credentials: [P1, C1], holds: ['C1', 'P1', 'P1'] },
  { name: 'partly delivered, two of three', credentials: [P1, C1], holds: ['C1', 'C1', 'P1'] },
  { name: 'new destination', credentials: [P1, C1], holds: ['C1', undefined] },
  { name: 'secret of the primary deleted', credentials: [P1, C1], holds: [undefined, 'C1'] },
  {
    name: 'secret of the primary deleted, partly delivered',
    credentials: [P1, C1],
    holds: [undefined, 'P1', 'C1'],
  },
  { name: 'three settled', credentials: [P1, C1], holds: ['C1', 'C1', 'C1'] },
  { name: 'two hold one', credentials: [C1], holds: ['C1', 'C1'] },
  { name: 'request object', credentials: [requestObject, C1], holds: ['C1'] },
  { name: 'request object, settled', credentials: [requestObject, P1, C1], holds: ['C1'] },
  { name: 'foreign certificate', credentials: [hand('F1', 50 * DAY, false), C1], holds: ['C1'] },
  { name: 'other owner', credentials: [other('O1', 15 * DAY)], holds: [undefined] },
  { name: 'other owner beside ours', credentials: [other('O1', 15 * DAY), C1], holds: ['C1'] },
];

export const DESTINATIONS: readonly [Destination, ...Destination[]] = [
  { kind: 'repo', owner: 'acme', repo: 'shop' },
  { kind: 'env', owner: 'acme', repo: 'other', environment: 'production' },
  { kind: 'org', org: 'globex' },
];

/** What the runs of a world are asked for. */
export interface Asked {
  force: boolean;
  revoke: boolean;
  overlap: 'until-next-rotation' | number;
  /** `current-credential` is given. */
  current: boolean;
  /** Key and certificate secrets besides. */
  parts: boolean;
  poolCap: 2 | 4;
  method: AuthenticationMethod;
  operation: Wish['operation'];
  /** Of CA-signed certificates: the next one has the subject of the primary's, or another. */
  renews: boolean;
}

export interface Scenario extends Asked {
  start: Start;
}

const PLAIN: Asked = {
  force: true,
  revoke: false,
  overlap: 'until-next-rotation',
  current: true,
  parts: false,
  poolCap: 2,
  method: 'self_signed_tls_client_auth',
  operation: 'rotate',
  renews: false,
};

/** Every start with every wish that can make a difference to it, varied one or two at a time around the plain one. */
export function allScenarios(): Scenario[] {
  const asked: Asked[] = [];
  for (const force of [true, false]) {
    for (const current of [true, false]) {
      asked.push({ ...PLAIN, force, current });
      asked.push({ ...PLAIN, force, current, poolCap: 4 });
      asked.push({ ...PLAIN, force, current, overlap: 12 * HOUR });
      asked.push({ ...PLAIN, force, current, overlap: 0 });
    }
    asked.push({ ...PLAIN, force, parts: true });
  }
  asked.push({ ...PLAIN, current: false, parts: true }, { ...PLAIN, overlap: 0, poolCap: 4 });
  const rotations = STARTS.flatMap((start) => asked.map((one) => ({ ...one, start })));
  return [...rotations, ...otherMethods(), ...otherOperations()];
}

/** The same states with CA-signed certificates and bare keys. */
function otherMethods(): Scenario[] {
  const starts = STARTS.filter(({ name }) => !/request object|another|close together/.test(name));
  const asked: Partial<Asked>[] = [];
  for (const force of [true, false]) {
    for (const current of [true, false]) {
      asked.push({ method: 'private_key_jwt', force, current });
      asked.push({ method: 'tls_client_auth', force, current });
      asked.push({ method: 'tls_client_auth', force, current, renews: true });
    }
  }
  asked.push({ method: 'tls_client_auth', overlap: 0, poolCap: 4 });
  // A foreign credential and two names of ours need three places.
  const room = ({ name }: Start, { method, renews }: Partial<Asked>) =>
    method === 'tls_client_auth' && !renews && /^foreign|other owner/.test(name)
      ? { poolCap: 4 as const }
      : {};
  const makesSense = ({ name }: Start, { renews }: Partial<Asked>) =>
    !(renews && name.startsWith('other owner'));
  return starts.flatMap((start) =>
    asked
      .filter((one) => makesSense(start, one))
      .map((one) => ({ ...PLAIN, ...one, ...room(start, one), start })),
  );
}

const NOT_ENROLLED: readonly Start[] = [
  { name: 'client secret', uses: 'client_secret_post', credentials: [], holds: [undefined] },
  { name: 'client secret, two', uses: 'client_secret_post', credentials: [], holds: [undefined, undefined] },
  {
    name: 'client secret, foreign in the pool',
    uses: 'client_secret_post',
    credentials: [hand('F1', 50 * DAY, false)],
    holds: [undefined],
  },
];
/** Ours, from before the client was moved back: nobody logs in with it, and a secret holds it still. */
const LEFT_BEHIND: readonly Start[] = (['client_secret_post', 'private_key_jwt'] as const).map((uses) => ({
  name: `left behind, ${uses}`,
  uses,
  credentials: [{ ...C1, associated: false }],
  holds: ['C1'],
}));
const NO_CLIENT: readonly Start[] = [
  { name: 'no client', uses: 'nothing', credentials: [], holds: [undefined] },
  { name: 'no client, two', uses: 'nothing', credentials: [], holds: [undefined, undefined] },
];
const REVERTED = [
  'hand-made, held',
  'settled',
  'partly delivered',
  'nothing associated',
  'foreign certificate',
];

const REHEARSED = [
  'hand-made, held',
  'hand-made, no secret',
  'ours alone',
  'two hold one',
  'settled',
  'held, not associated',
  'foreign certificate',
];

/** create, enroll and revert, from where they can begin. */
function otherOperations(): Scenario[] {
  const starting = (operation: Wish['operation'], starts: readonly Start[]) =>
    METHODS.flatMap((method) =>
      starts.map((start) => ({ ...PLAIN, force: false, operation, method, start })),
    );
  const reverting = STARTS.filter(({ name }) => REVERTED.includes(name));
  const left = { ...PLAIN, operation: 'revert' as const, force: false };
  return [
    ...starting('create', NO_CLIENT),
    ...starting('enroll', LEFT_BEHIND).filter(({ method, start }) => method !== start.uses),
    ...starting('enroll', [...NOT_ENROLLED, ...STARTS.filter(({ name }) => name === 'settled, due')]),
    ...starting('revert', reverting),
    ...NOT_ENROLLED.slice(0, 1).map((start) => ({ ...left, start })),
    ...rehearsals(),
    ...revocations(),
  ];
}

const REVOKED = [
  'hand-made, held',
  'ours alone',
  'settled',
  'partly delivered',
  'two hold one',
  'held, not associated',
];

function revocations(): Scenario[] {
  const starts = STARTS.filter(({ name }) => REVOKED.includes(name));
  return starts.flatMap((start) =>
    [true, false].map((current) => ({ ...PLAIN, revoke: true, current, start })),
  );
}

/** `force`: a rotation comes after it, else another rehearsal first. */
function rehearsals(): Scenario[] {
  const starts = STARTS.filter(({ name }) => REHEARSED.includes(name));
  const asked: Partial<Asked>[] = [
    ...METHODS.map((method) => ({ method })),
    { method: 'tls_client_auth', renews: true, force: false },
    { current: false },
    { current: false, force: false },
  ];
  // One that nobody may take out needs a third place.
  const room = ({ name }: Start) => (/foreign|not associated/.test(name) ? { poolCap: 4 as const } : {});
  return starts.flatMap((start) =>
    asked.map((one) => ({ ...PLAIN, ...one, ...room(start), operation: 'rehearse' as const, start })),
  );
}

export function scenario(startName: string, asked: Partial<Asked> = {}): Scenario {
  const start = [...STARTS, ...NOT_ENROLLED, ...LEFT_BEHIND, ...NO_CLIENT].find(
    ({ name }) => name === startName,
  );
  if (!start) throw new Error(`no starting state '${startName}'`);
  return { ...PLAIN, ...asked, start };
}

export function nameOf(one: Scenario): string {
  const { start, force, overlap, current, method, operation, parts, poolCap, renews, revoke } = one;
  const wishes = [
    operation === 'rotate' ? '' : operation,
    method === PLAIN.method ? '' : method,
    renews ? 'same subject' : '',
    force ? 'force' : 'due only',
    revoke ? 'revoke' : '',
    current ? 'current-credential' : 'by time',
    overlap === 'until-next-rotation' ? '' : `overlap ${overlap / HOUR}h`,
    parts ? 'parts' : '',
    `cap ${poolCap}`,
  ];
  return `${start.name} [${wishes.filter(Boolean).join(', ')}]`;
}
