/** Every guard of src, by the name that its `// guard:` comments have, taken out: the explorer must then find what it guards against. */

import { mutated } from './code.ts';
import type { Pairing } from './pairs.ts';
import { lifeOf, livesNamed } from './people-lives.ts';
import { type Asked, type Scenario, scenario } from './scenarios.ts';
import { type Instead, without } from './seams.ts';
import { BOTH, CRASHED, type PairSearch, type Plan, PREEMPTED, search } from './searches.ts';
import { findingKey, Tally } from './tally.ts';

export interface Guard {
  name: string;
  /** What takes the place of the marked code; where it is missing, nothing does. */
  instead?: Instead;
  /** Where to look. */
  hunt: Partial<Plan>;
}

export interface Row {
  guard: string;
  found: string | undefined;
  trace: string;
}

const BY_TIME = { current: false } as const;
const both = (
  start: string,
  bounds = BOTH,
  asked: Partial<Asked> = {},
  more: Partial<Pairing> = {},
): PairSearch => ({
  pairing: { name: 'both rotate', scenario: scenario(start, { poolCap: 4, ...asked }), ...more },
  bounds,
});
const single = (start: string, asked: Partial<Asked> = {}): Scenario => scenario(start, asked);
const twice = (start: string, asked: Partial<Asked> = {}): Partial<Plan> => ({
  twice: { scenarios: [scenario(start, asked)], every: 1 },
});

export const GUARDS: readonly Guard[] = [
  {
    name: 'healing comes first',
    instead: 'false',
    hunt: { singles: [single('nothing associated', { force: false })] },
  },
  {
    name: 'by time, only what is associated counts as held',
    instead: 'candidates',
    hunt: { pairs: [both('ours alone', CRASHED, BY_TIME), both('settled', BOTH, BY_TIME)] },
  },
  {
    name: 'what may have been displaced is kept',
    instead: (original) => (original.includes('inUse.perhapsDisplaced !== undefined') ? 'false' : 'true'),
    hunt: { pairs: [both('settled, close together', BOTH, BY_TIME)] },
  },
  {
    name: 'a stale current-credential is not believed',
    instead: 'undefined',
    hunt: { stale: [single('ours alone'), single('settled')] },
  },
  {
    name: 'the earliest unsettled credential wins',
    hunt: { pairs: [both('nothing', PREEMPTED), both('ours alone', BOTH), both('settled', BOTH)] },
  },
  {
    name: 'a fresh full read before each PATCH',
    hunt: { pairs: [both('ours alone', CRASHED), both('settled', CRASHED), both('settled', BOTH)] },
  },
  {
    name: 'the read-back, which puts back',
    hunt: { pairs: [both('settled', CRASHED), both('settled', BOTH)] },
  },
  {
    name: 'the last re-read associates again',
    hunt: { pairs: [both('settled', BOTH), both('settled', PREEMPTED)] },
  },
  {
    name: 'a surprise in the association stops the run',
    hunt: { singles: [single('ours alone', { poolCap: 4 })] },
  },
  {
    name: 'a failed rotation is undone',
    hunt: { singles: [single('ours alone')] },
  },
  {
    name: 'the previous stays associated (deferred retirement)',
    hunt: { singles: [single('ours alone')] },
  },
  {
    name: 'nothing goes before its successor is delivered',
    instead: (original) => `${original}, removeAfterDelivery(builder)`,
    hunt: { singles: [single('ours alone', { overlap: 0 })] },
  },
  {
    name: 'proof before delivery',
    hunt: { singles: [single('ours alone')] },
  },
  {
    name: 'foreign credentials are never touched',
    instead: '() => false',
    hunt: {
      singles: [
        single('foreign certificate'),
        single('request object'),
        single('foreign certificate', { overlap: 0, poolCap: 4 }),
      ],
    },
  },
  {
    name: "another owner's mark",
    instead:
      '(credential: Credential) => !this.isOursOrReplaced(credential) && !this.isAssociated(credential)',
    hunt: {
      singles: [single('other owner'), single('other owner', { overlap: 0 }), single('other owner', BY_TIME)],
    },
  },
  {
    name: 'the lease',
    instead: 'false',
    hunt: {
      pairs: [
        both('settled', CRASHED, {}, { later: true }),
        both('ours alone', CRASHED, {}, { later: true }),
      ],
    },
  },
  {
    name: 'a lost POST is adopted',
    hunt: { singles: [single('ours alone')] },
  },
  {
    name: 'key and certificate in one secret',
    hunt: { singles: [single('ours alone', { parts: true })] },
  },
  {
    name: 'a lost PATCH is outlived',
    hunt: { singles: [single('settled'), single('nothing associated')] },
  },
  {
    name: 'a pause between a delivery and the next credential',
    hunt: {
      pairs: [
        both('ours alone', BOTH, BY_TIME, { later: true }),
        both('settled', BOTH, BY_TIME, { later: true }),
      ],
    },
  },
  {
    name: 'by time, what no run could have stored is not believed',
    instead: '!owners.isOurs(held)',
    hunt: { singles: [single('held, not associated', BY_TIME)] },
  },
  {
    name: 'a delivery that is being finished is not superseded',
    hunt: { pairs: [both('two hold one', BOTH, {}, { later: true })] },
  },
  {
    name: 'a run that finishes a delivery checks whether it was overtaken',
    hunt: { pairs: [both('partly delivered', PREEMPTED, { force: false }, { second: { force: true } })] },
  },
  {
    name: 'by time, the older of ours gives way',
    instead: (original) => original.replace('.find(', '.findLast('),
    hunt: {
      singles: [single('partly delivered, close together', BY_TIME)],
    },
  },
  {
    name: 'a delivery is finished before the next begins',
    hunt: {
      people: [
        lifeOf(
          'hand-made, held by one of two [due only, current-credential, cap 2]',
          'a secondary gets any text',
        ),
      ],
    },
  },
  {
    name: 'a failed enrollment moves the client back',
    hunt: { singles: [single('client secret', { operation: 'enroll', force: false })] },
  },
  {
    name: 'a change of method that was refused, and may land, is waited for',
    instead: 'await this.#services.tenant.moveTo(clientId, method, this.#ids)',
    hunt: { singles: [single('client secret', { operation: 'enroll', force: false })] },
  },
  {
    name: 'a failed run leaves token binding as it was',
    hunt: { singles: [single('ours alone', { binding: 'required' })] },
  },
  {
    name: 'a change of token binding that may yet land is waited for',
    hunt: { singles: [single('ours alone', { binding: 'required' })] },
  },
  {
    name: 'a revert that has moved the client binds no tokens again',
    hunt: { singles: [single('settled, bound', { operation: 'revert', force: false })] },
  },
  {
    name: 'a revert checks whether a rotation has slipped in',
    hunt: {
      pairs: [
        both(
          'settled',
          CRASHED,
          { operation: 'revert', force: false },
          { second: { operation: 'rotate', force: true } },
        ),
      ],
    },
  },
  {
    name: 'reads may lag behind: what this run has changed is waited for',
    instead: 'false',
    hunt: { lags: [single('settled')] },
  },
  {
    name: 'with token binding required, only a bound token is a proof',
    instead: 'false',
    hunt: { singles: [single('ours alone', { binding: 'required', tenant: 'binds nothing' })] },
  },
  {
    name: 'a secret whose write is in doubt is not undone',
    hunt: { singles: [single('two new destinations', { overlap: 0 })] },
  },
  {
    name: 'a client whose answer was lost is waited for',
    hunt: { singles: [single('no client', { operation: 'create', force: false })] },
  },
  {
    name: 'nothing is delivered before all of Auth0 knows the association',
    hunt: { singles: [single('ours alone', { propagation: 30_000 })] },
  },
  {
    name: 'what was made by hand is interrupted only where it is released',
    instead: 'false',
    hunt: { people: livesNamed('two hand-made [due only, by time, cap 2]; the primary gets any text') },
  },
  {
    name: 'what a former location may hold is not interrupted',
    instead: 'false',
    hunt: {
      people: [
        lifeOf(
          'hand-made previous [due only, by time, cap 2]',
          'the secret gets another name',
          'the primary gets the one made by hand',
        ),
      ],
    },
  },
  {
    name: 'nobody is interrupted on evidence that is out of date',
    instead: 'false',
    hunt: {
      people: livesNamed(
        'partly delivered, two of three [due only, by time, cap 2]; a secondary is rolled back at request 5',
      ),
    },
  },
  {
    name: 'what was written after this job began is not what current-credential shows',
    instead: 'true',
    hunt: {
      people: livesNamed(
        'settled, due [due only, current-credential, cap 2]; the primary is rolled back at request 2',
      ),
    },
  },
  {
    name: 'nobody is interrupted for a primary that takes no write',
    instead: 'undefined',
    hunt: {
      people: [
        lifeOf(
          'partly delivered, two of three [due only, by time, cap 2]',
          'a destination is archived',
          'the primary gets any text',
        ),
      ],
    },
  },
  {
    name: 'a primary without a secret interrupts nobody',
    instead: 'false',
    hunt: {
      people: livesNamed(
        'secret of the primary deleted, partly delivered [due only, by time, cap 2]; nothing',
      ),
    },
  },
  {
    name: 'with a key at hand nobody is interrupted for a slot',
    instead: 'true',
    hunt: {
      people: [
        lifeOf(
          'three settled [due only, current-credential, cap 2]',
          'the primary is rolled back',
          'another subject is given',
        ),
      ],
    },
  },
  {
    name: 'nothing is overwritten by an older pair',
    instead: 'false',
    hunt: {
      people: [
        lifeOf(
          'two hold one [due only, current-credential, cap 2]',
          'overlap: 0h',
          'a secondary is saved again',
          'another subject is given',
        ),
      ],
    },
  },
  {
    name: 'a run whose time is over has time to undo',
    instead: 'cancellation.shield()',
    hunt: twice('ours alone'),
  },
  {
    name: 'a credential may be there from its upload on, not from its answer on',
    instead: (original) =>
      original.includes('upload(') ? `${original}, (this.#mayBeOrphan = true)` : 'undefined',
    hunt: twice('ours alone'),
  },
  {
    name: 'what was refused after a lost answer may be there',
    instead: 'true',
    hunt: twice('ours alone'),
  },
  {
    name: 'an upload that may land after its undo is waited for',
    instead: 'await remove()',
    hunt: twice('ours alone'),
  },
  {
    name: 'what is adopted has the mark of its run',
    instead: 'pool.find((credential) => credential.identity === identity)',
    hunt: twice('ours alone', { method: 'tls_client_auth' }),
  },
  {
    name: 'a client that may be there is looked for',
    hunt: twice('no client', { operation: 'create', force: false }),
  },
  {
    name: "a new client's credential is the one that its run has made",
    instead: 'this.#record = pool[0]',
    hunt: { singles: [single('no client', { operation: 'create', force: false })] },
  },
];

/** The first finding without each guard; undefined where the explorer is blind. */
export async function guardTable(told: (row: Row) => void = () => undefined): Promise<Row[]> {
  const rows: Row[] = [];
  for (const guard of GUARDS) {
    const row = await remove(guard);
    told(row);
    rows.push(row);
  }
  return rows;
}

export async function remove({ name, instead, hunt }: Guard): Promise<Row> {
  const tally = new Tally();
  tally.limit = 1;
  const plan: Plan = { singles: [], pairs: [], stale: [], lags: [], people: [], sample: 0, seed: 1, ...hunt };
  await search(await mutated(without(name, instead)), plan, tally);
  const [first] = tally.findings;
  if (first?.violation.invariant === 'internal')
    throw new Error(`without '${name}' src is broken:\n${first.trace}`);
  const found = first && `${findingKey(first)} in ${first.scenario}`;
  return { guard: name, found, trace: first ? `${first.variant}\n${first.trace}` : '' };
}

/** Rows of the table in docs/guards.md. */
export function printGuards(rows: readonly Row[]): string {
  return rows.map(({ guard, found }) => `| ${guard} | ${found ?? 'NOTHING FOUND'} |`).join('\n');
}
