/** What is asked of GitHub and how: the part that issues and workflows share. */

import { describe, expect, it } from 'vitest';
import { GitHubApi } from '../../../src/github/api.ts';
import { Issues } from '../../../src/github/issues.ts';
import { Conversation } from '../../support/conversation.ts';
import type { Answer } from '../../support/wire.ts';

const talk = new Conversation();

async function api(...answers: Answer[]): Promise<GitHubApi> {
  return apiAt(answers);
}
async function apiAt(answers: Parameters<typeof talk.answer>[0]): Promise<GitHubApi> {
  await talk.answer(answers);
  return new GitHubApi(talk.line.service('GitHub'), 'ghs_1', talk.server.served.url);
}
const { asked } = talk;
const sent = (at = 0) => talk.server.exchanges[at];

describe('a request', () => {
  it('names the version of the API and the token, and answers what came', async () => {
    const github = await api({ status: 201, body: { a: 1 } });
    expect(await github.request('POST', '/x/y', { b: 2 })).toMatchObject({ status: 201, data: { a: 1 } });
    expect(sent()?.requestHeaders).toMatchObject({
      authorization: 'token ghs_1',
      'x-github-api-version': '2022-11-28',
    });
    expect(JSON.parse(sent()?.requestBody ?? '')).toEqual({ b: 2 });
  });

  it('reports an attempt that may have landed only for a write', async () => {
    for (const [method, count] of [
      ['GET', 0],
      ['PUT', 1],
      ['PATCH', 1],
      ['DELETE', 1],
    ] as const) {
      let uncertain = 0;
      const github = await api({ status: 502, body: {} }, { body: {} });
      await github.request(method, '/x', {}, () => {
        uncertain += 1;
      });
      expect([method, uncertain]).toEqual([method, count]);
      await talk.server[Symbol.asyncDispose]();
    }
  });

  it('without an answer says what was asked, and whether it can have landed', async () => {
    const github = new GitHubApi(talk.line.service('GitHub'), 'ghs_1', 'https://127.0.0.1:1');
    await expect(github.request('GET', '/x?y=1')).rejects.toMatchObject({
      code: 'GITHUB_REQUEST_FAILED',
      failed: expect.stringMatching(/^127\.0\.0\.1:1 gave no answer to GET \/x /),
      remedy: expect.stringContaining('status page of GitHub'),
      cause: { landed: 'no' },
    });
  });

  it('knows what a refusal asks for', async () => {
    const headers = { 'x-accepted-github-permissions': 'issues=write' };
    const github = await api({ status: 403, body: { message: 'no' }, headers });
    expect(await github.request('GET', '/x')).toEqual({
      status: 403,
      data: { message: 'no' },
      requiredPermissions: 'issues=write',
    });
  });

  it.each([
    [403, /firewall/],
    [404, /firewall/],
    [499, /firewall/],
    [500, /status page/],
    [503, /status page/],
  ])('that a page answers is reported as one: %i', async (status, remedy) => {
    const github = await api({ status, body: '<html>', headers: { 'content-type': 'text/html' } });
    await expect(github.request('GET', '/x')).rejects.toMatchObject({
      code: 'GITHUB_REQUEST_FAILED',
      remedy: expect.stringMatching(remedy),
      cause: { code: 'FOREIGN_ANSWER', landed: 'unknown' },
    });
  });

  it.each<[number, string, string]>([
    [403, 'Blocked by policy 77', 'text instead of JSON, "Blocked by policy 77"'],
    [401, '', 'an empty answer'],
    [403, '<?xml version="1.0"?><error>blocked</error>', 'text instead of JSON, "blocked"'],
    [404, '404 page not found', 'text instead of JSON, "404 page not found"'],
  ])('that a firewall answers is reported as one: %i %s', async (status, body, what) => {
    const github = await api({ status, body, headers: { 'content-type': 'text/plain' } });
    await expect(github.request('PUT', '/x')).rejects.toMatchObject({
      code: 'GITHUB_REQUEST_FAILED',
      failed: `The answer to PUT /x (${status}) is not from GitHub's API: it is ${what}.`,
      remedy: expect.stringMatching(/^Look for a firewall/),
      cause: { code: 'FOREIGN_ANSWER', landed: 'unknown' },
    });
  });

  it('without a body may be of a place that is not there, or of a limit', async () => {
    expect(await (await api({ status: 404 })).request('GET', '/x')).toMatchObject({ status: 404 });
    const limited = await api({ status: 403, body: 'Slow down', headers: { 'retry-after': '1' } });
    expect(await limited.request('GET', '/x')).toMatchObject({ status: 403, rateLimit: expect.anything() });
  });

  it('that is redirected to no address is foreign', async () => {
    await expect((await api({ status: 302 })).request('GET', '/x')).rejects.toMatchObject({
      failed: expect.stringContaining('it is a redirect.'),
    });
  });

  it('that is redirected to another path of GitHub counts as a rename without a name', async () => {
    const answers: Answer[] = [{}];
    await talk.answer(answers);
    answers[0] = { status: 301, headers: { location: `${talk.server.served.url}/elsewhere` }, body: {} };
    const github = new GitHubApi(talk.line.service('GitHub'), 'ghs_1', talk.server.served.url);
    expect(await github.request('GET', '/x')).toMatchObject({ status: 301, renamedTo: '' });
    expect(asked()).toEqual(['GET /x']);
  });
});

describe('a token', () => {
  it.each([
    ['ghs_app', true],
    ['github_pat_1', false],
    ['ghp_ghs_1', false],
  ])('%s may be seconds old: %s', (token, mayBeNew) => {
    expect(new GitHubApi(talk.line.service('GitHub'), token, 'https://api.example').tokenMayBeNew).toBe(
      mayBeNew,
    );
  });
});

describe('issues', () => {
  const issues = async (...answers: Answer[]) => new Issues(await api(...answers), 'acme/shop');

  it('are found by their label, open and closed, page by page', async () => {
    const issue = (number: number) => ({ number, state: 'closed', body: 'text', title: 'x' });
    const full = Array.from({ length: 100 }, (_, index) => issue(index));
    const found = await (await issues({ body: full }, { body: [issue(100), {}, 'x'] })).labelled('mark');
    expect(found.slice(99)).toEqual([
      { number: 99, state: 'closed', body: 'text' },
      { number: 100, state: 'closed', body: 'text' },
      { number: Number.NaN, state: '', body: '' },
      { number: 0, state: '', body: '' },
    ]);
    expect(asked()).toEqual(
      [1, 2].map((page) => `GET /repos/acme/shop/issues?state=all&labels=mark&per_page=100&page=${page}`),
    );
  });

  it('that are no list are an error', async () => {
    await expect((await issues({ body: {} })).labelled('mark')).rejects.toMatchObject({
      code: 'GITHUB_REQUEST_FAILED',
    });
  });

  it('are opened with their label; one that lost it is closed again', async () => {
    expect(await (await issues({ status: 201, body: { number: 5, labels: [{}] } })).open('t', 'b', 'l')).toBe(
      5,
    );
    expect(JSON.parse(sent()?.requestBody ?? '')).toEqual({ title: 't', body: 'b', labels: ['l'] });
    await talk.server[Symbol.asyncDispose]();
    const without = await issues({ status: 201, body: { number: 6, labels: [] } }, { body: { number: 6 } });
    await expect(without.open('t', 'b', 'l')).rejects.toMatchObject({
      code: 'GITHUB_FORBIDDEN',
      failed: expect.stringContaining('#6'),
    });
    expect(asked()).toEqual(['POST /repos/acme/shop/issues', 'PATCH /repos/acme/shop/issues/6']);
    expect(JSON.parse(sent(1)?.requestBody ?? '')).toEqual({ state: 'closed' });
  });

  it('are changed and commented', async () => {
    const some = await issues({ body: {} }, { status: 201, body: {} });
    await some.edit(3, { title: 'new' });
    await some.comment(3, 'text');
    expect(asked()).toEqual(['PATCH /repos/acme/shop/issues/3', 'POST /repos/acme/shop/issues/3/comments']);
    expect(JSON.parse(sent(1)?.requestBody ?? '')).toEqual({ body: 'text' });
  });

  it.each([
    [202, 'GITHUB_REQUEST_FAILED'],
    [403, 'GITHUB_FORBIDDEN'],
    [410, 'GITHUB_FORBIDDEN'],
  ])('that are answered with %i are an error', async (status, code) => {
    const error = await (await issues({ status, body: {} })).comment(4, 'x').catch((one: unknown) => one);
    expect(error).toMatchObject({ code, failed: expect.stringContaining('comment on the issue #4') });
  });
});

describe('a rate limit that remains', () => {
  const SECONDARY = { message: 'You have exceeded a secondary rate limit. Please wait a few minutes.' };
  const reset = (at: number) => `${Math.ceil(at / 1_000)}`;

  it.each<[string, (now: number) => Answer, number | undefined]>([
    [
      'a secondary one that names its wait',
      () => ({ status: 403, body: SECONDARY, headers: { 'retry-after': '90' } }),
      90_000,
    ],
    ['a secondary one that names none', () => ({ status: 403, body: SECONDARY }), undefined],
    [
      'a secondary one, whose wait the reset of the primary one does not show',
      (now) => ({
        status: 403,
        body: SECONDARY,
        headers: { 'x-ratelimit-remaining': '9', 'x-ratelimit-reset': reset(now + 900_000) },
      }),
      undefined,
    ],
    ...[403, 429].map((status): [string, (now: number) => Answer, number] => [
      `the primary one, with ${status}`,
      (now) => ({
        status,
        body: { message: 'API rate limit exceeded' },
        headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset(now + 900_000) },
      }),
      900_000,
    ]),
    ['one without any header', () => ({ status: 429, body: {} }), undefined],
    [
      'one until a time that does not exist',
      () => ({ status: 429, body: {}, headers: { 'retry-after': '9'.repeat(15) } }),
      undefined,
    ],
  ])('%s is no refusal for good', async (_, answerAt, wait) => {
    const github = await apiAt(() => answerAt(Date.now()));
    const { rateLimit } = await github.request('GET', '/x');
    expect(rateLimit).toBeDefined();
    if (wait === undefined) expect(rateLimit?.until).toBeUndefined();
    // Dates of answers have whole seconds, and so has the reset.
    else expect(Math.abs((rateLimit?.until ?? 0) - Date.now() - wait)).toBeLessThan(2_500);
    expect(talk.asked()).toHaveLength(5);
  });

  it('is not what a refusal for good says', async () => {
    const github = await api({ status: 403, body: { message: 'Resource not accessible by integration' } });
    expect((await github.request('GET', '/x')).rateLimit).toBeUndefined();
  });
});
