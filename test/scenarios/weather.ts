/** Faults that pass: what they hit, and what a rotation must make of them. */

import { expect } from 'vitest';
import type { EmulatorRequest } from '../emulators/emulator.ts';
import type { Sandbox, SandboxOptions } from '../emulators/sandbox.ts';
import type { Fault } from '../emulators/serve.ts';
import { code, credentialOf, credentials, held, json, login, rotate } from './support.ts';

export type Weather = NonNullable<SandboxOptions['fault']>;

/** The fault hits the first request that matches, and no other. */
export function once(matches: (request: EmulatorRequest) => boolean, fault: Fault, from = 1): Weather {
  let seen = 0;
  return (_, request) => (matches(request) && ++seen === from ? fault : undefined);
}

/** Every kind of request of the run meets the fault once. */
export function everywhere(fault: () => Fault): Weather {
  const met = new Set<string>();
  return (service, { method, path }) => {
    const kind = `${service} ${method} ${path.split('?')[0]}`;
    if (met.has(kind)) return undefined;
    met.add(kind);
    return fault();
  };
}

export const post = ({ method, path }: EmulatorRequest) => method === 'POST' && path.endsWith('/credentials');
export const patch = ({ method }: EmulatorRequest) => method === 'PATCH';
export const put = ({ method }: EmulatorRequest) => method === 'PUT';
export const remove = ({ method }: EmulatorRequest) => method === 'DELETE';
export const TOO_MANY = { message: 'Global limit has been reached', errorCode: 'too_many_requests' };
export const RATE_LIMITED = json(429, TOO_MANY, { 'retry-after': '1' });
export const soon = (): string => String(Math.ceil(Date.now() / 1000) + 1);

export async function rotatesWith(world: Sandbox, fault: Weather): Promise<void> {
  const { pool } = credentials(world);
  world.conditions.fault = fault;
  const run = await rotate(world, { force: 'true' });
  world.conditions.fault = undefined;
  expect([run.exitCode, code(run)]).toEqual([0, undefined]);
  expect(await login(world)).toBe(200);
  const after = credentials(world);
  expect(after.associated).toEqual(after.pool);
  expect(after.pool.filter((id) => !pool.includes(id))).toEqual([credentialOf(world, held(world))]);
}
