/** The road: inputs → observe → plan → apply → report, once. */

import { apply } from './apply.ts';
import { discoverMtlsTokenEndpoint } from './auth0/discovery.ts';
import { Tenant } from './auth0/tenant.ts';
import { managementToken } from './auth0/token.ts';
import { generateKey } from './certificate/issue.ts';
import { locateClient, refuseToOverwrite } from './creation.ts';
import { issuePair } from './credential.ts';
import { asRotationError } from './errors.ts';
import { GitHubApi } from './github/api.ts';
import { printPlace } from './github/destination.ts';
import { SecretStore } from './github/secret-store.ts';
import { quote } from './http/json.ts';
import { type Connection, Service } from './http/service.ts';
import type { Inputs } from './inputs.ts';
import type { Edges } from './job.ts';
import { observe } from './observe.ts';
import { plan } from './plan.ts';
import { looksDue, Preparation, type Sources } from './prepare.ts';
import type { Account } from './report.ts';
import type { State } from './rotation/state.ts';
import { describeStep } from './rotation/step.ts';
import type { Wish } from './rotation/wish.ts';
import { observeUsage } from './usage.ts';
import { watch } from './watch.ts';

/** What a run tells while it is at work. */
export interface Telling {
  mask: (secret: string) => void;
  info: (line: string) => void;
  /** Called when a stage of the road begins. */
  stage: (name: string) => void;
  onStep: Edges['onStep'];
}

/** How keys and certificates are made. */
export interface Issuing {
  generateKey: Sources['generateKey'];
  issuePair: typeof issuePair;
}

const ISSUING: Issuing = { generateKey, issuePair };

/** Works on one client and tells how it went: a failure is part of the account, never thrown. */
export async function run(
  inputs: Inputs,
  connection: Connection,
  telling: Telling,
  issuing = ISSUING,
): Promise<Account> {
  const { currentPair, planOnly } = inputs;
  const edges = connect(inputs, connection, telling, issuing);
  const account: Account = { planOnly, wish: inputs.wish };
  const { preparation } = edges;
  const mayRotate = !planOnly && inputs.wish.operation !== 'revert';
  try {
    telling.stage('Observe');
    if (mayRotate && inputs.wish.force) preparation.begin();
    account.wish = await locateClient(inputs.wish, edges.tenant);
    account.state = await observe(account.wish, edges, (times) => {
      if (mayRotate && looksDue(inputs.wish, times, connection.clock)) preparation.begin();
    });
    if (planOnly && !inputs.watch) account.wish = inferred(account.wish, account.state);
    tellObserved(account.state, telling);
    telling.stage('Plan');
    refuseToOverwrite(account.wish, account.state);
    account.state = await observeUsage(account.wish, account.state, edges, currentPair);
    account.plan = plan(account.wish, account.state);
    tell(account.plan, telling);
    if (!planOnly) {
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

function connect(inputs: Inputs, connection: Connection, telling: Telling, issuing: Issuing): Edges {
  const { audience, domain, githubApiUrl, githubToken, login, mtlsDomain, wish } = inputs;
  const auth0 = new Service('Auth0', connection);
  const edge = new Service('mTLS edge', connection);
  const discoverMtls = once(() => discoverMtlsTokenEndpoint(edge, domain, mtlsDomain));
  // A client assertion goes to the tenant itself.
  const byAssertion = wish.method === 'private_key_jwt';
  const discover = byAssertion ? async () => `https://${domain}/oauth/token` : discoverMtls;
  const token = once(async () => {
    const fresh = await managementToken({
      service: auth0,
      domain,
      audience,
      login,
      mtlsTokenEndpoint: discoverMtls,
    });
    telling.mask(fresh);
    return fresh;
  });
  const store =
    githubToken === undefined
      ? undefined
      : new SecretStore(new Service('GitHub', connection), githubToken, githubApiUrl);
  return {
    tenant: new Tenant(auth0, domain, token),
    store,
    edge,
    domain,
    preparation: new Preparation(wish, { generateKey: issuing.generateKey, discover, store }),
    issue: (wished, now, key) => issuing.issuePair(inputs.issuer, wished, now, key),
    unregistered: (wished, now) =>
      issuing.issuePair({ kind: 'itself' }, wished, now, () => issuing.generateKey(2048)),
    clock: connection.clock,
    cancellation: connection.cancellation,
    mask: telling.mask,
    onStep: telling.onStep,
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
