/** The road: inputs → observe → plan → apply → report, once. */

import { apply, type Edges } from './apply.ts';
import { discoverMtlsTokenEndpoint } from './auth0/discovery.ts';
import { Tenant } from './auth0/tenant.ts';
import { managementToken } from './auth0/token.ts';
import { generateKey, issueSelfSigned } from './certificate/issue.ts';
import { asRotationError } from './errors.ts';
import { SecretStore } from './github/secret-store.ts';
import { type Connection, Service } from './http/service.ts';
import type { Inputs } from './inputs.ts';
import { observe } from './observe.ts';
import { plan } from './plan.ts';
import { looksDue, Preparation, type Sources } from './prepare.ts';
import type { Account } from './report.ts';
import { describeStep } from './rotation/step.ts';

/** What a run tells while it is at work. */
export interface Telling {
  mask: (secret: string) => void;
  info: (line: string) => void;
  onStep: Edges['onStep'];
}

/** How keys and certificates are made. */
export interface Issuing {
  generateKey: Sources['generateKey'];
  issue: Edges['issue'];
}

const ISSUING: Issuing = { generateKey, issue: issueSelfSigned };

/** Works on one client and tells how it went: a failure is part of the account, never thrown. */
export async function run(
  inputs: Inputs,
  connection: Connection,
  telling: Telling,
  issuing = ISSUING,
): Promise<Account> {
  const { currentPair, operation, wish } = inputs;
  const edges = connect(inputs, connection, telling, issuing);
  const account: Account = { operation, wish };
  const { preparation, store } = edges;
  try {
    if (operation === 'rotate' && wish.force) preparation.begin();
    account.state = await observe(wish, edges, (times) => {
      if (operation === 'rotate' && looksDue(wish, times, connection.clock)) preparation.begin();
    });
    account.plan = plan(wish, account.state);
    tell(account.plan, telling);
    if (operation === 'rotate' && store) {
      const job = { wish, state: account.state, plan: account.plan, currentPair };
      Object.assign(account, await apply(job, { ...edges, store }));
    }
  } catch (error) {
    account.error = asRotationError(error);
  }
  return account;
}

function tell(decided: NonNullable<Account['plan']>, { info }: Telling): void {
  info(`Plan: ${decided.reason}, since ${decided.explanation}.`);
  for (const [index, step] of decided.steps.entries()) info(`  ${index + 1}. ${describeStep(step)}`);
  for (const note of decided.notes) info(`  Note: ${note}`);
}

type Connected = Omit<Edges, 'store'> & { store: SecretStore | undefined };

function connect(inputs: Inputs, connection: Connection, telling: Telling, issuing: Issuing): Connected {
  const { audience, domain, githubApiUrl, githubToken, login, mtlsDomain, wish } = inputs;
  const auth0 = new Service('Auth0', connection);
  const edge = new Service('mTLS edge', connection);
  const discover = once(() => discoverMtlsTokenEndpoint(edge, domain, mtlsDomain));
  const token = once(async () => {
    const fresh = await managementToken({
      service: auth0,
      domain,
      audience,
      login,
      mtlsTokenEndpoint: discover,
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
    preparation: new Preparation(wish, { generateKey: issuing.generateKey, discover, store }),
    issue: issuing.issue,
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
