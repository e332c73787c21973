/** A number that a document names is one that the code has: who changes one must change the other. */

import { globSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { HEADER_LIMIT } from '../../src/certificate/size.ts';
import { METHOD_CAPACITY, POOL_CAPACITY } from '../../src/model/capacity.ts';
import { DAY, LEASE, LONGEST_RUN, NOTICE_PERIOD } from '../../src/model/timing.ts';

const read = (path: string) => readFileSync(path, 'utf8');
/** Lines of a document end anywhere. */
const prose = (path: string) => read(path).replace(/\n>? */g, ' ');
const { inputs } = parse(read('action.yml'));
const dates = {
  validity: Number(inputs['validity-days'].default),
  renewal: Number(inputs['renew-before-days'].default),
};
const between = dates.validity - dates.renewal;
const minutes = (milliseconds: number) => milliseconds / 60_000;

/** What the code calls it, and its literal. */
function literal(path: string, name: string): string {
  const [, value = ''] = new RegExp(`^(?:export )?const ${name} = (.*);$`, 'm').exec(read(path)) ?? [];
  return value;
}

describe('a number of the code', () => {
  it.each<[what: string, document: string, sentence: string]>([
    ['how long a certificate is valid', 'README.md', `valid for ${dates.validity} days`],
    ['the second rotation', 'README.md', `day ${between + 1} | ${dates.renewal} days are left`],
    ['the third rotation', 'README.md', `day ${2 * between + 1} |`],
    ['the time to mend a failure', 'README.md', `a person has ${dates.renewal} days to fix it`],
    [
      'the time to mend a failure',
      'docs/troubleshooting.md',
      `has ${dates.renewal} days left when a rotation first fails`,
    ],
    [
      'the default overlap',
      'docs/how-it-works.md',
      `it works for ${dates.renewal} days after the rotation that replaces it`,
    ],
    [
      'the default overlap',
      'docs/recipes.md',
      `it has expired by then, ${dates.renewal} days after it was replaced`,
    ],
    ['the default overlap', 'examples/web-application.yml', `within ${dates.renewal} days of a rotation`],
    [
      'the default overlap',
      'README.md',
      `by default ${dates.renewal} days after the rotation that replaced it`,
    ],
    ['the notice', 'README.md', `at least ${NOTICE_PERIOD / DAY} days after its successor was delivered`],
    ['the notice', 'docs/how-it-works.md', `at least ${NOTICE_PERIOD / DAY} days from then`],
    ['the lease', 'docs/how-it-works.md', `abandoned more than ${minutes(LEASE)} minutes ago`],
    ['the lease', 'docs/troubleshooting.md', `within the last ${minutes(LEASE)} minutes`],
    ['the longest run', 'docs/how-it-works.md', `a run stops itself after ${minutes(LONGEST_RUN)}.`],
    ['the longest run', 'docs/troubleshooting.md', `stopped itself after ${minutes(LONGEST_RUN)} minutes`],
    ['the header of the edge', 'docs/troubleshooting.md', `(${HEADER_LIMIT} bytes, URL-encoded)`],
    ['the header of the edge', 'docs/recipes.md', `Auth0 takes ${HEADER_LIMIT} bytes`],
    ['propagation', 'docs/how-it-works.md', '`propagation-time` and 30 s more'],
  ])('%s stands in %s: %s', (_, document, sentence) => {
    expect(prose(document)).toContain(sentence);
  });

  it.each<[path: string, name: string, value: string, document: string, sentence: string]>([
    ['src/apply/deliver.ts', 'PAUSE', '6_000', 'docs/how-it-works.md', 'waits 6 s after the last delivery'],
    ['src/apply/prove.ts', 'GRACE', '30_000', 'docs/how-it-works.md', 'and 30 s more'],
    ['src/model/spread.ts', 'MOST', '7', 'docs/how-it-works.md', 'up to seven days earlier'],
    ['src/model/shard.ts', 'CLIENTS', '50', 'docs/how-it-works.md', 'one for 50 due clients'],
    ['src/model/shard.ts', 'CLIENTS', '50', 'docs/recipes.md', 'a job has 50 clients at most'],
    ['src/fleet/fleet.ts', 'FEWEST', '3', 'docs/how-it-works.md', 'Three to ten clients are at work at once'],
    ['src/fleet/fleet.ts', 'USUAL', '10', 'docs/how-it-works.md', 'Three to ten clients are at work at once'],
    ['src/http/pace.ts', 'APART', '1_000', 'docs/how-it-works.md', 'at most 3,600 secrets an hour'],
    ['src/report/fleet.ts', 'ANNOTATIONS', '9', 'docs/how-it-works.md', 'at most ten annotations'],
    [
      'src/auth0/logs.ts',
      'MOST',
      '5_000',
      'docs/how-it-works.md',
      'Beyond 5,000 it counts the rest as unknown',
    ],
    [
      'src/observe/usage-logs.ts',
      'LOG_DELAY',
      '30_000',
      'docs/how-it-works.md',
      'waits up to 30 s until its entry appears',
    ],
    ['src/plan/log-usage.ts', 'SHOWN', '5', 'docs/security.md', 'up to five consumers'],
    [
      'src/http/wire.ts',
      'LONGEST_FLIGHT',
      '60_000',
      'docs/security.md',
      'An answer is limited to 60 s and 4 MiB',
    ],
    [
      'src/github/api.ts',
      'NEW_TOKEN_TIME',
      '6_000',
      'docs/troubleshooting.md',
      'repeated its request for 6 seconds',
    ],
    [
      'src/watch/findings.ts',
      'WARNS',
      '1 / 3',
      'docs/troubleshooting.md',
      'less than a third of its life is left',
    ],
    [
      'src/watch/findings.ts',
      'FAILS',
      '1 / 10',
      'docs/troubleshooting.md',
      'less than a tenth of its life is left',
    ],
    ['src/watch/findings.ts', 'GRACE', '2 * DAY', 'docs/troubleshooting.md', 'due for more than two days'],
    ['src/inputs/durations.ts', 'LONGEST_PROPAGATION', '2 * 60_000', 'action.yml', 'a duration up to `2m`'],
    ['src/inputs/durations.ts', 'LONGEST_WINDOW', '29 * DAY', 'action.yml', 'up to `29d`'],
  ])('%s: %s = %s stands in %s: %s', (path, name, value, document, sentence) => {
    expect([literal(path, name), prose(document)]).toEqual([value, expect.stringContaining(sentence)]);
  });

  it('Auth0 allows two credentials, as the documents count', () => {
    expect([METHOD_CAPACITY, POOL_CAPACITY]).toEqual([2, 2]);
    expect(prose('README.md')).toContain('Auth0 allows two credentials');
  });
});

describe('a list of the code', () => {
  it('the scopes are named wherever a person grants them', () => {
    const [, list = ''] = /const SCOPES = \[([^\]]*)\]/.exec(read('src/plan/preconditions.ts')) ?? [];
    const scopes = [...list.matchAll(/'([^']+)'/g)].map(([, scope]) => `${scope}`);
    expect(scopes.length).toBe(6);
    for (const scope of scopes) expect(prose('README.md')).toContain(`\`${scope}\``);
    expect(prose('README.md')).toContain('and the six scopes');
  });

  it('the permissions of the app are those that a refusal names', () => {
    const named = [...read('src/github/refusals.ts').matchAll(/"the (\w+) permission '([\w ]+): write'"/g)];
    expect(named.length).toBe(4);
    for (const [, level, permission] of named)
      expect(read('README.md')).toContain(`${level}: ${permission} |`);
  });

  it('each reason has its row in how-it-works, and the output names it', () => {
    const [, union = ''] = /export type Reason =([\s\S]*?);/.exec(read('src/model/plan.ts')) ?? [];
    const reasons = [...union.matchAll(/'(\w+)'/g)].map(([, reason]) => `${reason}`);
    expect(reasons.length).toBeGreaterThan(8);
    const documented =
      read('docs/how-it-works.md')
        .match(/^\| `[A-Z]\w+`.*\| .* \|$/gm)
        ?.join() ?? '';
    for (const reason of reasons) expect(documented).toContain(`\`${reason}\``);
    for (const reason of reasons)
      expect(parse(read('action.yml')).outputs.reason.description).toContain(reason);
  });

  it('the README names each example, and its recipe the six that hand over', () => {
    const shown = prose('README.md') + prose('docs/recipes.md');
    for (const path of globSync('examples/*.yml')) expect(shown).toContain(path.replace('examples/', ''));
    expect(globSync('examples/hand-over-*.yml').length).toBe(6);
    expect(prose('README.md')).toContain('[six workflows]');
  });
});
