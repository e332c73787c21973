/** The one issue of a watched client: when it is opened, edited, left alone, closed and opened again. */

import { describe, expect, it } from 'vitest';
import type { Issue } from '../../../src/github/issues.ts';
import { failure, warning } from '../../../src/model/finding.ts';
import { changesOf, type IssueChange } from '../../../src/watch/issue.ts';
import { desired } from '../../support/states.ts';

const RUN = 'https://github.example/acme/shop/actions/runs/7';
const WATCHED = desired();
const EXPIRING = failure('expiring', 'It expires soon', 'Start the rotation');
const ORPHAN = warning('orphan', 'There is an orphan', 'Look at it');

const changes = (found: readonly Issue[], findings = [EXPIRING], of = WATCHED) =>
  changesOf(found, of, findings, RUN);

/** What somebody then sees in GitHub. */
function applied(issues: readonly Issue[], done: readonly IssueChange[]): Issue[] {
  const next = issues.map((issue) => ({ ...issue }));
  for (const change of done) {
    if (change.kind === 'open') next.push({ number: 40 + next.length, state: 'open', body: change.body });
    else
      Object.assign(
        next.find(({ number }) => number === change.number) ?? {},
        Object.fromEntries(
          Object.entries(change.fields).filter(([name]) => name === 'state' || name === 'body'),
        ),
      );
  }
  return next;
}

const opened = applied([], changes([]));
const [first = { number: 0, state: '', body: '' }] = opened;

describe('an issue', () => {
  it('is opened for findings, with what to do and the run that found them', () => {
    const [change] = changes([]);
    expect(change).toMatchObject({ kind: 'open', title: expect.stringContaining(WATCHED.clientId) });
    const lines = first.body.split('\n');
    expect(lines[0]).toMatch(/^<!-- auth0-mtls-rotation watch=[0-9a-f]{32} findings=[0-9a-f]{32} -->$/);
    expect(lines[1]).toBe(
      `The watch of the Auth0 client \`${WATCHED.clientId}\` has found this ([this run](${RUN})):`,
    );
    expect([lines[2], lines[3]]).toEqual(['', '| | What is found | What to do |']);
    expect(first.body).toContain('| ❌ | It expires soon | Start the rotation |\n\n<sub>');
  });

  it('is none if all is well', () => {
    expect(changes([], [])).toEqual([]);
  });

  it('stays as it is while the findings stay, whoever found them', () => {
    expect(changesOf(opened, WATCHED, [EXPIRING], `${RUN}1`)).toEqual([]);
    expect(changesOf(opened, WATCHED, [{ ...EXPIRING, severity: 'warning' }], RUN)).toEqual([]);
  });

  it.each([
    ['another one', [EXPIRING, ORPHAN]],
    ['another key', [{ ...EXPIRING, key: 'expired' }]],
    ['other words', [{ ...EXPIRING, what: 'It expires very soon' }]],
    ['another way out', [{ ...EXPIRING, todo: 'Start it by hand' }]],
  ])('is edited for %s', (_, findings) => {
    const done = changes(opened, findings);
    expect(done).toEqual([
      {
        kind: 'edit',
        number: first.number,
        fields: { body: expect.any(String) },
        comment: undefined,
        done: 'was updated',
      },
    ]);
    expect(applied(opened, done)[0]?.body).toContain(findings[0]?.what);
    expect(changes(applied(opened, done), findings)).toEqual([]);
  });

  it('that a person has closed stays closed for the same findings, and is opened again for others', () => {
    const closed = [{ ...first, state: 'closed' }];
    expect(changes(closed)).toEqual([]);
    const again = changes(closed, [ORPHAN]);
    expect(again).toMatchObject([
      { number: first.number, fields: { state: 'open', state_reason: 'reopened' }, done: 'was opened again' },
    ]);
    expect(applied(closed, again)[0]?.body).toContain('There is an orphan');
  });

  it('that a person has closed forgets its findings when all is well, and is opened again for the same ones', () => {
    const closed = [{ ...first, state: 'closed' }];
    const done = changes(closed, []);
    expect(done).toEqual([
      {
        kind: 'edit',
        number: first.number,
        fields: { body: first.body.replace(/findings=\w+/, 'findings=none') },
        comment: undefined,
        done: 'stays closed until something is found again',
      },
    ]);
    const forgotten = applied(closed, done);
    expect(forgotten[0]?.state).toBe('closed');
    expect(changes(forgotten, [])).toEqual([]);
    expect(changes(forgotten)).toMatchObject([{ number: first.number, done: 'was opened again' }]);
  });

  it('is closed when all is well, with the run that says so, and opened again for the same findings', () => {
    const done = changes(opened, []);
    expect(done).toMatchObject([
      {
        number: first.number,
        fields: { state: 'closed', state_reason: 'completed' },
        comment: expect.stringContaining(`[this run](${RUN})`),
        done: 'was closed',
      },
    ]);
    const closed = applied(opened, done);
    expect(closed[0]?.body).toBe(first.body.replace(/findings=\w+/, 'findings=none'));
    expect(changes(closed, [])).toEqual([]);
    expect(changes(closed)).toMatchObject([{ number: first.number, done: 'was opened again' }]);
  });

  it('with more findings than fit into it says how many are left out, and where they are', () => {
    const many = Array.from({ length: 1_000 }, (_, index) =>
      failure(`missing ${index}`, `\`repo:acme/shop-${index}\` is missing. ${'ü'.repeat(50)}`, 'Start it.'),
    );
    const [{ body } = { body: '' }] = applied([], changes([], many));
    expect(body.length).toBeLessThan(65_536);
    const rows = body.split('\n').filter((line) => line.startsWith('| ❌ |'));
    expect(rows.length).toBeGreaterThan(300);
    expect(body.split('\n').slice(-3)).toEqual([
      `|  | … and ${1_000 - rows.length} more | They are in [this run](${RUN}). |`,
      '',
      expect.stringMatching(/^<sub>/),
    ]);
  });

  it('of another client, of another workflow or without a tag is left alone', () => {
    const others = [
      ...applied([], changes([], [EXPIRING], desired({ clientId: 'other' }))),
      ...applied([], changes([], [EXPIRING], desired({ destinations: ['repo:acme/other'] }))),
      { number: 3, state: 'open', body: 'no tag' },
    ];
    expect(changes(others, [])).toEqual([]);
    expect(changes(others)).toMatchObject([{ kind: 'open' }]);
  });
});

describe('two issues of one client', () => {
  const younger = { ...first, number: first.number + 5 };

  it('leave the older one, whatever the order of the list', () => {
    for (const found of [
      [first, younger],
      [younger, first],
    ])
      expect(changes(found)).toEqual([
        {
          kind: 'edit',
          number: younger.number,
          fields: {
            state: 'closed',
            body: expect.stringContaining('findings=none'),
            state_reason: 'duplicate',
          },
          comment: `Duplicate of #${first.number}.`,
          done: 'was closed',
        },
      ]);
  });

  it('are both closed when all is well', () => {
    expect(changes([younger, first], []).map((change) => change.kind === 'edit' && change.number)).toEqual([
      first.number,
      younger.number,
    ]);
  });

  it('of which one is closed: when all is well, both forget their findings', () => {
    const closed = { ...first, state: 'closed' };
    expect(changes([closed, younger], [])).toMatchObject([
      { number: younger.number, done: 'was closed' },
      { number: first.number, fields: { body: expect.stringContaining('findings=none') } },
    ]);
  });

  it('of which one is closed: the open one goes on', () => {
    const closed = { ...first, state: 'closed' };
    expect(changes([closed, younger])).toEqual([]);
    expect(changes([closed, younger], [ORPHAN])).toMatchObject([
      { number: younger.number, done: 'was updated' },
    ]);
    expect(changes([closed, { ...younger, state: 'closed' }], [ORPHAN])).toMatchObject([
      { number: first.number, done: 'was opened again' },
    ]);
  });
});
