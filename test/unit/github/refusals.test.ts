/** What the token of a workflow is refused, and what to do about it. */

import { describe, expect, it } from 'vitest';
import { callRefused } from '../../../src/github/refusals.ts';

describe('what a refusal means', () => {
  it.each<[number, string, RegExp]>([
    [400, 'GITHUB_REQUEST_FAILED', /Start a new run/],
    [401, 'GITHUB_UNAUTHORIZED', /workflow-token/],
    [403, 'GITHUB_FORBIDDEN', /'issues: write'/],
    [404, 'GITHUB_FORBIDDEN', /'issues: write'/],
    [409, 'GITHUB_REQUEST_FAILED', /Start a new run/],
    [410, 'GITHUB_FORBIDDEN', /'issues: write'/],
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
    expect(callRefused('x', { ...answer, renamedTo: '' }, '').code).toBe('GITHUB_REQUEST_FAILED');
    expect(callRefused('x', { ...answer, renamedTo: '' }, '').remedy).toContain('write its new name.');
  });
});
