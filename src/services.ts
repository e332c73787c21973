/** The composition root: builds the clients of Auth0, GitHub and the mTLS edge. */

import type { KeyObject } from 'node:crypto';
import type { ApplyServices } from './apply/job.ts';
import { publicKeyReads } from './apply/preflight.ts';
import { listingOf } from './auth0/client-list.ts';
import {
  discoverMtlsEndpoints,
  discoverPushedRequestEndpoint,
  type ProofEndpoints,
} from './auth0/discovery.ts';
import { type ProofResult, proveKey } from './auth0/proof.ts';
import { type ClientListing, Tenant } from './auth0/tenant.ts';
import { managementToken } from './auth0/token.ts';
import { issuePair } from './certificate/credential.ts';
import { generateKey } from './certificate/issue.ts';
import { RotationError } from './errors.ts';
import { GitHubApi } from './github/api.ts';
import { type KnownDestinations, SecretStore } from './github/secret-store.ts';
import { type Pace, SharedBudget } from './http/pace.ts';
import { ServerClock } from './http/server-clock.ts';
import { type Remote, Service, type Transport } from './http/service.ts';
import type { Inputs } from './inputs/inputs.ts';
import type { Pair } from './model/key-pair.ts';
import { looksDue, prefetch } from './prefetch.ts';

/** How keys and certificates are made. */
export interface Issuing {
  generateKey: typeof generateKey;
  issuePair: typeof issuePair;
}

export const ISSUING: Issuing = { generateKey, issuePair };

/** What all clients of a process share. Token, discovery and public keys are requested only once. */
export interface SharedServices {
  budget: SharedBudget;
  auth0: Remote;
  proofRemote: Remote;
  github: Remote;
  /** Local time in milliseconds. Every token of the inputs was issued before. */
  startedAt: number;
  token: () => Promise<string>;
  discover: () => Promise<ProofEndpoints>;
  destinations: KnownDestinations;
}

/** The services of a run and of its watch. */
export interface RunServices extends ApplyServices {
  /** GitHub with the input `workflow-token`, for a watch. */
  workflowApi: GitHubApi | undefined;
}

/** @param writes the pace of writes to GitHub */
export function shareServices(
  { audience, domain, login, mtlsDomain }: Inputs,
  transport: Transport,
  mask: (secret: string) => void,
  writes?: Pace,
): SharedServices {
  const budget = new SharedBudget();
  const auth0 = { serverClock: new ServerClock(), pace: budget };
  const proofRemote = { serverClock: new ServerClock() };
  const discover = once(() =>
    discoverMtlsEndpoints(new Service('Auth0 proof', transport, proofRemote), domain, mtlsDomain),
  );
  const token = once(async () => {
    // The token endpoint does not count against the rate limit of the Management API, so this service has no pace.
    const service = new Service('Auth0', transport, { serverClock: auth0.serverClock });
    const mtlsTokenEndpoint = async () => (await discover()).token;
    const fresh = await managementToken({ service, domain, audience, login, mtlsTokenEndpoint });
    mask(fresh);
    return fresh;
  });
  const github = { serverClock: new ServerClock(), ...(writes ? { pace: writes } : {}) };
  return {
    budget,
    auth0,
    proofRemote,
    github,
    startedAt: transport.clock.now(),
    token,
    discover,
    destinations: { keys: new Map(), writes: new Map() },
  };
}

export interface ServiceOptions {
  shared?: SharedServices;
  issuing?: Issuing;
  /** Clients that were read together in one listing. */
  listing?: ClientListing | undefined;
}

/** Builds the services of one client. */
export function connectServices(
  inputs: Inputs,
  transport: Transport,
  logger: Pick<ApplyServices, 'mask' | 'onStep'>,
  { shared = shareServices(inputs, transport, logger.mask), issuing = ISSUING, listing }: ServiceOptions = {},
): RunServices {
  const { domain, githubApiUrl, githubToken, issuer, desired, pkcs12Password, watch } = inputs;
  const github = (token: string | undefined) =>
    token === undefined ? undefined : new GitHubApi(service('GitHub'), token, githubApiUrl, shared.startedAt);
  const service = (name: 'GitHub' | 'Auth0' | 'Auth0 proof') => {
    // The proof of a bare key goes to the tenant, whose time the login has shown.
    const { serverClock } = desired.method === 'private_key_jwt' ? shared.auth0 : shared.proofRemote;
    const remotes = { GitHub: shared.github, Auth0: shared.auth0, 'Auth0 proof': { serverClock } };
    return new Service(name, transport, remotes[name]);
  };
  const api = github(githubToken);
  const store = api && new SecretStore(api, shared.destinations);
  const newKey = once(() => issuing.generateKey(desired.keySize ?? 2048));
  const { proofEndpoint, pushedRequestEndpoint } = endpointsOf(
    inputs,
    shared.discover,
    service('Auth0 proof'),
  );
  const proveCurrentEarly = earlyProof(inputs, transport, service('Auth0 proof'), proofEndpoint);
  const mayIssue = !inputs.readOnly && desired.operation !== 'revert';
  if (mayIssue && looksDue(desired, transport.clock.now()))
    prefetch([
      ...(desired.keySize === undefined ? [] : [newKey]),
      proveCurrentEarly ?? proofEndpoint,
      ...publicKeyReads(desired, store),
    ]);
  /** Opens the connections of the proofs early, so that their handshakes are done by the time of the association. */
  const connectAhead = async ({ certificate, privateKey }: Pair) => {
    const url = await proofEndpoint();
    if (!url || !certificate) return;
    const to = { url, clientCertificate: { certificate, privateKey } };
    transport.connectAhead?.(to);
    // For the second proof. A connection that idles for longer may be closed by then.
    if (desired.propagationTime < LONGEST_IDLE) transport.connectAhead?.({ ...to, freshConnection: true });
  };
  return {
    tenant: new Tenant(service('Auth0'), domain, shared.token, listing),
    store,
    workflowApi: github(watch?.token),
    proofService: service('Auth0 proof'),
    domain,
    pkcs12Password,
    proofEndpoint,
    pushedRequestEndpoint,
    proveCurrentEarly,
    issuePair: async (resolved, now) => {
      const key =
        resolved.keySize === desired.keySize ? newKey : () => issuing.generateKey(resolved.keySize ?? 2048);
      const pair = await issuing.issuePair(issuer, resolved, now, key);
      connectAhead(pair).catch(() => undefined);
      return pair;
    },
    issueUnregistered: (resolved, now) =>
      issuing.issuePair(
        { kind: 'itself' },
        resolved,
        now,
        (): Promise<KeyObject> => issuing.generateKey(2048),
      ),
    clock: transport.clock,
    cancellation: transport.cancellation,
    mask: logger.mask,
    onStep: logger.onStep,
  };
}

/** How long a silent connection may wait for its request, in milliseconds. Some servers close it sooner than others. */
const LONGEST_IDLE = 5_000;

/** A listing that reads a hundred clients per request. undefined if so few clients make it slower than single reads. */
export function clientListing(
  { domain }: Inputs,
  transport: Transport,
  shared: SharedServices,
  clientIds: readonly string[],
): ServiceOptions['listing'] {
  const tenant = new Tenant(new Service('Auth0', transport, shared.auth0), domain, shared.token);
  return listingOf(tenant, clientIds);
}

/** The endpoints for proofs. A client assertion goes to the tenant itself. */
function endpointsOf(
  { desired: { method, verify }, domain }: Inputs,
  discover: () => Promise<ProofEndpoints>,
  proofService: Service,
): Pick<ApplyServices, 'proofEndpoint' | 'pushedRequestEndpoint'> {
  const none = async () => undefined;
  if (verify === 'off') return { proofEndpoint: none, pushedRequestEndpoint: none };
  if (method === 'private_key_jwt')
    return {
      proofEndpoint: async () => `https://${domain}/oauth/token`,
      pushedRequestEndpoint: once(() => discoverPushedRequestEndpoint(proofService, domain)),
    };
  return {
    proofEndpoint: async () => (await discover()).token,
    pushedRequestEndpoint: async () => (await discover()).pushedRequest,
  };
}

/**
 * Proves the pair in use while Auth0 is still being read. An audience in the inputs shows that the client requests tokens. undefined: only
 * the reads show whether and how it can be proven.
 */
function earlyProof(
  { currentPair: pair, desired, domain }: Inputs,
  { clock }: Transport,
  proofService: Service,
  proofEndpoint: ApplyServices['proofEndpoint'],
): (() => Promise<ProofResult>) | undefined {
  const { clientId, currentKey, operation, run, verifyAudience: audience } = desired;
  const isOver = (currentKey?.notAfter?.getTime() ?? 0) <= clock.now();
  if (!pair?.certificate || !currentKey || !audience || isOver || clientId === '') return undefined;
  if (operation === 'enroll') return undefined;
  const { thumbprint } = currentKey;
  return once(async () => {
    const endpoint = await proofEndpoint();
    // Only prefetch gets here, and it ignores the error.
    if (endpoint === undefined) throw new Error('no endpoint for a proof');
    return proveKey(proofService, {
      endpoint,
      domain,
      clientId,
      pair,
      thumbprint,
      audience,
      mustBind: false,
      run,
    });
  });
}

/** Calls `make` once. If it gets no answer, the next caller tries again, so that an outage concerns only the clients of a fleet that meet it. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      if (error instanceof RotationError && error.code === 'AUTH0_REQUEST_FAILED') made = undefined;
      throw error;
    });
    return made;
  };
}
