/** Whom a run speaks to: what all clients of a process share, and what is one client's own. */

import type { Services } from './apply/job.ts';
import { Preparation } from './apply/prepare.ts';
import { discoverMtlsTokenEndpoint } from './auth0/discovery.ts';
import { Tenant } from './auth0/tenant.ts';
import { managementToken } from './auth0/token.ts';
import type { issuePair } from './certificate/credential.ts';
import type { Pair } from './certificate/inspect.ts';
import type { generateKey } from './certificate/issue.ts';
import { type PublicKeys, SecretStore } from './github/secret-store.ts';
import { type Pace, SharedBudget } from './http/pace.ts';
import { ServerClock } from './http/server-clock.ts';
import { type Connection, type Remote, Service } from './http/service.ts';
import type { Inputs } from './inputs/inputs.ts';
import type { ObservedClient } from './model/observed-state.ts';

/** How keys and certificates are made. */
export interface Issuing {
  generateKey: typeof generateKey;
  issuePair: typeof issuePair;
}

/** What all clients know together of the services, and ask only once. */
export interface Shared {
  budget: SharedBudget;
  auth0: Remote;
  edge: Remote;
  github: Remote;
  token: () => Promise<string>;
  discover: () => Promise<string | undefined>;
  publicKeys: PublicKeys;
  /** The client as a listing of many shows it: old already, and not there in every case. */
  listed?: (clientId: string) => Promise<ObservedClient | undefined>;
}

/** @param writes the pace of what is written to GitHub */
export function share(
  { audience, domain, login, mtlsDomain }: Inputs,
  connection: Connection,
  mask: (secret: string) => void,
  writes?: Pace,
): Shared {
  const budget = new SharedBudget();
  const auth0 = { clock: new ServerClock(), pace: budget };
  const edge = { clock: new ServerClock() };
  const discover = once(() =>
    discoverMtlsTokenEndpoint(new Service('mTLS edge', connection, edge), domain, mtlsDomain),
  );
  const token = once(async () => {
    // The budget is the Management API's.
    const service = new Service('Auth0', connection, { clock: auth0.clock });
    const fresh = await managementToken({ service, domain, audience, login, mtlsTokenEndpoint: discover });
    mask(fresh);
    return fresh;
  });
  const github = { clock: new ServerClock(), ...(writes ? { pace: writes } : {}) };
  return { budget, auth0, edge, github, token, discover, publicKeys: new Map() };
}

/** One client's own. */
export function connect(
  { domain, githubApiUrl, githubToken, issuer, desired }: Inputs,
  connection: Connection,
  logger: Pick<Services, 'mask' | 'onStep'>,
  issuing: Issuing,
  shared: Shared,
): Services {
  // A client assertion goes to the tenant itself.
  const byAssertion = desired.method === 'private_key_jwt';
  const discover = byAssertion ? async () => `https://${domain}/oauth/token` : shared.discover;
  const github = new Service('GitHub', connection, shared.github);
  const store =
    githubToken === undefined
      ? undefined
      : new SecretStore(github, githubToken, githubApiUrl, shared.publicKeys);
  const tenant = new Tenant(new Service('Auth0', connection, shared.auth0), domain, shared.token);
  const preparation = new Preparation(desired, {
    generateKey: issuing.generateKey,
    issue: async (requested, now, key) => {
      const pair = await issuing.issuePair(issuer, requested, now, key);
      connectAhead(pair).catch(() => undefined);
      return pair;
    },
    tenant,
    mask: logger.mask,
    discover,
    store,
  });
  /** For the proof. */
  async function connectAhead({ certificate, privateKey }: Pair): Promise<void> {
    const url = connection.connectAhead && (await preparation.endpoint());
    if (url && certificate)
      connection.connectAhead?.({ url, clientCertificate: { certificate, privateKey } });
  }
  return {
    tenant,
    store,
    edge: new Service('mTLS edge', connection, shared.edge),
    domain,
    preparation,
    unregistered: (requested, now) =>
      issuing.issuePair({ kind: 'itself' }, requested, now, () => issuing.generateKey(2048)),
    clock: connection.clock,
    cancellation: connection.cancellation,
    mask: logger.mask,
    onStep: logger.onStep,
  };
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
