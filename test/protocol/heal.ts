/** L1: from every state that a crash can leave, one undisturbed run after the lease settles it, and the next has nothing to do. */

import type { RotationError } from '../../src/errors.ts';
import { readOwnership } from '../../src/model/ownership.ts';
import type { Actor } from './actor.ts';
import type { Event } from './invariants.ts';
import { recordIdentity } from './method.ts';
import { nameOf, type Scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import { play } from './single.ts';
import { World } from './world.ts';

/** Made by hand: announced that long before it goes, and an hour. */
const NOTICE_PERIOD = 7 * 86_400_000 + 3_600_000;
const AFTER_LEASE = 16 * 60_000;
/** Longer than every overlap that is explored. */
const AFTER_OVERLAP = 13 * 3_600_000;

/** States from which the next runs have been seen to heal. */
export class Healed {
  readonly #seen = new Set<string>();
  readonly #rotatable = new Map<string, boolean>();

  /** @returns whether it is new */
  add(key: string): boolean {
    if (this.#seen.has(key)) return false;
    this.#seen.add(key);
    return true;
  }

  /** Would rotations succeed, had nothing happened? */
  async rotatable({ world, code }: Execution): Promise<boolean> {
    const { scenario, materials } = world;
    const known = this.#rotatable.get(nameOf(scenario));
    if (known !== undefined) return known;
    const clean = new Execution(new World(scenario, materials), code);
    clean.world.time += AFTER_LEASE;
    const first = await undisturbed(clean, 'A', true);
    clean.world.time += AFTER_OVERLAP;
    const second = first.succeeded ? await undisturbed(clean, 'A', true) : first;
    this.#rotatable.set(nameOf(scenario), second.succeeded);
    return second.succeeded;
  }

  get size(): number {
    return this.#seen.size;
  }
}

/** @param mayBeRefused the state was refused already before anything happened to it */
export async function heal(
  execution: Execution,
  healed: Healed,
  scenario: Scenario,
  mayBeRefused: boolean,
): Promise<void> {
  const { invariants, world } = execution;
  invariants.settle(execution.actors);
  if (invariants.violations.length > 0 || !healed.add(stateOf(execution, scenario))) return;
  for (const actor of execution.actors) if (actor.live) execution.kill(actor);
  world.time += AFTER_LEASE;
  // What a frozen PUT has overwritten cannot be seen by the times: its run said what to do.
  // What a rehearsal has left the next one removes, or a rotation.
  if (scenario.operation === 'rehearse' && !scenario.force) await rehearseAgain(execution, mayBeRefused);
  let first = await undisturbed(execution, 'healing', invariants.overwritten);
  // What was made by hand is announced for a week before it goes.
  if (/If you do nothing, the first rotation after \S+ removes /.test(first.result?.error?.message ?? '')) {
    world.time += NOTICE_PERIOD;
    first = await undisturbed(execution, 'healing a week later', invariants.overwritten);
  }
  const { error } = first.result ?? {};
  // A rehearsal only warns of what would stop a rotation.
  const wasRefused = async () =>
    mayBeRefused || (scenario.operation === 'rehearse' && !(await healed.rotatable(execution)));
  // Which of two clients is in use only `current-credential` can tell.
  const undecided = error?.code === 'CLIENT_EXISTS' && world.clientIds.length > 1;
  if (error && !undecided && !isLockedOut(execution, error) && !(await wasRefused()))
    invariants.report('L1', `the next run fails: ${error.message}`);
  if (error) return;
  if (world.desired.operation !== 'revert') await goesOn(execution, healed);
}

/** The admitted residual, met by the client that the action logs in with: no run gets in to heal it. */
function isLockedOut({ invariants, world }: Execution, { code }: RotationError): boolean {
  const isOut = world.scenario.isManager && code === 'AUTH0_UNAUTHORIZED';
  return isOut && invariants.residuals.some(({ lasting }) => lasting);
}

async function rehearseAgain(execution: Execution, mayBeRefused: boolean): Promise<void> {
  const { invariants, world } = execution;
  const again = execution.start('rehearsing');
  await play(execution, again);
  if (mayBeRefused) return;
  const { error } = again.result ?? {};
  if (error) invariants.report('L1', `the next rehearsal fails: ${error.message}`);
  if (world.credentials().some(({ name }) => readOwnership(name)?.rehearsal))
    invariants.report('L1', 'a rehearsal has left a credential, and the next one too');
}

/** Consumers are served, nothing is left to do, and the next rotation works. */
async function goesOn(execution: Execution, healed: Healed): Promise<void> {
  const { invariants, world } = execution;
  for (const { location, works } of world.truth().held)
    if (!works) invariants.report('L1', `${location} does not work after the next run`);
  await settled(execution);
  if (invariants.violations.length > 0 || !(await healed.rotatable(execution))) return;
  const again = await undisturbed(execution, 'rotating', true);
  if (again.result?.error) invariants.report('L1', `no rotation any more: ${again.result.error.message}`);
}

/** When the overlap is over as well, nothing is left to do. */
async function settled(execution: Execution): Promise<void> {
  const { invariants, trace, world } = execution;
  world.time += AFTER_OVERLAP;
  await undisturbed(execution, 'later');
  const before = trace.length;
  const last = await undisturbed(execution, 'idle');
  if (last.result?.error) invariants.report('L1', `a third run fails: ${last.result.error.message}`);
  const changes = ({ request: { method, url } }: Event) => method !== 'GET' && !url.endsWith('/oauth/token');
  const write = trace.slice(before).find(changes);
  if (write) invariants.report('L1', `a settled client is written: ${write.request.method}`);
}

async function undisturbed(execution: Execution, name: string, force = false): Promise<Actor> {
  const { operation } = execution.world.desired;
  const actor = execution.start(name, {
    force,
    operation: operation === 'rehearse' ? 'rotate' : operation,
    revoke: false,
  });
  await play(execution, actor);
  return actor;
}

/** Two executions with the same key heal alike: times count as an order and as short distances. */
function stateOf(execution: Execution, { start }: Scenario): string {
  const { world } = execution;
  const credentials = world.credentials();
  const associated = new Set(execution.invariants.now.associated);
  const pool = credentials.map((one) => ({
    at: Date.parse(one.created_at) - 2_300,
    what: `${world.labelOf(recordIdentity(one))}${markOf(one.name, world)}${associated.has(one.id) ? '+' : '-'}`,
  }));
  const held = world.truth().held.map((one) => ({
    at: Date.parse(one.updatedAt) + 1_400,
    what: `${one.location}=${world.labelOf(one.identity)}`,
  }));
  const order = [...pool, ...held].sort((a, b) => a.at - b.at || (a.what < b.what ? -1 : 1));
  const steps = order.map(({ at, what }, index) => `${gap(at - (order[index - 1]?.at ?? 0))}${what}`);
  const asked = JSON.stringify({
    ...world.scenario,
    start: start.name,
    uses: execution.invariants.now.method,
    bound: execution.invariants.now.bound,
    clients: world.clientIds.length,
  });
  return `${asked} ${gap(world.time - (order.at(-1)?.at ?? 0))} ${steps.join(' ')}`;
}

function markOf(name: string | undefined, { labels }: World): string {
  const mark = readOwnership(name);
  return mark ? `*${mark.rehearsal ? 'rehearsed' : ''}${labels.get(mark.after ?? '') ?? ''}` : '';
}

function gap(milliseconds: number): string {
  return milliseconds > 10_000 ? '|' : `${Math.round(milliseconds / 500)}`;
}
