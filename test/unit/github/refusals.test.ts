/** What the token of a workflow is refused, and what to do about it. */

import { describe, expect, it } from 'vitest';
import type { Answer } from '../../../src/github/answer.ts';
import { callRefused, isNotShown, refused } from '../../../src/github/refusals.ts';
import type { Destination } from '../../../src/model/secret-location.ts';

describe('what a refusal means', () => {
  it.each<[number, string, RegExp]>([
    [400, 'GITHUB_REQUEST_FAILED', /Start a new run/],
    [401, 'GITHUB_UNAUTHORIZED', /workflow-token/],
    [403, 'GITHUB_FORBIDDEN', /'issues: write'/],
    [404, 'GITHUB_FORBIDDEN', /'issues: write'/],
    [409, 'GITHUB_REQUEST_FAILED', /Start a new run/],
    [
      410,
      'GITHUB_FORBIDDEN',
      /^Enable issues in the settings of that repository, or set report-issue: false\.$/,
    ],
    [422, 'GITHUB_REQUEST_FAILED', /Start a new run/],
    [500, 'GITHUB_REQUEST_FAILED', /Start a new run/],
  ])('%i: %s', (status, code, remedy) => {
    const error = callRefused('open an issue', { status, data: { message: 'said' } }, 'issues: write');
    expect(error).toMatchObject({ code, remedy: expect.stringMatching(remedy) });
    expect(error.failed).toBe(`GitHub did not open an issue (${status}: said).`);
    expect(callRefused('x', { status, data: null }, '').failed).toBe(`GitHub did not x (${status}).`);
  });

  it('of a repository that was renamed names it, if it can', () => {
    const answer = { status: 301, data: undefined };
    expect(callRefused('x', { ...answer, renamedTo: 'a/b' }, '').remedy).toContain('write a/b.');
    expect(callRefused('x', { ...answer, renamedTo: '' }, '').code).toBe('DESTINATION_NOT_FOUND');
    expect(callRefused('x', { ...answer, renamedTo: '' }, '').remedy).toContain('write its new name.');
  });
});

it.each<[Destination, string, string]>([
  [
    { kind: 'repo', owner: 'acme', repo: 'shop' },
    'acme/store',
    'Write repo:acme/store in destinations. If it is the first one, also name repo:acme/shop in moved-from.',
  ],
  [
    { kind: 'dependabot', owner: 'acme', repo: 'shop' },
    'acme/store',
    'Write dependabot:acme/store in destinations.',
  ],
  [{ kind: 'dependabot', owner: 'acme', repo: 'shop' }, '', 'Write its new name in destinations.'],
])('a destination that was renamed: %j to %j', (destination, renamedTo, remedy) => {
  const answer = { status: 301, data: undefined, renamedTo };
  expect(refused(destination, answer, 'show the secrets')).toMatchObject({
    code: 'DESTINATION_NOT_FOUND',
    remedy,
  });
});

/** Of both tokens: github-token and workflow-token. */
const errorsOf = (answer: Answer) => [
  refused({ kind: 'repo', owner: 'acme', repo: 'shop' }, answer, 'show the secrets'),
  callRefused('list issues', answer, 'issues: write'),
];

describe('a refusal that says nothing about the place, nor about a permission', () => {
  it.each([403, 429])('of a rate limit with %i says until when to wait', (status) => {
    const until = Date.parse('2026-11-24T12:15:00Z');
    const answer = { status, data: { message: 'You have exceeded a secondary rate limit.' } };
    for (const error of errorsOf({ ...answer, rateLimit: { until } })) {
      expect(error).toMatchObject({
        code: 'GITHUB_REQUEST_FAILED',
        failed: expect.stringMatching(
          /secondary rate limit.*That is a rate limit, which did not end in the time of this run\.$/,
        ),
        remedy: expect.stringMatching(/^Wait until 2026-11-24T12:15:00\.000Z, then start a new run\./),
      });
      expect(isNotShown(error)).toBe(false);
    }
    for (const error of errorsOf({ ...answer, rateLimit: { until: undefined } }))
      expect(error.remedy).toMatch(/^Wait a few minutes, then/);
  });

  it('of single sign-on says how to authorize the token', () => {
    const message =
      'Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization.';
    const [error] = errorsOf({ status: 403, data: { message } });
    expect(error).toMatchObject({
      code: 'GITHUB_FORBIDDEN',
      remedy: expect.stringMatching(/^Authorize the token for the organization:.*Configure SSO/),
    });
    const [other] = errorsOf({ status: 404, data: { message } });
    expect(other?.remedy).not.toContain('SSO');
  });
});
