/** What must not be missing from what people and the next job read: an alarm, a holder, a removed credential, a fate. */

import { describe, expect, it } from 'vitest';
import type { EarlierRuns, RunResult } from '../../../src/model/run-result.ts';
import { describeStep } from '../../../src/model/step.ts';
import { failureReport, withFailure } from '../../../src/report/failure.ts';
import {
  current,
  failure,
  idle,
  MINUTES,
  outcome,
  report,
  result,
  settled,
} from '../../support/run-result.ts';

const EARLIER_RUNS: EarlierRuns = {
  runs: [
    {
      repository: 'acme/shop',
      name: 'build ](https://evil.example) | <b>',
      url: 'https://github.com/acme/shop/actions/runs/1',
      status: 'queued',
      createdAt: '2026-11-24T11:00:00Z',
    },
  ],
  searched: ['acme/shop'],
  unsearched: [{ destination: 'org:acme', why: 'Not searched.' }],
};
const ofHolders = ({ message }: { message: string }) =>
  /queued before the delivery|could not be searched/.test(message);
const revoked = (earlierRuns: EarlierRuns) =>
  report(
    result({ force: true, revoke: true }, settled, {
      outcome: outcome({ earlierRuns, removed: ['cred_a'] }),
    }),
  );

describe('an alarm', () => {
  const alarmed = failure('Nobody can.').withStateNow(
    'It is so.',
    'some consumers may not be able to log in',
  );

  it('is the first line, and what is true now comes first', () => {
    const { headline, summary } = report(result({}, settled, { error: alarmed }));
    expect(headline).toMatch(/^❌ `shop`: some consumers may not be able to log in \(VERIFICATION_FAILED\)/);
    expect(summary.indexOf('It is so.')).toBeLessThan(summary.indexOf('It failed.'));
    const { summary: calm } = report(result({}, settled, { error: failure('It is so.') }));
    expect(calm.indexOf('It is so.')).toBeGreaterThan(calm.indexOf('It failed.'));
  });
});

describe('an alarm that names an environment', () => {
  const alarm = 'perhaps the consumers of env:acme/shop/*a*<b> PEM CANNOT LOG IN. Act at once';
  const shown = 'perhaps the consumers of env:acme/shop/\\*a\\*\\<b\\> PEM CANNOT LOG IN. Act at once';
  const alarmed = failure().withStateNow('It is so.', alarm);

  it('is no Markdown in the heading, and plain in the log', () => {
    const { headline, summary } = report(result({}, settled, { error: alarmed }));
    expect(headline).toContain(alarm);
    expect(summary.split('\n')[0]).toBe(`## ❌ \`shop\`: ${shown} (VERIFICATION_FAILED).`);
  });

  it('nor where the run has no result, or failed beside it', () => {
    const alone = failureReport(alarmed, (code) => code);
    expect(alone.headline).toContain(alarm.slice(1));
    expect(alone.summary.split('\n')[0]).toContain(shown.slice(1));
    const beside = withFailure(report(result({}, settled, { error: alarmed })), failure(), (code) => code);
    expect(beside.headline).toContain(alarm);
    expect(beside.summary.match(/^## .*$/gm)).toEqual([expect.stringContaining(shown)]);
  });
});

describe('outputs', () => {
  it('name no credential that this run has removed', () => {
    const told = result({}, settled, { outcome: { ...idle(), removed: ['cred_a'] } });
    expect(report(told).outputs).toMatchObject({ 'credential-id': '', thumbprint: '', 'not-after': '' });
  });

  it('have a key id of a bare key alone', () => {
    const bare = result({ method: 'private_key_jwt', force: true }, settled, { outcome: outcome() });
    expect(report(bare).outputs).toMatchObject({ 'key-id': 'thumbprint-new' });
    expect(report(result({ force: true }, settled, { outcome: outcome() })).outputs['key-id']).toBe('');
  });

  it('name the client that create has made', () => {
    const told = result({ force: true }, settled, { outcome: outcome({ clientId: 'made' }) });
    expect(report(told).outputs['client-id']).toBe('made');
  });
});

describe('who may still hold what was revoked', () => {
  it('is shown in a table without links from servers, and as a warning', () => {
    const { annotations, summary } = revoked(EARLIER_RUNS);
    expect(summary).toContain('](https://github.com/acme/shop/actions/runs/1)');
    expect(summary).not.toMatch(/[^\\]\]\(https:\/\/evil/);
    expect(summary).not.toContain('<b>');
    expect(summary).toContain('`org:acme` was not searched.');
    const messages = annotations.map(({ level, message }) => `${level} ${message}`);
    expect(messages).toContainEqual(expect.stringMatching(/^warning 1 workflow run was queued/));
    expect(messages).toContainEqual(expect.stringMatching(/^warning org:acme could not be searched/));
  });

  it('counts them, and names the repositories that have none', () => {
    const [one] = EARLIER_RUNS.runs;
    const two = revoked({ ...EARLIER_RUNS, runs: one ? [one, one] : [], unsearched: [] });
    expect(two.annotations.filter(ofHolders).map(({ message }) => message)).toEqual([
      expect.stringMatching(/^2 workflow runs were queued/),
    ]);
    const none = revoked({ runs: [], searched: ['acme/shop'], unsearched: [] });
    expect(none.annotations.filter(ofHolders)).toEqual([]);
    expect(none.summary).toContain('acme/shop.');
  });
});

describe('a destination', () => {
  const TWO = { destinations: ['repo:acme/shop', 'repo:acme/b'], force: true };
  const seed = { ...settled, written: [1, 1] };
  const table = (rest: object) =>
    report(result(TWO, seed, rest))
      .summary.split('\n')
      .filter((line) => line.startsWith('| `repo:'))
      .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')))
      .map(([destination, , , fate]) => `${destination} ${fate}`);

  it('has its fate, the worst first', () => {
    const half = outcome({ delivered: ['repo:acme/shop PEM'] });
    expect(table({ outcome: half, error: failure() })).toEqual([
      '`repo:acme/b` **not stored**',
      '`repo:acme/shop` **stored**',
    ]);
    const doubt = outcome({ delivered: ['repo:acme/shop PEM'], inDoubt: ['repo:acme/b PEM'] });
    expect(table({ outcome: doubt, error: failure() })).toEqual([
      '`repo:acme/b` **in doubt**',
      '`repo:acme/shop` **stored**',
    ]);
  });

  it('is unchanged if everything was undone', () => {
    expect(table({ outcome: { ...idle() }, error: failure() })).toEqual([
      '`repo:acme/shop` unchanged',
      '`repo:acme/b` unchanged',
    ]);
  });
});

describe('a credential', () => {
  const rowsOf = (told: RunResult) => {
    const { summary } = report(told);
    const table = summary.slice(summary.indexOf('| Credential |'), summary.indexOf('| Destination |'));
    return table
      .trim()
      .split('\n')
      .slice(2)
      .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '')))
      .map(([id, stage, , , , heldBy]) => `${id} ${stage} ${heldBy}`);
  };
  const TWO = { destinations: ['repo:acme/shop', 'repo:acme/b'], force: true };

  it('may be held by a primary in doubt, as may the new one', () => {
    const doubt = { ...idle(), inDoubt: ['repo:acme/shop PEM'] };
    expect(rowsOf(result({ force: true }, settled, { outcome: doubt, error: failure() }))).toEqual([
      '`the new credential` new perhaps `repo:acme/shop`',
      '`cred_a` current perhaps `repo:acme/shop`',
    ]);
    expect(rowsOf(result({ force: true }, settled, { outcome: idle(), error: failure() }))).toEqual([
      '`cred_a` current `repo:acme/shop`',
    ]);
  });

  it('may be held by another destination in doubt', () => {
    const doubt = outcome({ inDoubt: ['repo:acme/b PEM'] });
    const told = result(TWO, { ...settled, written: [1, 1] }, { outcome: doubt, error: failure() });
    expect(rowsOf(told)).toEqual([
      '`cred_new` new `repo:acme/shop`, perhaps `repo:acme/b`',
      '`cred_a` previous perhaps `repo:acme/b`',
    ]);
  });

  it('that the run has associated again is in the chart, and the one in whose place is not', () => {
    const seed = {
      credentials: [
        { ...current, associated: false },
        { id: 'cred_x', age: 30 * MINUTES },
        { id: 'cred_y', age: 40 * MINUTES },
      ],
      written: [10],
    };
    const told = result({ current: 'cred_a' }, seed);
    const [heal] = told.plan?.steps ?? [];
    const text = heal ? describeStep(heal) : '';
    expect(text).toMatch(/^Associate cred_a again, .*, in place of cred_[xy]$/);
    const [, displaced = ''] = /in place of (\w+)$/.exec(text) ?? [];
    const bars = (ended: string) =>
      report({
        ...told,
        outcome: { ...idle(), steps: [{ text, milliseconds: 1, outcome: ended }] },
      }).summary.match(/(?<=^ {4}\w+ )cred\w+(?=.* :)/gm);
    expect(bars('done')).toContain('cred_a');
    expect(bars('done')).not.toContain(displaced);
    expect(bars('failed')).not.toContain('cred_a');
  });
});

describe('a rehearsal', () => {
  it('names what it removed that an earlier one had left', () => {
    const told = (removed: string[]) =>
      report(result({ operation: 'rehearse' }, settled, { outcome: { ...idle(), removed } })).headline;
    expect(told([])).toContain('An unregistered one was refused. Nothing was changed or delivered. Next');
    expect(told(['cred_r'])).toContain(
      'An unregistered one was refused. The run removed cred_r, which an earlier rehearsal had left. Nothing else was changed, and nothing was delivered. Next',
    );
  });
});

describe('a proof', () => {
  const lineOf = (changes: Parameters<typeof outcome>[0], asked = {}) =>
    report(result({ force: true, ...asked }, settled, { outcome: outcome(changes) }));

  it.each(['not proven', 'not proven: no grant', 'not proven: no control', 'not authorized'] as const)(
    'that is none is said aloud: %s',
    (proof) => {
      const { annotations, headline, summary } = lineOf({ proof });
      expect(headline).toContain('NOT proven');
      expect(annotations).toEqual([
        expect.objectContaining({ level: 'warning', message: expect.stringContaining('WITHOUT') }),
      ]);
      expect(summary).toContain(`**${proof}**`);
    },
  );

  it.each(['proven', 'proven and bound'] as const)('is told: %s', (proof) => {
    const { annotations, headline } = lineOf({ proof });
    expect(headline).not.toContain('NOT');
    expect(annotations).toEqual([]);
  });
});

describe('a run without a result', () => {
  it('shows each problem on a line of its own, without Markdown from the input', () => {
    const error = Object.assign(failure(), { problems: ['One *bad*.', 'Two.'] });
    const { headline, summary, outputs } = failureReport(error, (code) => `docs#${code}`);
    expect(headline).toContain('VERIFICATION_FAILED');
    expect(summary).toContain('\n- One \\*bad\\*.\n- Two.\n');
    expect(summary).toContain('(docs#VERIFICATION_FAILED)');
    expect(outputs).toEqual({});
  });

  it('begins with its alarm', () => {
    const alarmed = failure().withStateNow('It is so.', 'the key is STILL VALID. Act at once');
    expect(failureReport(alarmed, (code) => code).headline).toBe(
      '❌ The key is STILL VALID. Act at once (VERIFICATION_FAILED).',
    );
    expect(failureReport(failure(), (code) => code).headline).toBe('❌ VERIFICATION_FAILED. Action needed.');
  });

  it('that came to its end has one heading, and what it did', () => {
    const good = report(result({ force: true }, settled, { outcome: outcome() }));
    const told = withFailure(good, failure(), (code) => code);
    expect(told.headline).toContain(good.headline);
    expect(told.summary.match(/^## /gm)).toHaveLength(1);
    expect(told.summary).toContain('It failed.');
    expect(told.outputs).toBe(good.outputs);
  });
});
