/** Scenarios: a starting state with what its runs are asked for. */

import { type AuthenticationMethod, type DesiredState, METHODS } from '../../src/model/desired-state.ts';
import type { Destination } from '../../src/model/secret-location.ts';
import { HOUR, LEFT_BEHIND, NO_CLIENT, NOT_ENROLLED, STARTS, type Start, startNamed } from './starts.ts';

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
  operation: DesiredState['operation'];
  /** `token-binding`. */
  binding: DesiredState['tokenBinding'];
  /** Which property of token binding the tenant knows; or it binds nothing, whatever the client asks for. */
  tenant: 'current' | 'older binding' | 'binds nothing';
  /** The client is the one that the action logs in with: by what the primary holds. */
  isManager: boolean;
  /** Of CA-signed certificates: the next one has the subject of the primary's, or another. */
  renews: boolean;
  /** How long a node of Auth0 may need until it knows an association, and so `propagation-time`; the one that is asked first knows it at once. */
  propagation: number;
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
  binding: 'unchanged',
  tenant: 'current',
  isManager: false,
  propagation: 0,
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
  return [
    ...rotations,
    ...otherMethods(),
    ...otherOperations(),
    ...bindings(),
    ...managers(),
    ...propagating(),
  ];
}

/** A tenant whose nodes do not know an association at once. */
export function propagating(): Scenario[] {
  const names = ['ours alone', 'settled', 'hand-made, held', 'two hold one'];
  return names.map((name) => scenario(name, { propagation: 30_000 }));
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
  const starting = (operation: DesiredState['operation'], starts: readonly Start[]) =>
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

/** Tokens that are bound, or no longer, by each operation. */
function bindings(): Scenario[] {
  const required = { binding: 'required' } as const;
  const off = { binding: 'off' } as const;
  const tenants = ['current', 'older binding'] as const;
  const METHOD = 'tls_client_auth' as const;
  const rotated = ['ours alone', 'settled', 'hand-made, held', 'partly delivered'];
  const rotations = rotated.flatMap((name) => [
    scenario(name, required),
    scenario(`${name}, bound`, off),
    scenario(name, { ...required, force: false, overlap: 0 }),
  ]);
  const others = tenants.flatMap((tenant) => [
    scenario('settled', { ...required, tenant, force: false }),
    scenario('ours alone, bound', { ...off, tenant, force: false }),
    scenario('no client', { ...required, tenant, operation: 'create', force: false }),
    scenario('client secret', { ...required, tenant, operation: 'enroll', force: false }),
    scenario('client secret, bound', { ...off, tenant, operation: 'enroll', force: false }),
    scenario('settled, bound', { tenant, operation: 'revert', force: false }),
  ]);
  return [
    ...rotations,
    ...others,
    scenario('ours alone, bound', { tenant: 'current' }),
    scenario('client secret, bound', { operation: 'enroll', force: false }),
    scenario('partly delivered, bound', { operation: 'revert', force: false }),
    scenario('no client, two', { ...required, method: METHOD, operation: 'create', force: false }),
    scenario('settled', { ...required, method: METHOD, renews: true }),
    scenario('ours alone', { ...required, tenant: 'binds nothing' }),
    scenario('client secret', { ...required, tenant: 'binds nothing', operation: 'enroll', force: false }),
    scenario('no client', { ...required, tenant: 'binds nothing', operation: 'create', force: false }),
  ];
}

/** The client that the action logs in with rotates what it has logged in with. */
function managers(): Scenario[] {
  const names = [
    'hand-made, held',
    'ours alone',
    'settled',
    'settled, due',
    'abandoned, associated',
    'two hold one',
  ];
  const methods = ['self_signed_tls_client_auth', 'private_key_jwt'] as const;
  return methods.flatMap((method) => [
    ...names.map((name) => scenario(name, { method, isManager: true })),
    scenario('settled', { method, isManager: true, overlap: 0, poolCap: 4 }),
    scenario('partly delivered', { method, isManager: true, force: false }),
  ]);
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
  return { ...PLAIN, ...asked, start: startNamed(startName) };
}

export function nameOf(one: Scenario): string {
  const { start, force, overlap, current, method, operation, parts, poolCap, renews, revoke } = one;
  const { binding, isManager, propagation, tenant } = one;
  const desires = [
    operation === 'rotate' ? '' : operation,
    method === PLAIN.method ? '' : method,
    renews ? 'same subject' : '',
    binding === 'unchanged' ? '' : `binding ${binding}`,
    tenant === 'current' ? '' : tenant,
    isManager ? 'itself' : '',
    force ? 'force' : 'due only',
    revoke ? 'revoke' : '',
    current ? 'current-credential' : 'by time',
    overlap === 'until-next-rotation' ? '' : `overlap ${overlap / HOUR}h`,
    parts ? 'parts' : '',
    propagation === 0 ? '' : `known after ${propagation / 1000} s`,
    `cap ${poolCap}`,
  ];
  return `${start.name} [${desires.filter(Boolean).join(', ')}]`;
}
