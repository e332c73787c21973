/** Starting states: what a tenant and its secrets hold when the explorer begins. */

const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
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
  /** Of its mark, where that is neither ours nor the other one. */
  owner?: string;
}

export interface Start {
  name: string;
  credentials: readonly SeededCredential[];
  /** What the client authenticates by, where it is not the method that is asked for; `nothing`: there is no client yet. */
  uses?: 'client_secret_post' | 'private_key_jwt' | 'nothing';
  /** Its access tokens are bound to its certificate. */
  bound?: boolean;
  /** What each destination holds, primary first: its length is how many there are at least. */
  holds: readonly (string | undefined)[];
}

export const ours = (label: string, age: number, associated = true): SeededCredential => ({
  label,
  mark: 'ours',
  associated,
  age,
});
export const hand = (label: string, age: number, associated = true): SeededCredential => ({
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

export const NOT_ENROLLED: readonly Start[] = [
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
export const LEFT_BEHIND: readonly Start[] = (['client_secret_post', 'private_key_jwt'] as const).map(
  (uses) => ({
    name: `left behind, ${uses}`,
    uses,
    credentials: [{ ...C1, associated: false }],
    holds: ['C1'],
  }),
);
export const NO_CLIENT: readonly Start[] = [
  { name: 'no client', uses: 'nothing', credentials: [], holds: [undefined] },
  { name: 'no client, two', uses: 'nothing', credentials: [], holds: [undefined, undefined] },
];

/** A start by its name; `…, bound` is the same client with bound tokens. */
export function startNamed(name: string): Start {
  const plain = name.replace(/, bound$/, '');
  const start = [...STARTS, ...NOT_ENROLLED, ...LEFT_BEHIND, ...NO_CLIENT].find((one) => one.name === plain);
  if (!start) throw new Error(`no starting state '${name}'`);
  return plain === name ? start : { ...start, name, bound: true };
}
