/** Secrets that hide one that is delivered, and workflows, as GitHub shows them. */

import { describe, expect, it } from 'vitest';
import { GitHubApi } from '../../../src/github/api.ts';
import { SecretStore } from '../../../src/github/secret-store.ts';
import { findShadows } from '../../../src/github/shadows.ts';
import { readWorkflow } from '../../../src/github/workflows.ts';
import {
  type Destination,
  parseDestination,
  printDestination,
  type Repository,
} from '../../../src/model/secret-location.ts';
import { Conversation } from '../../support/conversation.ts';
import type { Answer } from '../../support/wire.ts';

const talk = new Conversation();

const api = () => new GitHubApi(talk.line.service('GitHub'), 'github_pat_1', talk.server.served.url);
const location = (text: string, secretName = 'PEM') => ({
  destination: parseDestination(text) as Destination,
  secretName,
  part: 'pair' as const,
});
const HOME: Repository = { kind: 'repo', owner: 'acme', repo: 'home' };

/** What each path shows: names, by the end of the path. */
async function shadowsOf(shown: Record<string, string[] | number>, locations = [location('repo:acme/shop')]) {
  await talk.answer((asked) => {
    const path = asked.replace(/^GET \/repos\/|\?.*/g, '');
    const names = shown[path] ?? [];
    if (typeof names === 'number') return { status: names, body: { message: 'no' } };
    return {
      body: {
        [path.endsWith('/environments') ? 'environments' : 'secrets']: names.map((name) => ({ name })),
      },
    };
  });
  const { found, unread } = await findShadows(new SecretStore(api()), locations, HOME);
  return {
    found: found.map(
      ({ by, hidden }) =>
        `${printDestination(by)} hides ${hidden.secretName} of ${printDestination(hidden.destination)}`,
    ),
    unread: unread.map(({ error, repository }) => `${repository.repo} ${error.code}`),
  };
}

describe('a secret is hidden', () => {
  it('by that of an environment, if it has the same name', async () => {
    const { found } = await shadowsOf({
      'acme/shop/environments': ['production', 'staging'],
      'acme/shop/environments/production/secrets': ['OTHER', 'PEM'],
      'acme/shop/environments/staging/secrets': ['PEM_2'],
      'acme/shop/actions/secrets': ['PEM'],
    });
    expect(found).toEqual(['env:acme/shop/production hides PEM of repo:acme/shop']);
  });

  it("of the organization by that of this run's own repository and its environments", async () => {
    const shown = {
      'acme/home/environments': ['production'],
      'acme/home/environments/production/secrets': ['PEM'],
      'acme/home/actions/secrets': ['PEM'],
    };
    const { found } = await shadowsOf(shown, [location('org:Acme'), location('org:globex')]);
    expect(found).toEqual([
      'repo:acme/home hides PEM of org:Acme',
      'env:acme/home/production hides PEM of org:Acme',
    ]);
  });

  it('by nothing if only an environment or Dependabot is served: GitHub is not even asked', async () => {
    expect(await shadowsOf({}, [location('env:acme/shop/a'), location('dependabot:acme/shop')])).toEqual({
      found: [],
      unread: [],
    });
    expect(talk.server.exchanges).toEqual([]);
  });
});

describe('a repository', () => {
  it('is looked at once, however it is spelt, and asked only for what could hide something', async () => {
    await shadowsOf({}, [location('repo:acme/shop'), location('repo:Acme/Shop', 'KEY')]);
    expect(talk.server.exchanges.map(({ path }) => path)).toEqual([
      '/repos/acme/shop/environments?per_page=100&page=1',
    ]);
  });

  it.each([
    [403, 'GITHUB_FORBIDDEN'],
    [401, 'GITHUB_UNAUTHORIZED'],
    [404, 'DESTINATION_NOT_FOUND'],
  ])('that may not be read is reported, and the others are read: %i', async (status, code) => {
    const shown = {
      'acme/shop/environments': status,
      'acme/two/environments': ['a'],
      'acme/two/environments/a/secrets': ['PEM'],
    };
    expect(await shadowsOf(shown, [location('repo:acme/shop'), location('repo:acme/two')])).toEqual({
      found: ['env:acme/two/a hides PEM of repo:acme/two'],
      unread: [`shop ${code}`],
    });
  });

  it('that does not answer fails the look', async () => {
    await expect(shadowsOf({ 'acme/shop/environments': 500 })).rejects.toMatchObject({
      code: 'GITHUB_REQUEST_FAILED',
    });
  });
});

describe('a workflow', () => {
  const of = { owner: 'acme', repo: 'shop', file: 'rotate.yml' };
  const RUNS = '/runs?status=completed&per_page=1';
  const read = async (workflow: Answer, runs: Answer) => {
    await talk.answer((asked) => (asked.endsWith(RUNS) ? runs : workflow));
    return readWorkflow(api(), of);
  };

  it('has a state, and the conclusion of its last run that has ended', async () => {
    const runs = { body: { workflow_runs: [{ conclusion: 'failure' }, { conclusion: 'success' }] } };
    expect(await read({ body: { state: 'active' } }, runs)).toEqual({
      ...of,
      state: 'active',
      conclusion: 'failure',
    });
    const path = '/repos/acme/shop/actions/workflows/rotate.yml';
    expect(talk.server.exchanges.map(({ path: asked }) => asked)).toEqual([path, `${path}${RUNS}`]);
  });

  it('that never ran has no conclusion', async () => {
    expect(
      await read({ body: { state: 'disabled_inactivity' } }, { body: { workflow_runs: [] } }),
    ).toMatchObject({
      state: 'disabled_inactivity',
      conclusion: undefined,
    });
  });

  it.each<[string, Answer, Answer, string]>([
    ['that may not be read', { status: 403, body: {} }, {}, 'GITHUB_FORBIDDEN'],
    ['that is not there', { status: 404, body: {} }, {}, 'GITHUB_FORBIDDEN'],
    [
      'whose runs may not be read',
      { body: { state: 'active' } },
      { status: 403, body: {} },
      'GITHUB_FORBIDDEN',
    ],
    ['without a state', { body: {} }, { body: { workflow_runs: [] } }, 'GITHUB_REQUEST_FAILED'],
    ['without runs', { body: { state: 'active' } }, { body: {} }, 'GITHUB_REQUEST_FAILED'],
  ])('%s is an error', async (_, workflow, runs, code) => {
    await expect(read(workflow, runs)).rejects.toMatchObject({ code });
  });
});
