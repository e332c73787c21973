/** Which workflow runs may still hold what was revoked: one too many is better than one that is missed. */

import { describe, expect, it } from 'vitest';
import { GitHubApi } from '../../../src/github/api.ts';
import { SecretStore } from '../../../src/github/secret-store.ts';
import { findEarlierRuns } from '../../../src/github/workflow-runs.ts';
import { type Destination, parseDestination } from '../../../src/model/secret-location.ts';
import { Conversation } from '../../support/conversation.ts';
import type { Answer } from '../../support/wire.ts';

const STORED = Date.parse('2026-11-24T12:00:00Z');
const talk = new Conversation();

const run = (id: number, changes: object = {}) => ({
  id,
  name: `run ${id}`,
  html_url: `https://github.com/acme/shop/actions/runs/${id}`,
  status: 'queued',
  created_at: '2026-11-24T11:00:00Z',
  ...changes,
});
const only =
  (status: string, ...runs: object[]) =>
  (asked: string): Answer => ({
    body: { workflow_runs: asked.includes(`status=${status}&`) ? runs : [] },
  });

async function find(answer: (asked: string) => Answer, destinations = ['repo:acme/shop'], own = '7') {
  await talk.answer(answer);
  const store = new SecretStore(
    new GitHubApi(talk.line.service('GitHub'), 'github_pat_1', talk.server.served.url),
  );
  return findEarlierRuns(
    store,
    destinations.map((one) => parseDestination(one) as Destination),
    STORED,
    own,
  );
}

describe('a workflow run may hold what was revoked', () => {
  it.each(['in_progress', 'queued', 'waiting', 'pending', 'requested'])('while it is %s', async (status) => {
    const { runs } = await find(only(status, run(1, { status })));
    expect(runs).toEqual([
      {
        id: 1,
        repository: 'acme/shop',
        name: 'run 1',
        url: 'https://github.com/acme/shop/actions/runs/1',
        status,
        createdAt: '2026-11-24T11:00:00Z',
      },
    ]);
  });

  it.each<[string, object, boolean]>([
    ['queued in the very second', { created_at: '2026-11-24T12:00:00Z' }, true],
    ['queued a second later', { created_at: '2026-11-24T12:00:01Z' }, false],
    ['over by now', { status: 'completed' }, false],
    ['this run itself', { id: 7 }, false],
    ['a run whose id begins like that of this one', { id: 77 }, true],
  ])('%s: %o, %s', async (_, changes, isHolder) => {
    const { runs } = await find(only('queued', run(1, changes)));
    expect(runs).toHaveLength(isHolder ? 1 : 0);
  });

  it('and counts once, even if its status changed between two questions', async () => {
    const { runs } = await find(() => ({ body: { workflow_runs: [run(1)] } }));
    expect(runs).toHaveLength(1);
  });

  it('by the name of its file, or by its number', async () => {
    const { runs } = await find(
      only('queued', run(1, { name: null, path: '.github/workflows/a.yml' }), run(2, { name: null })),
    );
    expect(runs.map(({ name }) => name)).toEqual(['.github/workflows/a.yml', '2']);
  });
});

describe('what is searched', () => {
  it('is each repository once, whatever holds its secret', async () => {
    const destinations = [
      'repo:acme/shop',
      'env:Acme/Shop/production',
      'dependabot:acme/other',
      'org:globex',
    ];
    const found = await find(() => ({ body: { workflow_runs: [] } }), destinations);
    expect(found.searched).toEqual(['Acme/Shop', 'acme/other']);
    expect(found.unsearched).toEqual([
      { destination: 'org:globex', why: expect.stringContaining('not searched') },
    ]);
    expect(talk.server.exchanges).toHaveLength(10);
  });

  it.each<[string, Answer, RegExp]>([
    ['may not be looked at', { status: 403, body: { message: 'no' } }, /Actions: read/],
    ['answers what is no list', { body: {} }, /cannot be used/],
    ['is not there', { status: 404, body: {} }, /does not show repo:acme\/shop/],
    ['shows a run without an id', { body: { workflow_runs: [{ ...run(1), id: '1' }] } }, /cannot be read/],
    [
      'shows a run without a status',
      { body: { workflow_runs: [run(1, { status: null })] } },
      /cannot be read/,
    ],
    [
      'shows a run without its time',
      { body: { workflow_runs: [run(1, { created_at: 'now' })] } },
      /cannot be read/,
    ],
    [
      'shows a run whose link is none',
      { body: { workflow_runs: [run(1, { html_url: 'javascript:x' })] } },
      /cannot be read/,
    ],
    [
      'shows a run whose link would end early',
      { body: { workflow_runs: [run(1, { html_url: 'https://github.com/a)b' })] } },
      /cannot be read/,
    ],
    ['shows a run that is none', { body: { workflow_runs: ['x'] } }, /cannot be read/],
  ])('a repository that %s is named, and fails nothing', async (_, answer, why) => {
    expect(await find(() => answer)).toEqual({
      runs: [],
      searched: [],
      unsearched: [{ destination: 'repo:acme/shop', why: expect.stringMatching(why) }],
    });
  });

  it('and a permission is asked for only if one is missing', async () => {
    const { unsearched } = await find(() => ({ status: 404, body: {} }));
    expect(unsearched[0]?.why).not.toContain('Actions: read');
  });
});
