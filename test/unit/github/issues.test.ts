/** Issues of a repository: what is not done twice. */

import { afterEach, beforeEach, expect, it } from 'vitest';
import { GitHubApi } from '../../../src/github/api.ts';
import { Issues } from '../../../src/github/issues.ts';
import { type Line, openLine, peer } from '../../support/wire.ts';

let line: Line;
beforeEach(() => {
  line = openLine();
});
afterEach(() => line[Symbol.asyncDispose]());

it.each([500, 502, 504])('an issue whose answer was lost is not opened again: %i', async (status) => {
  await using server = await peer([
    { status, body: {} },
    { status: 201, body: { number: 1, labels: [{}] } },
  ]);
  const issues = new Issues(new GitHubApi(line.service('GitHub'), 'token', server.served.url), 'acme/shop');
  await expect(issues.open('title', 'body', 'label')).rejects.toMatchObject({
    code: 'GITHUB_REQUEST_FAILED',
  });
  expect(server.exchanges.map(({ method }) => method)).toEqual(['POST']);
});

it('a change of an issue is asked for again: it is the same change', async () => {
  await using server = await peer([{ status: 502, body: {} }, { body: { number: 1 } }]);
  const issues = new Issues(new GitHubApi(line.service('GitHub'), 'token', server.served.url), 'acme/shop');
  await issues.edit(1, { state: 'closed' });
  expect(server.exchanges.map(({ method }) => method)).toEqual(['PATCH', 'PATCH']);
});

it('a redirect is reported with the new name, and not followed', async () => {
  const answers = [{}, { body: { full_name: 'acme/store' } }];
  await using server = await peer(answers);
  answers[0] = {
    status: 301,
    headers: { location: `${server.served.url}/repositories/42/issues` },
  } as object;
  const issues = new Issues(new GitHubApi(line.service('GitHub'), 'token', server.served.url), 'acme/shop');
  await expect(issues.labelled('label')).rejects.toMatchObject({
    remedy: 'The repository was renamed: write acme/store.',
  });
});
