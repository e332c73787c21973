/** The road: inputs → observe → plan → apply → report, once. */

import { apply } from './apply/apply.ts';
import { locateClient, refuseToOverwrite } from './apply/create-client.ts';
import type { Edges } from './apply/job.ts';
import { looksDue } from './apply/prepare.ts';
import { issuePair } from './certificate/credential.ts';
import { generateKey } from './certificate/issue.ts';
import { connect, type Issuing, type Shared, share } from './clients.ts';
import { asRotationError } from './errors.ts';
import { GitHubApi } from './github/api.ts';
import { type Connection, Service } from './http/service.ts';
import type { Inputs } from './inputs/inputs.ts';
import type { Wish } from './model/desired-state.ts';
import { quote } from './model/json.ts';
import type { State } from './model/observed-state.ts';
import { printPlace } from './model/secret-location.ts';
import { describeStep } from './model/step.ts';
import { observe, type RecordedTimes } from './observe/observe.ts';
import { observeUsage } from './observe/usage-logs.ts';
import { plan } from './plan/plan.ts';
import type { Account } from './report/report.ts';
import { watch } from './watch/watch.ts';

/** What a run tells while it is at work. */
export interface Telling {
  mask: (secret: string) => void;
  info: (line: string) => void;
  /** Called when a stage of the road begins. */
  stage: (name: string) => void;
  onStep: Edges['onStep'];
}

/** One client of how many. */
export interface Among {
  shared: Shared;
  /** Resolves when this client may be rotated. @throws RotationError where none may */
  mayRotate(): Promise<void>;
}

export const ISSUING: Issuing = { generateKey, issuePair };
const ALONE = async () => {};

/** Works on one client and tells how it went: a failure is part of the account, never thrown. */
export async function run(
  inputs: Inputs,
  connection: Connection,
  telling: Telling,
  issuing = ISSUING,
  among: Among = { shared: share(inputs, connection, telling.mask), mayRotate: ALONE },
): Promise<Account> {
  const { currentPair, planOnly } = inputs;
  const edges = connect(inputs, connection, telling, issuing, among.shared);
  const account: Account = { planOnly, wish: inputs.wish };
  const { preparation } = edges;
  const mayRotate = !planOnly && inputs.wish.operation !== 'revert';
  try {
    telling.stage('Observe');
    if (mayRotate && inputs.wish.force) preparation.begin();
    account.wish = await locateClient(inputs.wish, edges.tenant);
    const isDue = (times: readonly RecordedTimes[]) => looksDue(inputs.wish, times, connection.clock);
    const onSecrets = (times: readonly RecordedTimes[]) => {
      if (!mayRotate || (!inputs.wish.force && !isDue(times))) return;
      preparation.begin();
      preparation.issueEarly();
    };
    let isListed = false;
    account.state = await observe(account.wish, edges, onSecrets, async (times) => {
      const client = isDue(times) ? undefined : await among.shared.listed?.(inputs.wish.clientId);
      isListed = client !== undefined;
      return client;
    });
    if (isListed && !isIdle(account.wish, account.state))
      account.state = await observe(account.wish, edges, onSecrets);
    if (planOnly && !inputs.watch) account.wish = inferred(account.wish, account.state);
    tellObserved(account.state, telling);
    telling.stage('Plan');
    refuseToOverwrite(account.wish, account.state);
    account.state = await observeUsage(account.wish, account.state, edges, currentPair);
    account.plan = plan(account.wish, account.state);
    tell(account.plan, telling);
    if (!planOnly) {
      if (account.plan.rotates) await among.mayRotate();
      telling.stage('Apply');
      const job = { wish: account.wish, state: account.state, plan: account.plan, currentPair };
      Object.assign(account, await apply(job, edges));
    }
  } catch (error) {
    account.error = asRotationError(error);
  }
  if (!inputs.watch) return account;
  telling.stage('Watch');
  const api = new GitHubApi(new Service('GitHub', connection), inputs.watch.token, inputs.githubApiUrl);
  return watch(account, inputs.watch, { store: edges.store, api, info: telling.info });
}

/** A listing is old when its turn comes: only rest may rest on it. */
function isIdle(wish: Wish, state: State): boolean {
  try {
    return plan(wish, state).steps.length === 0;
  } catch {
    return false;
  }
}

/** A plan for a client that uses another method is that of `enroll`: nothing else could work on it. */
function inferred(wish: Wish, { client }: State): Wish {
  const differs = client !== undefined && client.method !== wish.method;
  return differs && wish.operation === 'rotate' ? { ...wish, operation: 'enroll', revoke: false } : wish;
}

function tellObserved({ client, pool, secrets }: State, { info }: Telling): void {
  if (client) {
    info(
      `Client ${quote(client.name)} uses ${client.method}; associated: ${client.associated.join(', ') || 'nothing'}.`,
    );
    info(`In its pool: ${pool.map(({ id }) => id).join(', ') || 'nothing'}.`);
  }
  for (const { place, times } of secrets) {
    const told = typeof times === 'string' ? times : `written ${new Date(times.updatedAt).toISOString()}`;
    info(`${printPlace(place)}: ${told}.`);
  }
}

function tell(decided: NonNullable<Account['plan']>, { info }: Telling): void {
  info(`Plan: ${decided.reason}, since ${decided.explanation}.`);
  for (const [index, step] of decided.steps.entries()) info(`  ${index + 1}. ${describeStep(step)}`);
  for (const note of decided.notes) info(`  Note: ${note}`);
}
