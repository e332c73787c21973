/** Every guard of src, taken out: the explorer must then find what it guards against. */

import { mutated, type Replacement } from './code.ts';
import type { Pairing } from './pairs.ts';
import { type Asked, type Scenario, scenario } from './scenarios.ts';
import { BOTH, CRASHED, type PairSearch, type Plan, PREEMPTED, search } from './searches.ts';
import { findingKey, Tally } from './tally.ts';

export interface Guard {
  name: string;
  without: readonly Replacement[];
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
const cut = (file: string, from: string, to = ''): Replacement => ({ file, from, to });
const SURPRISE = `if (!sameIds(fresh.associated, this.#ids)) throw changedMeanwhile("the client's associated credentials");`;

export const GUARDS: readonly Guard[] = [
  {
    name: 'healing comes first',
    without: [cut('plan/plan.ts', 'const healed = heal(builder);', 'const healed = false;')],
    hunt: { singles: [single('nothing associated', { force: false })] },
  },
  {
    name: 'by time, only what is associated counts as held',
    without: [
      cut(
        'plan/in-use.ts',
        'const associated = candidates.filter((c) => pool.isAssociated(c) || c.id === exact?.id);',
        'const associated = candidates;',
      ),
    ],
    hunt: { pairs: [both('ours alone', CRASHED, BY_TIME), both('settled', BOTH, BY_TIME)] },
  },
  {
    name: 'what may have been displaced is kept',
    without: [
      cut(
        'plan/plan.ts',
        'if (credential.id !== builder.inUse.displaced?.id) builder.remove',
        'builder.remove',
      ),
      cut(
        'plan/reasons.ts',
        'unregistered || unexplained || displaced !== undefined;',
        'unregistered || unexplained;',
      ),
    ],
    hunt: { pairs: [both('settled, close together', BOTH, BY_TIME)] },
  },
  {
    name: 'a stale current-credential is believed not',
    without: [
      cut(
        'plan/in-use.ts',
        'contradiction: exact && later[0]?.find(pool.isAssociated),',
        'contradiction: undefined,',
      ),
    ],
    hunt: { stale: [single('ours alone'), single('settled')] },
  },
  {
    name: 'the earliest unsettled credential wins',
    without: [
      cut(
        'apply/association.ts',
        'const rival = this.#rivalIn(fresh.pool);\n    if (rival) throw rotationInProgress(rival);',
      ),
      cut('apply/association.ts', 'if (rival) await this.#putBack(rival);'),
    ],
    hunt: { pairs: [both('nothing', PREEMPTED), both('ours alone', BOTH), both('settled', BOTH)] },
  },
  {
    name: 'of several rivals the earliest wins',
    without: [cut('model/ownership.ts', 'return all.sort(newestFirst).at(-1);', 'return all[0];')],
    // It takes three runs.
    hunt: { sample: 1, seed: 190 },
  },
  {
    name: 'a fresh full read before each PATCH',
    without: [
      cut(
        'apply/association.ts',
        'await this.#awaitPendingWrite(ids);\n    await this.requireUnchanged();',
        'await this.#awaitPendingWrite(ids);',
      ),
    ],
    hunt: { pairs: [both('ours alone', CRASHED), both('settled', CRASHED), both('settled', BOTH)] },
  },
  {
    name: 'the read-back, which puts back',
    without: [cut('apply/association.ts', 'if (rival) await this.#putBack(rival);')],
    hunt: { pairs: [both('settled', CRASHED), both('settled', BOTH)] },
  },
  {
    name: 'the last re-read associates again',
    without: [cut('apply/apply.ts', 'await this.#association.ensure(id);', 'void id;')],
    hunt: { pairs: [both('settled', BOTH), both('settled', PREEMPTED)] },
  },
  {
    name: 'a surprise in the association stops the run',
    without: [cut('apply/association.ts', SURPRISE)],
    hunt: { singles: [single('ours alone', { poolCap: 4 })] },
  },
  {
    name: 'a failed rotation is undone',
    without: [cut('apply/new-credential.ts', 'if (this.#record) await association.remove(this.#record.id);')],
    hunt: { singles: [single('ours alone')] },
  },
  {
    name: 'the previous stays associated (deferred retirement)',
    without: [cut('plan/rotate.ts', 'if (builder.desired.overlap !== 0) return;')],
    hunt: { singles: [single('ours alone')] },
  },
  {
    name: 'nothing goes before its successor is delivered',
    without: [
      cut(
        'plan/rotate.ts',
        "builder.associate([...builder.associated, ref], 'add');",
        "builder.associate([...builder.associated, ref], 'add');\n  removeAfterDelivery(builder);",
      ),
    ],
    hunt: { singles: [single('ours alone', { overlap: 0 })] },
  },
  {
    name: 'proof before delivery',
    without: [
      cut('plan/rotate.ts', "if (desired.verify !== 'off') builder.steps.push({ kind: 'authenticate' });"),
    ],
    hunt: { singles: [single('ours alone')] },
  },
  {
    name: 'foreign credentials are never touched',
    without: [
      cut(
        'plan/in-use.ts',
        '(this.isAssociated(credential) && this.otherOwnership(credential) === undefined);',
        'true;',
      ),
    ],
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
    without: [
      cut(
        'plan/in-use.ts',
        '(this.isAssociated(credential) && this.otherOwnership(credential) === undefined);',
        'this.isAssociated(credential);',
      ),
    ],
    hunt: {
      singles: [single('other owner'), single('other owner', { overlap: 0 }), single('other owner', BY_TIME)],
    },
  },
  {
    name: 'the lease',
    without: [cut('model/observed-state.ts', 'return now - credential.createdAt < LEASE;', 'return false;')],
    hunt: {
      pairs: [
        both('settled', CRASHED, {}, { later: true }),
        both('ours alone', CRASHED, {}, { later: true }),
      ],
    },
  },
  {
    name: 'a lost POST is adopted',
    without: [cut('apply/upload.ts', 'if (landed) return landed;', 'void landed;')],
    hunt: { singles: [single('ours alone')] },
  },
  {
    name: 'key and certificate in one secret',
    without: [
      cut(
        'model/desired-state.ts',
        "{ destination, secretName: desired.secretName, part: 'pair' as const },",
      ),
    ],
    hunt: { singles: [single('ours alone', { parts: true })] },
  },
  {
    name: 'a lost PATCH is outlived',
    without: [cut('apply/association.ts', 'if (wait > 0) await sleep(clock, wait, cancellation);')],
    hunt: { singles: [single('settled'), single('nothing associated')] },
  },
  {
    name: 'a pause between a delivery and the next credential',
    without: [cut('apply/deliver.ts', 'if (wait > 0) await sleep(clock, wait, cancellation);')],
    hunt: {
      pairs: [
        both('ours alone', BOTH, BY_TIME, { later: true }),
        both('settled', BOTH, BY_TIME, { later: true }),
      ],
    },
  },
  {
    name: 'by time, what no run can have stored is believed not',
    without: [
      cut(
        'plan/in-use.ts',
        'return !pool.isOurs(held) || secret.times.updatedAt > held.createdAt + LEASE;',
        'return !pool.isOurs(held);',
      ),
    ],
    hunt: { singles: [single('held, not associated', BY_TIME)] },
  },
  {
    name: 'a young delivery is not interrupted',
    without: [
      cut(
        'plan/preconditions.ts',
        'isPending(inUse, pool, c) || isBeingDelivered(desired, inUse, pool, c);',
        'isPending(inUse, pool, c);',
      ),
    ],
    hunt: { pairs: [both('two hold one', BOTH, BY_TIME, { later: true })] },
  },
  {
    name: 'a delivery that is being finished is not superseded',
    without: [cut('plan/plan.ts', 'if (due) refuseHaste(builder);')],
    hunt: { pairs: [both('two hold one', BOTH, {}, { later: true })] },
  },
  {
    name: 'the primary is served first',
    without: [cut('plan/in-use.ts', '(pool.isOurs(c) ? delivered : latest)', 'latest')],
    hunt: { pairs: [both('partly delivered', BOTH, { poolCap: 2 })] },
  },
  {
    name: 'whoever finishes a delivery looks whether it was overtaken',
    without: [cut('apply/apply.ts', 'await this.#association.refuseOvertaken(location);')],
    hunt: { pairs: [both('partly delivered', PREEMPTED, { force: false }, { second: { force: true } })] },
  },
  {
    name: 'by time, the older of ours gives way',
    without: [cut('plan/capacity.ts', 'eligible.find(pool.isOurs)', 'eligible.findLast(pool.isOurs)')],
    hunt: {
      singles: [single('partly delivered, close together', BY_TIME)],
    },
  },
  {
    name: 'a delivery is finished before the next begins',
    without: [cut('plan/plan.ts', 'finishDelivery(builder);\n  const due', 'const due')],
    hunt: { singles: [single('partly delivered', { force: false }), single('partly delivered')] },
  },
  {
    name: 'a failed enrollment moves the client back',
    without: [
      cut(
        'apply/method-change.ts',
        'if (isOurs) await takeBack(this.#services, association.pendingWriteUntil, back, isBack);',
      ),
    ],
    hunt: { singles: [single('client secret', { operation: 'enroll', force: false })] },
  },
  {
    name: 'a change of method that was refused, and may land, is waited for',
    without: [
      cut(
        'apply/association.ts',
        'method, this.#ids, () => this.#remember(this.#ids));',
        'method, this.#ids);',
      ),
    ],
    hunt: { singles: [single('client secret', { operation: 'enroll', force: false })] },
  },
  {
    name: 'a failed run leaves token binding as it was',
    without: [
      cut(
        'apply/token-binding.ts',
        'if (isSet || until > 0 || !(await isBack())) await takeBack(services, until, back, isBack);',
      ),
    ],
    hunt: { singles: [single('ours alone', { binding: 'required' })] },
  },
  {
    name: 'a change of token binding that may yet land is waited for',
    without: [cut('apply/token-binding.ts', 'until = services.clock.now() + LONGEST_FLIGHT;')],
    hunt: { singles: [single('ours alone', { binding: 'required' })] },
  },
  {
    name: 'a revert that has moved the client binds no tokens again',
    without: [cut('apply/method-change.ts', 'undoStack.forget();')],
    hunt: { singles: [single('settled, bound', { operation: 'revert', force: false })] },
  },
  {
    name: 'a revert looks whether a rotation has slipped in',
    without: [
      cut(
        'apply/association.ts',
        'const rival = this.#rivalIn(await tenant.credentials(clientId));\n    if (rival) throw rotationInProgress(rival);',
      ),
    ],
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
    without: [
      cut(
        'apply/association.ts',
        'return before !== undefined && !sameIds(associated, this.#ids) && sameIds(associated, before);',
        'return false;',
      ),
    ],
    hunt: { lags: [single('settled')] },
  },
  {
    name: 'with token binding required, only a bound token is a proof',
    without: [
      cut(
        'apply/prove.ts',
        "const mustBind = desired.tokenBinding === 'required';",
        'const mustBind = false;',
      ),
    ],
    hunt: { singles: [single('ours alone', { binding: 'required', tenant: 'binds nothing' })] },
  },
  {
    name: 'a secret whose write is in doubt is not undone',
    without: [
      cut('github/secret-store.ts', 'isClear(answer) && !attempts.uncertain', 'isClear(answer)'),
      cut('github/secret-store.ts', 'neverSent && !attempts.uncertain', 'true'),
    ],
    hunt: { singles: [single('ours alone')] },
  },
  {
    name: 'quiet after a delivery that another run has finished',
    without: [
      cut(
        'apply/deliver.ts',
        "others.map(({ location }) => store?.times(location) ?? 'missing')",
        "others.map(() => 'missing')",
      ),
    ],
    // It takes a slow answer, two finishers and a crash: the random schedule that found it.
    hunt: { sample: 1, seed: 1529 },
  },
  {
    name: 'a client whose answer was lost is waited for',
    without: [cut('apply/create-client.ts', 'await sleep(clock, LONGEST_FLIGHT, cancellation);')],
    hunt: { singles: [single('no client', { operation: 'create', force: false })] },
  },
  {
    name: 'a subject that is used again is the newest of ours',
    without: [
      cut('plan/rotate.ts', "for (const credential of newer) builder.remove(credential, 'discard');"),
    ],
    hunt: {
      singles: [single('abandoned, no secret, hand-made', { method: 'tls_client_auth', renews: true })],
    },
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

export async function remove({ name, without, hunt }: Guard): Promise<Row> {
  const tally = new Tally();
  tally.limit = 1;
  const plan: Plan = { singles: [], pairs: [], stale: [], lags: [], people: [], sample: 0, seed: 1, ...hunt };
  await search(await mutated(without), plan, tally);
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
