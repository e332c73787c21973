/** What was covered and what was found. */

import type { Event, Violation } from './invariants.ts';
import type { Residual } from './residual.ts';
import { nameOf, type Scenario } from './scenarios.ts';
import type { Execution } from './scheduler.ts';
import type { World } from './world.ts';

export interface Finding {
  scenario: string;
  variant: string;
  violation: Violation;
  trace: string;
}

export class Tally {
  scenarios = new Set<string>();
  refused = 0;
  faults = 0;
  pairsOfFaults = 0;
  schedules = 0;
  samples = 0;
  stale = 0;
  lags = 0;
  /** Lives of a client among people, and messages that were followed. */
  people = 0;
  advised = 0;
  executions = 0;
  requests = 0;
  crashes = 0;
  readonly residuals: (Residual & { scenario: string; variant: string })[] = [];
  readonly findings: Finding[] = [];
  readonly #kinds = new Set<string>();

  /** Findings after which a search gives up; undefined: never. */
  limit: number | undefined;

  get enough(): boolean {
    return this.limit !== undefined && this.findings.length >= this.limit;
  }

  line(): string {
    return [
      `${this.executions} executions`,
      `${this.faults} faults`,
      `${this.pairsOfFaults} pairs of faults`,
      `${this.schedules} schedules`,
      `${this.samples} samples`,
      `${this.people} lives`,
      `${this.requests} requests`,
      `${this.findings.length} violations`,
      `${this.residuals.length} residuals`,
    ].join(', ');
  }

  /** Everything, with the first trace of each kind of violation and of residual. */
  print(): string {
    const lines = [
      `starting states with their wish: ${this.scenarios.size} (${this.refused} refused by the plan)`,
      `faults of single runs: ${this.faults}; pairs of them: ${this.pairsOfFaults}; schedules of two runs: ${this.schedules} (${this.crashes} with a crash); random schedules: ${this.samples}; runs held up: ${this.stale}; lagging reads: ${this.lags}`,
      `lives among people: ${this.people}; messages that were followed: ${this.advised}`,
      `executions: ${this.executions}; requests that landed: ${this.requests}`,
      `violations: ${this.findings.length}`,
    ];
    for (const [key, ones] of grouped(this.findings, findingKey)) {
      const [first] = ones;
      if (!first) continue;
      lines.push(`\n-- ${ones.length} × ${key}\n   first: ${first.scenario}; ${first.variant}`, first.trace);
    }
    lines.push(`\nknown residuals: ${this.residuals.length}`);
    for (const [key, ones] of grouped(this.residuals, residualKey)) {
      const [first] = ones;
      lines.push(`   ${ones.length} × ${key}; first: ${first?.scenario}; ${first?.variant}`);
    }
    return lines.join('\n');
  }

  begin(scenario: Scenario): void {
    this.scenarios.add(nameOf(scenario));
  }

  add(execution: Execution, scenario: Scenario, variant: string): void {
    this.#record(execution, scenario, variant);
    execution.close();
  }

  #record(execution: Execution, scenario: Scenario, variant: string): void {
    this.executions += 1;
    this.requests += execution.requests;
    const named = { scenario: nameOf(scenario), variant };
    const { violations, residuals } = execution.invariants;
    if (violations.length + residuals.length === 0) return;
    for (const residual of residuals) this.residuals.push({ ...residual, ...named });
    const [violation] = violations;
    if (!violation) return;
    const finding = { ...named, violation, trace: '' };
    // Only the first of its kind is shown, and traces are long.
    const isNew = !this.#kinds.has(findingKey(finding));
    this.#kinds.add(findingKey(finding));
    this.findings.push(isNew ? { ...finding, trace: printTrace(execution) } : finding);
  }
}

export function findingKey({ violation, variant }: Finding): string {
  const { invariant, detail } = violation;
  const kind = variant.replace(/\d+/g, 'n');
  return `${invariant}: ${detail.replace(/cred_\w+|Client \w+/g, '…').slice(0, 110)} (${kind})`;
}

function residualKey({ kind, lasting }: Residual): string {
  return `${kind}, ${lasting ? 'until the next run' : 'until the end of its run'}`;
}

function grouped<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  return Map.groupBy(items, keyOf);
}

/** One line for each request that was let go. */
export function printTrace({ trace, world, invariants, actors }: Execution): string {
  const lines = trace.map((event, index) => {
    const found = invariants.violations.filter(({ at }) => at === index + 1);
    const residual = invariants.residuals.filter(({ at }) => at === index + 1);
    return [
      printEvent(event, world),
      ...found.map(({ invariant, detail }) => `      !! ${invariant}: ${detail}`),
      ...residual.map(({ kind, location }) => `      ~~ known residual (${kind}): ${location}`),
    ].join('\n');
  });
  const ends = actors.map(({ name, result, dead }) => {
    const end = result?.error ? `${result.error.code}: ${result.error.message}` : 'success';
    return `   ${name}: ${dead ? 'crashed' : result ? end : 'not ended'}`;
  });
  return [...lines, ...ends].join('\n');
}

function printEvent({ actor, request, index, note, status, time }: Event, world: World): string {
  const seconds = ((time - Date.parse('2026-03-01T00:00:00Z')) / 1000).toFixed(2).padStart(8);
  const url = new URL(request.url);
  const path = labelled(url.pathname.replace('/api/v2', ''), world);
  const what = request.method === 'GET' ? '' : ` ${bodyOf(request.body ?? '', world)}`;
  const result = status === undefined ? 'no answer' : `${status}`;
  return `${seconds} ${actor.name}${index ? `#${index}` : ''} ${request.method} ${path}${what} → ${result}${note && ` (${note})`}`;
}

function labelled(text: string, { labels }: World): string {
  let plain = text;
  for (const [id, label] of labels) plain = plain.replaceAll(id, label);
  return plain;
}

function bodyOf(body: string, world: World): string {
  if (body.includes('encrypted_value')) return '';
  const bound = /(?:possession|binding)":(true|false)/.exec(body);
  if (bound) return `bound: ${bound[1]}`;
  if (!body.includes('client_authentication_methods')) return '';
  return `[${[...body.matchAll(/"id":"(cred_\w+)"/g)].map(([, id]) => labelled(id ?? '', world)).join(', ')}]`;
}
